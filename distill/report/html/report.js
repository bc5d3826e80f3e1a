"use strict";
// The page is complete without this script and shows the first samples; the script lets the reader browse the others.
// Data never becomes markup: it enters the page as text only.
const { polarities, pageSize, samples } = JSON.parse(document.querySelector(".data").textContent);
const list = document.querySelector(".list");
const filter = document.querySelector(".filter");
const found = filter.querySelector("output");
const empty = document.querySelector(".empty");
const pager = document.querySelector(".pager");
const [back, on] = pager.querySelectorAll("button");
const blank = list.firstElementChild?.cloneNode(true);
const genders = { f: "female", m: "male" };
let matching = [];
let start = 0;

function mark(word, gender) {
  const element = document.createElement("mark");
  element.className = gender;
  element.title = gender;
  element.textContent = word;
  return element;
}

function article([group, prompt, texts]) {
  const element = blank.cloneNode(true);
  element.querySelector(".prompt span").textContent = filter.group.options[group + 1].text;
  element.querySelector("q").textContent = `${prompt} …`;
  for (const part of element.querySelectorAll(".text")) {
    const text = texts[part.dataset.model];
    const words = part.querySelector("p");
    part.hidden = filter.model.value !== "" && part.dataset.model !== filter.model.value;
    part.querySelector("span").textContent = text ? polarities[text[0]] : "";
    words.classList.toggle("absent", !text);
    words.replaceChildren(
      ...(text ? text.slice(2).map((piece, i) => (i % 2 ? mark(piece, genders[text[1][(i - 1) / 2]]) : piece)) : ["not given this prompt"]),
    );
  }
  return element;
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
}

function choose() {
  const group = filter.group.selectedIndex - 1; // the first option is all of them
  const polarity = filter.polarity.value;
  const model = filter.model.value;
  const fits = (text) => text && (polarity === "" || text[0] === Number(polarity));
  matching = samples.filter(
    ([of, , texts]) => (group < 0 || of === group) && (model === "" ? texts.some(fits) : fits(texts[model])),
  );
  start = 0;
  show();
}

function turn(step) {
  start += step;
  show();
  // A disabled button would lose the keyboard's focus.
  if (step < 0 && back.disabled) on.focus();
  if (step > 0 && on.disabled) back.focus();
  filter.scrollIntoView({ block: "start" });
}

if (blank) {
  filter.addEventListener("change", choose);
  filter.addEventListener("submit", (event) => event.preventDefault());
  back.addEventListener("click", () => turn(-pageSize));
  on.addEventListener("click", () => turn(pageSize));
  // A profession in the chart links to its texts.
  for (const link of document.querySelectorAll("a[data-group]")) {
    link.addEventListener("click", () => {
      filter.group.value = link.dataset.group;
      choose();
    });
  }
  filter.hidden = false;
  choose();
}
