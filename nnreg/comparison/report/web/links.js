// An arm that is pointed at, or has the focus, lights up wherever it is shown.
import { all } from "./elements.js";

const watching = [];
let lit = new Set();

function armsOf(element) { return (element.dataset.lights || element.dataset.arms || '').split(' ').filter(Boolean).map(Number); }

export function onLight(listener) { watching.push(listener); }

export function isLit(arms) { return arms.some((arm) => lit.has(arm)); }

export function light(arms) {
  if (arms.length === lit.size && arms.every((arm) => lit.has(arm))) return;
  lit = new Set(arms);
  watching.forEach((listener) => listener());
  relight();
}

export function relight() {
  document.documentElement.classList.toggle('lighting', lit.size > 0);
  all('[data-arms]').forEach((element) => element.classList.toggle('lit', lit.size > 0 && isLit(armsOf(element))));
}

export function link() {
  const source = (target) => target instanceof Element && target.closest('[data-lights], [data-arms]');
  const focused = () => source(document.activeElement);
  document.addEventListener('pointerover', (event) => {
    if (event.target.closest('.canvas')) return; // a chart says itself which of its lines is the nearest
    const found = source(event.target) || focused();
    light(found ? armsOf(found) : []);
  });
  document.addEventListener('focusin', (event) => { const found = source(event.target); if (found) light(armsOf(found)); });
  document.addEventListener('focusout', () => light([]));
  document.documentElement.addEventListener('pointerleave', () => light([]));
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') light([]); });
}
