// Elements made from data. All text passes through `shown`, so that nothing foreign can act as markup, turn the
// direction of a line, or hide itself.

const SVG = "http://www.w3.org/2000/svg";
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
const STACKED = /\p{M}{4,}/gu;
const SHORT = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character) {
  const code = character.codePointAt(0);
  if (character in SHORT) return SHORT[character];
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}

// The text on one line, with what no eye can see written as an escape, as the command line writes it.
export function shown(value) {
  return String(value)
    .replace(UNPRINTABLE, escaped)
    .replace(STACKED, (marks) => Array.from(marks, escaped).join(""));
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, shown(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : shown(child));
  }
  return element;
}

export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

// Text of somebody else's, whose direction does not reach the words around it.
export function foreign(value) {
  return h("bdi", null, String(value));
}

export function icon(shape, label) {
  return s(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) },
    s("path", { d: shape }),
  );
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") || node.id : "";
}

function alike(old, fresh) {
  return old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
}

function change(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType === Node.TEXT_NODE) {
    old.data = fresh.data;
    return;
  }
  const kept = old.nodeName === "DETAILS" ? ["open"] : [];
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !kept.includes(name)) old.setAttribute(name, value);
  }
  changeChildren(old, [...fresh.childNodes]);
}

function changeChildren(old, fresh) {
  const wanted = new Set(fresh.map(keyOf));
  const keyed = new Map([...old.children].map((child) => [keyOf(child), child]));
  keyed.delete("");
  let place = old.firstChild;
  for (const next of fresh) {
    while (place && keyOf(place) && !wanted.has(keyOf(place))) {
      const gone = place;
      place = place.nextSibling;
      gone.remove();
    }
    const key = keyOf(next);
    const found = key ? keyed.get(key) : place;
    if (!found || !alike(found, next)) {
      old.insertBefore(next, place);
      continue;
    }
    if (found === place) place = place.nextSibling;
    else old.insertBefore(found, place);
    change(found, next);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

// Give an element these children, and keep the nodes that are the same, with their focus, selection and open details.
export function update(element, ...children) {
  const focused = document.activeElement;
  const fresh = fill(document.createDocumentFragment(), null, children);
  changeChildren(element, [...fresh.childNodes]);
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}
