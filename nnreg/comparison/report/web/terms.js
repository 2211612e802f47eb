// What a word means, beside the word: when it is pointed at, has the focus, or is tapped.
import { html, all } from "./elements.js";

export function terms() {
  const box = html('div', { class: 'meaning', role: 'tooltip', hidden: true });
  document.body.append(box);
  let shown = null;
  const hide = () => { box.hidden = true; shown = null; };
  const show = (word) => {
    const entry = document.getElementById(word.hash.slice(1));
    box.replaceChildren(html('b', {}, entry.querySelector('dt').textContent), html('span', {}, entry.querySelector('dd').textContent));
    box.hidden = false;
    shown = word;
    const place = word.getClientRects()[0], width = document.documentElement.clientWidth;
    box.style.left = `${Math.max(8, Math.min(place.left, width - box.offsetWidth - 8)) + scrollX}px`;
    const below = place.bottom + 6 + box.offsetHeight <= innerHeight;
    box.style.top = `${(below ? place.bottom + 6 : place.top - box.offsetHeight - 6) + scrollY}px`;
  };
  all('a.term').forEach((word) => {
    word.addEventListener('pointerenter', () => show(word));
    word.addEventListener('pointerleave', () => { if (document.activeElement !== word) hide(); });
    word.addEventListener('focus', () => show(word));
    word.addEventListener('blur', hide);
    word.addEventListener('click', (event) => { event.preventDefault(); show(word); });
  });
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape' && shown) hide(); });
  document.addEventListener('pointerdown', (event) => { if (shown && !event.target.closest('a.term, .meaning')) hide(); });
}
