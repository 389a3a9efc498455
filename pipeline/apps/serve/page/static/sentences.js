// The sentences that are shown, the labels that the reader gives them, and the card of one sentence.

import { announce, badge, counted, decimal, drawing, element, fill, texts } from "./words.js";

const HOVER = 250; // milliseconds until a card opens under the pointer
const LEAVE = 300; // and until it closes, so that the pointer can reach it

export let data = null; // what the server answered: checkpoint, thresholds, labels, articles
const corrections = new Map(); // by article, then by the first sentence of the same text: the labels it should have
const checked = new Set(); // articles of which every sentence was checked
let dirty = false;

let card = null;
let owner = null; // the sentence whose card is open
let pinned = false;
let timer = 0;

const keyOf = (article) => `${article.id}\0${article.title}\0${article.text}`;

// Takes up the page that has just been put in place.
export function begin() {
  close();
  const source = document.getElementById("data");
  data = source && JSON.parse(source.textContent);
  if (!data) return;
  for (const tag of document.querySelectorAll(".tag")) {
    tag.removeAttribute("href");
    tag.tabIndex = 0;
    tag.setAttribute("role", "button");
    tag.setAttribute("aria-haspopup", "dialog");
    tag.setAttribute("aria-expanded", "false");
  }
  data.articles.forEach((article, number) => {
    const section = document.getElementById(`article-${number}`);
    const box = section.querySelector(".checked");
    if (box) box.checked = checked.has(keyOf(article));
    if (corrections.has(keyOf(article))) article.sentences.forEach((_, index) => render(number, index));
    summarise(number);
  });
  choose(0, false);
}

export function unsaved() {
  return dirty;
}

export function saved() {
  dirty = false;
}

export function isChecked(article) {
  return checked.has(keyOf(article));
}

// Returns the labels of a sentence as they stand: the reader's, else the model's.
export function labelsOf(article, sentence) {
  return corrections.get(keyOf(article))?.get(sentence.same) ?? sentence.labels;
}

export function isCorrected(article, sentence) {
  return corrections.get(keyOf(article))?.has(sentence.same) ?? false;
}

