// Tables: a click on a heading sorts, the best first; a table that is wider than its place says so; a cell as a sentence.
import { html, all, roving } from "./elements.js";

function sortable(table) {
  const body = table.tBodies[0];
  all('thead th[data-best]', table).forEach((heading) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener('click', () => {
      const first = { low: 'ascending', high: 'descending' }[heading.dataset.best];
      const again = heading.getAttribute('aria-sort') === first;
      const order = again ? { ascending: 'descending', descending: 'ascending' }[first] : first;
      all('th', table.tHead).forEach((other) => other.removeAttribute('aria-sort'));
      heading.setAttribute('aria-sort', order);
      const keyed = [...body.rows].map((row) => ({ row, key: row.cells[heading.cellIndex].dataset.sort }));
      keyed.sort((a, b) => compared(a.key, b.key, order)).forEach(({ row }) => body.append(row));
    });
  });
  if (table.querySelector('thead button')) roving(table.tHead, 'button');
  roving(body, 'tr');
}

function compared(a, b, order) {
  if ((a === '') !== (b === '')) return a === '' ? 1 : -1; // what has no value comes last, whatever the order
  const x = Number(a), y = Number(b), found = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  return order === 'descending' ? -found : found;
}

function cue(box) {
  const said = html('p', { class: 'more' }, 'The table goes on to the right: drag it, or use the arrow keys.');
  box.after(said);
  const look = () => {
    const hidden = box.scrollWidth - box.clientWidth;
    said.hidden = hidden < 2;
    box.classList.toggle('goes-on', hidden - box.scrollLeft > 2);
    if (hidden < 2) box.removeAttribute('tabindex');
    else { box.tabIndex = 0; box.setAttribute('role', 'region'); box.setAttribute('aria-label', 'table, scrolls sideways'); }
  };
  box.addEventListener('scroll', look, { passive: true });
  new ResizeObserver(look).observe(box);
  look();
}

function spoken(table) {
  const said = table.closest('.tab, section').querySelector('.said');
  roving(table, 'td[data-said]');
  all('td[data-said]', table).forEach((cell) => ['pointerenter', 'focus', 'click'].forEach((when) => {
    cell.addEventListener(when, () => { said.textContent = cell.dataset.said; });
  }));
}

function tabbed(list) {
  const buttons = all('button', list);
  const choose = (chosen) => buttons.forEach((button) => {
    button.setAttribute('aria-selected', String(button === chosen));
    document.getElementById(button.getAttribute('aria-controls')).hidden = button !== chosen;
  });
  buttons.forEach((button) => button.addEventListener('click', () => choose(button)));
  choose(buttons.find((button) => button.getAttribute('aria-selected') === 'true') || buttons[0]);
  roving(list, 'button');
}

export function tables() {
  all('.tabs').forEach(tabbed);
  all('table.standings').forEach(sortable);
  all('table.wins').forEach(spoken);
  all('table.heat').forEach((table) => roving(table, 'td[data-arms]'));
  all('table.forest').forEach((table) => roving(table.tBodies[0], 'tr'));
  all('.search').forEach((box) => roving(box, 'i[data-arms]'));
  all('.wide').forEach(cue);
}
