// What the reader takes along: the sentences as CSV or JSONL, and checked articles with their annotations.

import { data, isChecked, isCorrected, labelsOf, saved } from "./sentences.js";
import { announce, fill, texts } from "./words.js";

// Spreadsheets run what begins like a formula, behind a quote too, and behind the semicolon that separates cells where the
// comma is decimal, as in Indonesia; an apostrophe keeps it text.
const FORMULA = /(^|[;\t\r\n])([\s\0"]*)(?=[=+\-@＝＋－＠])/gu;

export function take(what) {
  if (what === "csv") save("sentences.csv", "text/csv", `\ufeff${table(",", quoted, "\r\n")}`);
  else if (what === "jsonl") save("sentences.jsonl", "application/x-ndjson", lines(sentences()));
  else if (what === "copy") copy(table("\t", plain, "\n"));
  else takeChecked(what);
}

function takeChecked(what) {
  const words = texts();
  const articles = data.articles.filter(isChecked);
  const field = document.querySelector(".annotator");
  const annotator = field.value.trim();
  if (!articles.length) {
    tell(words.none_checked);
    document.querySelector(".article:not([hidden]) .checked")?.focus();
  } else if (!annotator) {
    tell(words.no_annotator);
    field.focus();
  } else if (what === "articles") {
    save("articles.jsonl", "application/x-ndjson", lines(articles.map(({ sentences: _, ...article }) => article)));
  } else {
    save("annotations.jsonl", "application/x-ndjson", lines(articles.flatMap((article) => annotations(article, annotator))));
    // A corrected article that is not ticked is not among them.
    if (data.articles.every((article) => isChecked(article) || !hasCorrections(article))) saved();
  }
}

const hasCorrections = (article) => article.sentences.some((sentence) => isCorrected(article, sentence));

// One line per text: sentences that read the same share their labels.
function annotations(article, annotator) {
  return article.sentences
    .filter((sentence) => sentence.same === sentence.index)
    .map((sentence) => ({ article_id: article.id, text: sentence.text, labels: labelsOf(article, sentence), annotator }));
}

// The columns of `netral classify`, and the reader's labels where any were given.
function sentences() {
  const corrected = data.articles.some(hasCorrections);
  return data.articles.flatMap((article) =>
    article.sentences.map((sentence) => ({
      article_id: article.id,
      index: sentence.index,
      field: sentence.field,
      start: sentence.start,
      end: sentence.end,
      text: sentence.text,
      labels: sentence.labels,
      ...Object.fromEntries(data.labels.map(({ name }) => [`score_${name}`, sentence.scores[name]])),
      truncated: sentence.truncated,
      checkpoint: data.checkpoint,
      ...(corrected ? { corrected: isCorrected(article, sentence) ? labelsOf(article, sentence) : null } : {}),
    })),
  );
}

function table(comma, cell, end) {
  const rows = sentences();
  const header = Object.keys(rows[0] ?? { text: "" });
  return [header, ...rows.map(Object.values)].map((row) => row.map(cell).join(comma) + end).join("");
}

function asText(value) {
  const text = Array.isArray(value) ? value.join("|") : String(value ?? "");
  return typeof value === "number" ? text : text.replace(FORMULA, "$1$2'");
}

const quoted = (value) => `"${asText(value).replaceAll('"', '""')}"`;
// What is pasted is read with quotes as well.
const plain = (value) => {
  const text = asText(value).replace(/\s+/g, " ");
  return text.includes('"') ? `"${text.replaceAll('"', '""')}"` : text;
};

const lines = (records) => records.map((record) => `${JSON.stringify(record)}\n`).join("");

function save(name, type, content) {
  const link = document.createElement("a");
  const stamp = new Date().toISOString().slice(0, 16).replace(/[-:]/g, "").replace("T", "-");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = `netral-${stamp}-${name}`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  tell(fill(texts().script.saved, { name: link.download }));
}

async function copy(text) {
  const words = texts().script;
  try {
    await navigator.clipboard.writeText(text);
    tell(words.copied);
  } catch {
    tell(words.copy_failed); // only pages from HTTPS or this machine may write to the clipboard
  }
}

function tell(text) {
  document.querySelector("[data-taken]").textContent = text;
  announce(text);
}