// Shows one article of several.
export function choose(number, byReader) {
  const links = document.querySelectorAll("[data-choose]");
  if (!links.length) return;
  close();
  for (const section of document.querySelectorAll(".article")) section.hidden = Number(section.dataset.number) !== number;
  for (const link of links) {
    if (Number(link.dataset.choose) === number) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  if (byReader) {
    const heading = document.getElementById(`title-${number}`);
    heading.focus({ preventScroll: true });
    heading.scrollIntoView({ block: "nearest" });
  }
}

// Says how many sentences the ticked labels bring forward; the style sheet does the rest.
export function filtered(section) {
  const ticked = [...section.querySelectorAll(".filter:checked")].map((box) => `.sentence.has-${box.dataset.label}`);
  const all = section.querySelectorAll(".sentence").length;
  const words = texts().script;
  const shown = ticked.length ? section.querySelectorAll(ticked.join()).length : all;
  announce(ticked.length ? fill(words.shown, { shown, all }) : words.all_shown);
}

function correct(number, index, labels) {
  const article = data.articles[number];
  const { same } = article.sentences[index];
  const ours = corrections.get(keyOf(article)) ?? new Map();
  corrections.set(keyOf(article), ours);
  const model = article.sentences[same].labels;
  if (labels && labels.join() !== model.join()) ours.set(same, labels);
  else ours.delete(same);
  dirty = true;
  for (const sentence of article.sentences) if (sentence.same === same) render(number, sentence.index);
  summarise(number);
}

// Brings everything that shows the labels of one sentence up to date.
function render(number, index) {
  const article = data.articles[number];
  const sentence = article.sentences[index];
  const given = labelsOf(article, sentence);
  const labels = data.labels.filter((label) => given.includes(label.name));
  const words = texts();
  const section = document.getElementById(`article-${number}`);
  const changed = isCorrected(article, sentence);
  const has = (labels.length ? labels.map((label) => label.name) : ["no-label"]).map((name) => `has-${name}`);

  const span = section.querySelector(`.sentence[data-index="${index}"]`);
  span.className = ["sentence", ...has, changed ? "corrected" : "", span === owner ? "open" : ""].join(" ");
  span.querySelector(".words").className = ["words", `lanes${labels.length}`, ...labels.map((label, lane) => `lane${lane}-${label.name}`)].join(" ");
  span.querySelector(".letters").replaceChildren(...labels.map(badge));
  const names = labels.map((label) => label.shown).join(", ") || words.none;
  span.querySelector(".tag .vh").textContent = fill(words.tag, { n: index + 1, labels: changed ? `${names} (${words.corrected})` : names });

  const row = document.getElementById(`row-${number}-${index}`);
  row.className = [...has, changed ? "corrected" : ""].join(" ");
  for (const cell of row.querySelectorAll(".score")) {
    const on = given.includes(cell.dataset.label);
    cell.classList.toggle("on", on);
    cell.querySelector(".given").hidden = !on;
  }
  for (const cell of section.querySelectorAll(`rect[data-index="${index}"]`)) {
    cell.classList.toggle("on", has.includes(`has-${cell.dataset.cell}`));
  }
}

function summarise(number) {
  const article = data.articles[number];
  const section = document.getElementById(`article-${number}`);
  for (const count of section.querySelectorAll("[data-count]")) {
    count.textContent = section.querySelectorAll(`.sentence.has-${count.dataset.count}`).length;
  }
  const changes = article.sentences.filter((sentence) => isCorrected(article, sentence)).length;
  const words = texts().script;
  const line = section.querySelector("[data-changes]");
  if (line) line.textContent = changes ? counted(words.changes, changes) : words.no_changes;
}

// The card

function open(sentence, pin, point) {
  window.clearTimeout(timer);
  if (owner === sentence && pinned >= pin) return;
  close();
  owner = sentence;
  pinned = pin;
  sentence.classList.add("open");
  const tag = sentence.querySelector(".tag");
  card = element("div", { class: "card", id: "card", lang: document.documentElement.lang });
  fillCard();
  sentence.append(card);
  tag.setAttribute("aria-controls", "card");
  if (pin) {
    tag.setAttribute("aria-expanded", "true");
    card.querySelector("button.card-row").focus({ preventScroll: true });
  } else {
    tag.setAttribute("aria-describedby", "card");
  }
  place(sentence, tag, point);
}

function fillCard() {
  const number = Number(owner.dataset.article);
  const index = Number(owner.dataset.index);
  const article = data.articles[number];
  const sentence = article.sentences[index];
  const words = texts().script;
  const title = fill(words.card, { n: index + 1 });
  const head = element("div", { class: "card-head" }, element("span", { text: title }));
  card.replaceChildren(head);
  if (pinned) {
    card.setAttribute("role", "dialog");
    card.setAttribute("aria-label", title);
    const button = element("button", { type: "button", class: "close", "aria-label": words.close, text: "×" });
    button.addEventListener("click", () => close(true));
    head.append(button);
  } else {
    card.setAttribute("role", "tooltip");
  }
  const given = labelsOf(article, sentence);
  for (const label of data.labels) card.append(scoreRow(label, sentence.scores[label.name], given));
  if (!pinned) {
    card.append(element("p", { class: "card-foot", text: owner.contains(document.activeElement) ? words.keys : words.tap }));
  } else if (isCorrected(article, sentence)) {
    const reset = element("button", { type: "button", class: "reset", text: words.reset });
    reset.addEventListener("click", () => {
      correct(number, index, null);
      fillCard();
      card.querySelector("button.card-row").focus();
    });
    card.append(reset);
  }
}

function scoreRow(label, score, given) {
  const threshold = data.thresholds[label.name];
  const on = given.includes(label.name);
  const name = element("span", { class: "name" }, `${label.shown} `, element("span", { class: "limit", text: fill(texts().script.threshold, { n: decimal(threshold) }) }));
  const bar = drawing(
    "svg",
    { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true", class: `of-${label.name}` },
    drawing("rect", { class: "track", y: 2, width: 100, height: 6 }),
    drawing("rect", { class: "fill", y: 2, width: 100 * score, height: 6 }),
    drawing("rect", { class: "mark", x: 100 * threshold - 0.4, width: 0.8, height: 10 }),
  );
  const parts = [badge(label), name, element("span", { class: "value", text: decimal(score) })];
  if (!pinned) {
    if (on) parts[1].append(element("span", { class: "vh", text: ` (${texts().script.given})` }));
    return element("div", { class: "card-row" }, ...parts, bar);
  }
  const button = element("button", { type: "button", class: "card-row with-tick", "aria-pressed": String(on) }, element("span", { class: "tick", "aria-hidden": "true" }), ...parts, bar);
  button.addEventListener("click", () => toggle(label.name));
  return button;
}

function toggle(name) {
  const number = Number(owner.dataset.article);
  const index = Number(owner.dataset.index);
  const article = data.articles[number];
  const given = labelsOf(article, article.sentences[index]);
  const wanted = data.labels.map((label) => label.name).filter((known) => given.includes(known) !== (known === name));
  correct(number, index, wanted);
  fillCard();
  card.querySelectorAll("button.card-row")[data.labels.findIndex((label) => label.name === name)].focus();
}

function close(byReader = false) {
  window.clearTimeout(timer);
  if (!card) return;
  const tag = owner.querySelector(".tag");
  const [removed, sentence] = [card, owner];
  card = owner = null; // before focus moves, which would close it again
  pinned = false;
  tag.setAttribute("aria-expanded", "false");
  tag.removeAttribute("aria-controls");
  tag.removeAttribute("aria-describedby");
  sentence.classList.remove("open");
  if (byReader) {
    hushed = tag;
    tag.focus({ preventScroll: true });
    hushed = null;
  }
  removed.remove();
}
let hushed = null; // focus that comes back to a tag does not open the card that was just closed

// Puts the card under the sentence, or above it where there is more room, and inside the window.
function place(sentence, tag, point) {
  const frame = sentence.closest(".article").getBoundingClientRect();
  const { top, bottom } = sentence.querySelector(".words").getBoundingClientRect();
  const room = document.documentElement.clientWidth - card.offsetWidth - 16;
  const left = Math.min(Math.max((point?.x ?? tag.getBoundingClientRect().left) - 60, 16), room);
  const above = bottom + card.offsetHeight + 12 > window.innerHeight && top > card.offsetHeight + 12;
  card.style.setProperty("--x", `${left - frame.left}px`);
  card.style.setProperty("--y", `${(above ? top - card.offsetHeight - 6 : bottom + 3) - frame.top}px`);
}

document.addEventListener("pointerover", (event) => {
  if (event.pointerType !== "mouse" || pinned) return;
  const sentence = event.target.closest?.(".sentence");
  window.clearTimeout(timer);
  if (sentence && sentence !== owner) timer = window.setTimeout(open, HOVER, sentence, false, { x: event.clientX, y: event.clientY });
  else if (!sentence && owner && !owner.contains(document.activeElement)) timer = window.setTimeout(close, LEAVE);
});

document.addEventListener("click", (event) => {
  const sentence = event.target.closest(".sentence");
  if (event.target.closest(".card")) return;
  if (sentence && data && window.getSelection().isCollapsed) open(sentence, true, event.detail ? { x: event.clientX, y: event.clientY } : null);
  else if (!sentence) close();
});

document.addEventListener("focusin", (event) => {
  const tag = event.target.closest(".tag");
  if (tag && tag !== hushed && data && tag.matches(":focus-visible")) open(tag.parentElement, false, null);
  else if (card && !owner.contains(event.target)) close();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && card) {
    event.preventDefault();
    close(pinned || owner.contains(document.activeElement));
    return;
  }
  const tag = event.target.closest?.(".tag");
  if (!tag || !data) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    open(tag.parentElement, true, null);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const tags = [...tag.closest(".article").querySelectorAll(".tag")];
    tags[tags.indexOf(tag) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  }
});

document.addEventListener("change", (event) => {
  if (!event.target.matches(".checked")) return;
  const key = keyOf(data.articles[Number(event.target.closest(".article").dataset.number)]);
  if (event.target.checked) checked.add(key);
  else checked.delete(key);
});
