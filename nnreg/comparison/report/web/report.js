// The report: its charts, tables and words come alive; without a script it is read as it is.
import { all, svg } from "./elements.js";
import { outline } from "./markers.js";
import { curves } from "./curves.js";
import { link, relight } from "./links.js";
import { tables } from "./tables.js";
import { terms } from "./terms.js";

document.documentElement.classList.add('js');
const content = JSON.parse(document.getElementById('data').textContent);
for (const swatch of all('.swatch[data-marker]')) {
  const sign = svg('path', { d: outline(swatch.dataset.marker, 13, 5, 3.6) });
  sign.style.fill = swatch.firstElementChild.style.stroke;
  swatch.append(sign);
}
tables();
all('.chart').forEach((host) => curves(host, content.charts[host.dataset.chart]));
link();
terms();
relight();
