"use strict";

// The table of utterances: every row is made once, by the server. Of those that pass the filter, the first so many are shown.
const table = document.getElementById("rows");
const body = table.tBodies[0];
const filter = document.getElementById("filter");
const more = document.getElementById("more");
const shown = document.getElementById("shown");
const FIRST = Number(table.dataset.first);
const MORE = 100;
const headings = Array.from(table.tHead.rows[0].cells);
const [SET, ERRORS] = [1, 4];
const rows = Array.from(body.rows).concat(Array.from(document.getElementById("more-rows").content.children));
const collator = new Intl.Collator(undefined, { numeric: true });
const texts = new Map();

let order = rows;
let found = rows;

const words = (row, selector) =>
  Array.from(row.querySelectorAll(selector), (part) => part.textContent).join("unspaced" in row.dataset ? "" : " ");
const plain = (text) => text.normalize("NFKC").toLowerCase();

// What the filter looks in: all that is shown, and then what was said and what was heard, each without the other.
function textOf(row) {
  if (!texts.has(row)) {
    texts.set(row, plain([row.textContent, words(row, ".same, .said"), words(row, ".same, .heard")].join("\n")));
  }
  return texts.get(row);
}

function passing() {
  const text = plain(filter.elements.text.value.trim());
  const set = filter.elements.set.value;
  const onlyWrong = filter.elements.wrong.checked;
  return order.filter(
    (row) =>
      (!set || row.cells[SET].textContent === set) &&
      (!onlyWrong || parseFloat(row.cells[ERRORS].textContent) > 0) &&
      (!text || textOf(row).includes(text)),
  );
}

function show() {
  found = passing();
  body.replaceChildren(...found.slice(0, FIRST));
  tell();
}

function tell() {
  const now = body.rows.length;
  const passed = found.length < rows.length ? ` that match, ${told(rows.length)} in all` : "";
  shown.textContent = `${told(now)} shown of ${told(found.length)}${passed}${sorting()}`;
  more.hidden = now === found.length;
  more.textContent = `Show ${told(Math.min(MORE, found.length - now))} more`;
}

const told = (number) => number.toLocaleString("en");

function sorting() {
  const heading = headings.find((each) => each.hasAttribute("aria-sort"));
  return heading ? `, by ${heading.textContent.trim().toLowerCase()}, ${heading.getAttribute("aria-sort")}` : "";
}

function sort(heading) {
  const column = headings.indexOf(heading);
  const isNumber = heading.hasAttribute("data-number");
  const before = heading.getAttribute("aria-sort");
  const isDown = before ? before === "ascending" : isNumber;
  headings.forEach((each) => each.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", isDown ? "descending" : "ascending");
  const compare = isNumber ? (a, b) => a - b : collator.compare;
  const keyed = rows.map((row) => {
    const text = row.cells[column].textContent;
    return [isNumber ? parseFloat(text) || 0 : text, row];
  });
  keyed.sort((a, b) => (isDown ? compare(b[0], a[0]) : compare(a[0], b[0])));
  order = keyed.map(([, row]) => row);
  show();
}

headings.forEach((heading) => heading.querySelector("button").addEventListener("click", () => sort(heading)));

filter.elements.text.addEventListener("input", show);
filter.elements.set.addEventListener("change", show);
filter.elements.wrong.addEventListener("change", show);
filter.addEventListener("submit", (event) => event.preventDefault());
filter.hidden = false;

more.addEventListener("click", () => {
  const now = body.rows.length;
  body.append(...found.slice(now, now + MORE));
  tell();
  if (more.hidden) shown.focus();
});

show();

// How fast the models were: scripts beside the page say it, on the machine that measured it.
for (const row of document.querySelectorAll("[data-speed]")) {
  const speed = (window.speeds ?? {})[row.dataset.speed];
  for (const cell of row.querySelectorAll("[data-figure]")) {
    if (speed) cell.textContent = speed[cell.dataset.figure].toFixed(Number(cell.dataset.digits));
  }
}
