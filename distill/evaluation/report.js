"use strict";
// The page is whole without this script: it only hides what is not asked for.
const filter = document.querySelector(".filter");
const [group, polarity, model] = filter.querySelectorAll("select");
const count = filter.querySelector("output");

function show() {
  let shown = 0;
  for (const part of document.querySelectorAll(".group")) {
    part.hidden = group.value !== "" && part.dataset.group !== group.value;
    let within = 0;
    for (const sample of part.querySelectorAll(".sample")) {
      let found = false;
      for (const text of sample.querySelectorAll(".text")) {
        text.hidden = model.value !== "" && text.dataset.model !== model.value;
        found ||= !text.hidden && (polarity.value === "" || text.dataset.polarity === polarity.value);
      }
      sample.hidden = !found;
      within += found;
    }
    part.querySelector(".empty").hidden = within > 0;
    if (!part.hidden) shown += within;
  }
  count.textContent = `${shown} ${shown === 1 ? "sample" : "samples"}`;
}

group.addEventListener("change", () => {
  for (const part of document.querySelectorAll(".group")) part.open = part.dataset.group === group.value;
});
filter.addEventListener("change", show);
filter.hidden = false;
show();
