"use strict";
// The page is complete without this script and shows the first samples; the script lets the reader browse the others.
// Data never becomes markup: it enters the page as text only.
const { groups, professions, polarities, pageSize, samples } = JSON.parse(document.querySelector(".data").textContent);
const list = document.querySelector(".list");
const filter = document.querySelector(".filter");
const { about, polarity, model, find, differ } = filter;
const found = filter.querySelector("output");
const here = filter.querySelector(".here");
const empty = document.querySelector(".empty");
const heading = document.getElementById("samples");
const pager = document.querySelector(".pager");
const [back, on] = pager.querySelectorAll("button");
const blank = list.firstElementChild?.cloneNode(true);
const genders = { f: "female", m: "male" };
let searchable; // each sample's prompt and texts in lower case, made when first needed
let matching = [];
let start = 0;

const words = (text) => text.slice(2).join("");

function mark(word, gender) {
  const element = document.createElement("mark");
  element.className = gender;
  element.title = gender;
  element.textContent = word;
  return element;
}

function label(group, text) {
  const spoken = polarities[text[0]];
  if (group < professions || spoken === "neutral") return spoken;
  return `${spoken}, ${text[0] === group - professions ? "keeps" : "loses"} the opening’s gender`;
}

function article([group, prompt, texts]) {
  const element = blank.cloneNode(true);
  element.querySelector(".prompt span").textContent = groups[group];
  element.querySelector("q").textContent = `${prompt} …`;
  for (const part of element.querySelectorAll(".text")) {
    const text = texts[part.dataset.model];
    const shown = part.querySelector("p");
    part.hidden = model.value !== "" && part.dataset.model !== model.value;
    part.querySelector("span").textContent = text ? label(group, text) : "";
    shown.classList.toggle("absent", !text);
    shown.replaceChildren(
      ...(text ? text.slice(2).map((piece, i) => (i % 2 ? mark(piece, genders[text[1][(i - 1) / 2]]) : piece)) : ["not given this prompt"]),
    );
  }
  return element;
}

// What is chosen, as the part of the address after #; professions and models by name, so that it survives a new report.
function address() {
  const parts = new URLSearchParams();
  const name = (select) => select.selectedOptions[0].text;
  if (about.value) parts.set("about", about.value === "openings" ? "openings" : groups[about.value]);
  if (polarity.value) parts.set("speaks", polarities[polarity.value]);
  if (model.value) parts.set("model", name(model));
  if (find.value) parts.set("find", find.value);
  if (differ?.checked) parts.set("differ", "yes");
  if (start) parts.set("page", start / pageSize + 1);
  return `#samples${parts.size ? `&${parts}` : ""}`;
}

function restore() {
  const parts = new URLSearchParams(location.hash.slice(1));
  if (!parts.has("samples")) return;
  const pick = (select, text) => Math.max(0, [...select.options].findIndex((option) => option.text === text));
  about.value = parts.get("about") === "openings" ? "openings" : String(groups.indexOf(parts.get("about")));
  if (about.selectedIndex < 0) about.value = "";
  polarity.selectedIndex = pick(polarity, parts.get("speaks"));
  model.selectedIndex = pick(model, parts.get("model"));
  find.value = parts.get("find") ?? "";
  if (differ) differ.checked = parts.has("differ");
  choose((Number.parseInt(parts.get("page")) || 1) - 1);
  if (parts.size > 1) {
    heading.scrollIntoView();
    heading.focus({ preventScroll: true });
  }
}

function show() {
  const end = Math.min(start + pageSize, matching.length);
  list.replaceChildren(...matching.slice(start, end).map(article));
  empty.hidden = matching.length > 0;
  back.disabled = start === 0;
  on.disabled = end === matching.length;
  pager.hidden = matching.length <= pageSize;
  const total = `${matching.length.toLocaleString("en")} ${matching.length === 1 ? "sample" : "samples"}`;
  found.textContent = matching.length > pageSize ? `${(start + 1).toLocaleString("en")} to ${end.toLocaleString("en")} of ${total}` : total;
  here.hash = address();
}

function choose(page = 0) {
  const sought = find.value.toLowerCase();
  if (sought) searchable ??= samples.map(([, prompt, texts]) => [prompt, ...texts.map((text) => text && words(text))].map((text) => text?.toLowerCase()));
  const isOpening = about.value === "openings" || Number(about.value) >= professions;
  const inGroup = (group) => (/^\d+$/.test(about.value) ? group === Number(about.value) : group >= professions === isOpening);
  const fits = (text) => text && (polarity.value === "" || text[0] === Number(polarity.value));
  const differing = (texts) => new Set(texts.filter(Boolean).map(([spoken]) => spoken)).size > 1;
  const holds = ([prompt, ...texts]) => prompt.includes(sought) || (model.value === "" ? texts : [texts[model.value]]).some((text) => text?.includes(sought));
  matching = samples.filter(
    ([group, , texts], index) =>
      inGroup(group) &&
      (model.value === "" ? texts.some(fits) : fits(texts[model.value])) &&
      (!differ?.checked || differing(texts)) &&
      (!sought || holds(searchable[index])),
  );
  start = Math.max(0, Math.min(page, Math.ceil(matching.length / pageSize) - 1)) * pageSize;
  show();
}

function chosen() {
  choose();
  history.replaceState(null, "", here.hash);
}

function turn(step) {
  start += step;
  show();
  history.replaceState(null, "", here.hash);
  // A disabled button would lose the keyboard's focus.
  if (step < 0 && back.disabled) on.focus();
  if (step > 0 && on.disabled) back.focus();
  filter.scrollIntoView({ block: "start" });
}

if (blank) {
  filter.addEventListener("input", chosen);
  filter.addEventListener("reset", () => setTimeout(chosen)); // the fields are emptied after the event
  filter.addEventListener("submit", (event) => event.preventDefault());
  back.addEventListener("click", () => turn(-pageSize));
  on.addEventListener("click", () => turn(pageSize));
  // A profession in the chart links to all of its texts, whatever was chosen before.
  for (const link of document.querySelectorAll("a[data-group]")) {
    link.hash = `#samples&${new URLSearchParams({ about: link.dataset.group })}`;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      history.pushState(null, "", link.hash);
      restore();
    });
  }
  addEventListener("popstate", restore);
  filter.hidden = false;
  choose();
  restore();
}
