// The texts of the page, which the server puts into it, and the few ways to show them.

export function texts() {
  return JSON.parse(document.getElementById("texts").textContent);
}

export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function counted(forms, number) {
  return fill(number === 1 ? forms[0] : forms.at(-1), { n: number });
}

export function decimal(value) {
  return value.toFixed(2).replace(".", document.documentElement.lang === "id" ? "," : ".");
}

// Says something to those who listen.
export function announce(text) {
  document.getElementById("status").textContent = text;
}

// Builds an element: `text` is its text, everything else an attribute.
export function element(name, { text, ...attributes } = {}, ...children) {
  return furnish(document.createElement(name), text, attributes, children);
}

export function drawing(name, attributes = {}, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", name), undefined, attributes, children);
}

function furnish(node, text, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  node.append(...children);
  return node;
}

export function badge(label) {
  return element("span", { class: `badge of-${label.name}`, "aria-hidden": "true", text: label.letter });
}
