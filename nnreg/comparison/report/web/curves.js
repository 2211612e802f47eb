// The report's charts: which metric, which arms, which axis, chosen by the reader; linked with the rest of the page.
import { html, svg, all, roving } from "./elements.js";
import { lineChart } from "./chart.js";
import { outline } from "./markers.js";
import { LINE } from "./names.js";
import { light, relight, onLight, isLit } from "./links.js";

const MOST_LIT = 6; // arms that are not drawn and are while they are pointed at: not a whole column of a table

export function curves(host, content) {
  const { series, views } = content;
  const hidden = new Set(content.hidden || []);
  const state = { view: 0, log: null, bands: content.bands, raws: true, lit: [] };
  for (const view of views) for (const curve of view.curves) for (const each of [curve, curve.raw]) if (each && typeof each.x === "number") each.x = content.steps[each.x];
  host.hidden = false;
  const toggles = [];
  const view = () => views[state.view];
  const isLog = () => (state.log === null ? view().log : state.log);
  const has = (part) => view().curves.some((curve) => curve[part]);
  const controls = html("div", { class: "controls only-screen" }, viewPicker(), ...bars());
  const place = html("div");
  host.append(controls, place);
  const chart = lineChart(place, {
    height: (width, count) => Math.round(Math.max(Math.min(460, Math.max(290, width * 0.46)), LINE * count + 80)),
    links: { isLit: (line) => isLit(line.arms), light: (line) => light(line ? line.arms : []), again: relight },
  });

  function toggle(isOn, press, isOffered, ...words) {
    const button = html("button", { type: "button", onclick: () => { press(); draw(); } }, ...words);
    toggles.push({ button, isOn, isOffered: isOffered || (() => true) });
    return button;
  }

  function viewPicker() {
    if (views.length < 2) return null;
    const picker = html("select", { "aria-label": "what is drawn" }, ...views.map((each, k) => html("option", { value: k }, each.name)));
    picker.addEventListener("change", () => {
      Object.assign(state, { view: Number(picker.value), log: null });
      draw();
    });
    return html("label", {}, picker);
  }

  function bars() {
    const found = [];
    if (!content.step) {
      const bar = html("div", { class: "bar", role: "toolbar", "aria-label": "how it is drawn" },
        toggle(isLog, () => { state.log = !isLog(); }, null, "log scale"),
        toggle(() => state.bands, () => { state.bands = !state.bands; }, () => has("high"), "95 % band"),
        toggle(() => state.raws, () => { state.raws = !state.raws; }, () => has("raw"), "as recorded"));
      found.push(bar);
      roving(bar, "button");
    }
    if (series.length > 1) {
      const arms = html("div", { class: "bar", role: "toolbar", "aria-label": "which are drawn" }, ...together(), ...series.map(armToggle));
      found.push(html("details", { class: "choose" }, html("summary", {}, `choose among the ${series.length}`), arms));
      roving(arms, "button");
    }
    return found;
  }

  function together() {
    const made = series.length > 3 ? [
      toggle(() => !hidden.size, () => hidden.clear(), null, "all"),
      toggle(() => hidden.size === series.length, () => series.forEach((_, k) => hidden.add(k)), null, "none"),
    ] : [];
    for (const group of content.groups || [])
      group.values.forEach((value, k) => {
        const members = group.members[k], isOn = () => members.some((member) => !hidden.has(member));
        const press = () => { const wasOn = isOn(); members.forEach((member) => (wasOn ? hidden.add(member) : hidden.delete(member))); };
        const button = toggle(isOn, press, null, `${group.name}: ${value}`);
        button.dataset.lights = members.join(" ");
        made.push(button);
      });
    return made;
  }

  function armToggle(own, k) {
    const swatch = svg("svg", { class: "swatch", viewBox: "0 0 26 10", "aria-hidden": "true" });
    const line = svg("line", { x1: 1, y1: 5, x2: 25, y2: 5, "stroke-width": 3, "stroke-dasharray": own.dash || null });
    const sign = svg("path", { d: outline(own.marker, 13, 5, 3.6) });
    line.style.stroke = sign.style.fill = own.colour;
    swatch.append(line, sign);
    const button = toggle(() => !hidden.has(k), () => (hidden.has(k) ? hidden.delete(k) : hidden.add(k)), null, swatch, own.name);
    button.dataset.arms = own.arms.join(" ");
    return button;
  }

  function draw() {
    const { label, share, higher } = view();
    const lines = view().curves.map((curve, k) => ({ ...series[k], ...curve })).filter((_, k) => !hidden.has(k) || state.lit.includes(k));
    const right = content.right && { range: [0, Math.max(content.right, ...lines.flatMap((line) => line.x))] };
    chart.draw({ series: lines, x: { label: content.across, word: content.cross, log: content.xlog, ...right }, y: { label, share, higher, log: isLog() }, bands: state.bands, raws: state.raws, isStep: content.step });
    for (const { button, isOn, isOffered } of toggles) {
      button.setAttribute("aria-pressed", String(Boolean(isOn())));
      button.hidden = !isOffered();
    }
  }

  onLight(() => {
    const wanted = series.map((_, k) => k).filter((k) => hidden.has(k) && isLit(series[k].arms));
    const few = wanted.length > MOST_LIT ? [] : wanted;
    if (few.join() === state.lit.join()) return;
    state.lit = few;
    draw();
  });
  draw();
}
