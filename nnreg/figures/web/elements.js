// What every part of a page makes and asks for elements with.
const SPACE = "http://www.w3.org/2000/svg";

/** Return an element of SVG with attributes and children; a text becomes its content. */
export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Return an element of HTML: `html("button", { class: "quiet", onclick }, "Play")`. */
export function html(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Return all elements of a selector, in a place or on the whole page. */
export function all(selector, from = document) {
  return [...from.querySelectorAll(selector)];
}

/** Give many things one tab stop: arrow keys go from one to the next, in a grid also up and down. */
export function roving(box, selector) {
  const items = () => all(selector, box).filter((item) => item.getClientRects().length);
  const rest = (kept) => all(selector, box).forEach((item) => { item.tabIndex = item === kept ? 0 : -1; });
  rest(all(selector, box)[0]);
  box.addEventListener("focusin", (event) => {
    const item = event.target.closest(selector);
    if (item && box.contains(item)) rest(item);
  });
  box.addEventListener("keydown", (event) => {
    const item = event.target.closest(selector);
    if (!item || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = neighbour(items(), item, event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

function neighbour(items, item, key) {
  const at = items.indexOf(item), last = items.length - 1;
  if (key === "Home") return items[0];
  if (key === "End") return items[last];
  const across = { ArrowLeft: -1, ArrowRight: 1 }[key], down = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (down && item.matches("td")) {
    for (let row = item.parentNode; row; ) {
      row = down > 0 ? row.nextElementSibling : row.previousElementSibling;
      const other = row && row.cells[item.cellIndex];
      if (other && items.includes(other)) return other;
    }
    return null;
  }
  return across || down ? items[Math.max(0, Math.min(last, at + (across || down)))] : null;
}
