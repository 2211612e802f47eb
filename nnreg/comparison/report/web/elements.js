// What every part of the page makes and asks for elements with.
export const SVG = 'http://www.w3.org/2000/svg';

export function node(parent, name, attributes, text) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}

export function shape(parent, name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}

export function all(selector, from) { return [...(from || document).querySelectorAll(selector)]; }

// One tab stop for many things: arrow keys go from one to the next, in a grid also up and down.
export function roving(box, selector) {
  const items = () => all(selector, box).filter((item) => item.getClientRects().length);
  const rest = (kept) => all(selector, box).forEach((item) => { item.tabIndex = item === kept ? 0 : -1; });
  rest(all(selector, box)[0]);
  box.addEventListener('focusin', (event) => {
    const item = event.target.closest(selector);
    if (item && box.contains(item)) rest(item);
  });
  box.addEventListener('keydown', (event) => {
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
  if (key === 'Home') return items[0];
  if (key === 'End') return items[last];
  const across = { ArrowLeft: -1, ArrowRight: 1 }[key], down = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (down && item.matches('td')) {
    for (let row = item.parentNode; row; ) {
      row = down > 0 ? row.nextElementSibling : row.previousElementSibling;
      const other = row && row.cells[item.cellIndex];
      if (other && items.includes(other)) return other;
    }
    return null;
  }
  return across || down ? items[Math.max(0, Math.min(last, at + (across || down)))] : null;
}
