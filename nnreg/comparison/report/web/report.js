// The report: its charts, tables and words come alive; without a script it is read as it is.
import { all } from "./elements.js";
import { chart } from "./chart.js";
import { link, relight } from "./links.js";
import { tables } from "./tables.js";
import { terms } from "./terms.js";

document.documentElement.classList.add('js');
const content = JSON.parse(document.getElementById('data').textContent);
tables();
all('.chart').forEach((host) => chart(host, host.dataset.chart, content.charts[host.dataset.chart]));
link();
terms();
relight();
