// Sends what the form holds, or a dropped file as it is, and puts the page that comes back in place of this one.
// The answer is parsed by the browser as a document, in which no script runs; no string is ever turned into nodes here.

import { begin, choose, filtered, saved, unsaved } from "./sentences.js";
import { announce, counted, element, fill, texts } from "./words.js";
import { take } from "./take.js";

const TYPES = new Map([["html", "text/html"], ["htm", "text/html"], ["jsonl", "application/x-ndjson"], ["ndjson", "application/x-ndjson"]]);
const PATIENCE = 120_000; // milliseconds; the server's own deadline is shorter

// What may pass if the same is sent once more.
const mayPass = (name) => name === "network" || name === 401 || name === 408 || name === 429 || name >= 500;

let sent = null; // the last request: { url, body, type }
let last = null; // the last one that was answered with a page
let running = null;

document.documentElement.classList.add("js");
begin();

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const button = event.submitter;
  const body = new URLSearchParams(new FormData(form, button));
  if (button?.name === "switch") {
    // Another language for what is shown; corrections stay.
    const shown = document.getElementById("data") && last;
    send(button.formAction, shown ? shown.body : body, shown ? shown.type : "");
  } else if (mayLeave()) {
    if (button?.name === "example") body.set("text", "");
    send(form.action, body);
  }
});

document.addEventListener("change", (event) => {
  if (event.target.id === "file" && event.target.files.length) {
    const [file] = event.target.files;
    event.target.value = ""; // or the same file, mended, could not be chosen again
    sendFile(file);
  }
  if (event.target.matches(".filter")) filtered(event.target.closest(".article"));
});

document.addEventListener("click", (event) => {
  const target = event.target;
  if (target.id === "choose") document.getElementById("file").click();
  if (target.dataset?.take) take(target.dataset.take);
  const chosen = target.closest("[data-choose]");
  if (chosen) {
    event.preventDefault();
    choose(Number(chosen.dataset.choose), true);
  }
});

for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.toggle("dropping", name === "dragover");
    if (name !== "drop" || !event.dataTransfer.files.length) return;
    if (event.dataTransfer.files.length > 1) problem("several");
    else sendFile(event.dataTransfer.files[0]);
  });
}

window.addEventListener("beforeunload", (event) => {
  if (unsaved()) event.preventDefault();
});

function mayLeave() {
  const leaves = !unsaved() || window.confirm(texts().script.unsaved);
  if (leaves) saved(); // nobody is asked twice about the same corrections
  return leaves;
}

function sendFile(file) {
  if (!mayLeave()) return;
  const suffix = file.name.toLowerCase().split(".").pop();
  send(document.getElementById("read").action, file, TYPES.get(suffix) ?? "text/plain");
}

function send(url, body, type = "") {
  const form = document.getElementById("read");
  const size = body instanceof Blob ? body.size : new Blob([body.toString()]).size;
  sent = { url, body, type };
  if (size > Number(form.dataset.limit)) {
    problem(413);
    return;
  }
  running?.abort();
  const request = new XMLHttpRequest();
  running = request;
  request.open("POST", url);
  request.responseType = "document";
  request.timeout = PATIENCE;
  request.setRequestHeader("Accept", "text/html");
  const token = document.getElementById("token")?.value;
  if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
  // A file keeps its bytes: what they mean is for the server to find out.
  if (type) request.setRequestHeader("Content-Type", type);
  const ours = sent;
  request.onload = () => arrived(request, ours, token);
  request.onerror = () => ended("network");
  request.ontimeout = () => ended(504);
  document.body.classList.add("busy");
  document.getElementById("content").setAttribute("aria-busy", "true");
  announce(texts().script.reading);
  request.send(body);
}

function ended(name, wait) {
  document.body.classList.remove("busy");
  document.getElementById("content").removeAttribute("aria-busy");
  announce("");
  if (name) problem(name, wait);
}

function arrived(request, ours, token) {
  const page = request.response?.getElementById("page");
  const told = request.response?.querySelector("#problem:not([hidden])");
  if (request.status !== 200 || !page) {
    ended(told ? "" : request.status, Number(request.getResponseHeader("Retry-After")));
    if (told) show([...document.adoptNode(told).childNodes], request.status);
    return;
  }
  ended("");
  last = ours;
  document.documentElement.lang = request.response.documentElement.lang;
  document.title = request.response.title;
  document.getElementById("page").replaceWith(document.adoptNode(page));
  history.replaceState(null, "", ours.url);
  if (token) document.getElementById("token").value = token;
  begin();
  const outcome = document.getElementById("outcome") ?? document.getElementById("content");
  outcome.focus({ preventScroll: true });
  window.scrollTo(0, 0);
  announce(outcome.id === "outcome" ? `${texts().script.done} ${outcome.textContent.trim()}` : "");
}

// Tells what went wrong, by the status of the answer or by name, where the server has not told it itself.
function problem(name, wait = 0) {
  const words = texts();
  const text = words.problems[name] ?? words.problems[name >= 500 ? 500 : 422];
  show([
    element("strong", { text: words.problem_heading }),
    " ",
    element("span", { text: fill(text, { seconds: counted(words.seconds, wait || 1) }) }),
  ], name);
}

function show(nodes, name) {
  const box = document.getElementById("problem");
  const again = element("button", { type: "button", text: texts().retry });
  again.addEventListener("click", () => {
    const form = document.getElementById("read");
    const { url, body, type } = sent;
    const isTyped = body instanceof URLSearchParams && body !== last?.body && !body.has("example") && !body.has("switch");
    // What was typed is read anew, so that what was changed meanwhile counts; everything else is sent again.
    send(url, isTyped ? new URLSearchParams(new FormData(form)) : body, type);
  });
  box.replaceChildren(...nodes, ...(mayPass(name) ? [element("div", {}, again)] : []));
  box.hidden = false;
  box.focus({ preventScroll: true });
  box.scrollIntoView({ block: "center" });
}
