// A map of two knobs of a rule: how many updates it takes to arrive, where it is thrown out, and where theory draws the line.
import { html, svg } from "./elements.js";
import { placeOf, valueAt } from "./knobs.js";
import { number } from "./numerals.js";
import { colourOf, drawn, isDark, whenSeenAnew } from "./paper.js";
import { question } from "./valley_state.js";

const [COLUMNS, ROWS] = [24, 12];
const DECADES = 10000; // from the smallest rate of the map to the largest
const [LOST, NOT_YET] = [-1, -2]; // from -2 down to -3: still on the way, less the share of it that is left
const LIGHT = ["#0b2a5b", "#135a9c", "#2e8fc4", "#7cc0dc", "#c9e6ee"]; // few updates to many
const DARK = ["#e8f6ff", "#9fd4f5", "#519fd2", "#2a6ba6", "#1d4677"];

/**
 * The map.
 *
 * @param {HTMLElement} host where it stands.
 * @param {object} api asks the server.
 * @param {object} to `choose(rule, values)` when a reader points at a cell, `look(map)` when another rule or knob is looked at.
 */
export function ratesMap(host, api, to) {
  const rulePicker = html("select", { "aria-label": "rule of the map" });
  const knobPicker = html("select", { "aria-label": "second knob of the map" });
  const canvas = html("canvas", { class: "cells" });
  const lines = svg("svg", { class: "cell-lines", tabindex: 0, role: "application", "aria-label": "map of two knobs: arrow keys move, Enter turns both knobs" });
  const told = html("p", { class: "small quiet told", "aria-live": "polite" });
  const place = html("div", { class: "cell-place" }, canvas, lines);
  const legend = html("p", { class: "small quiet cell-legend" });
  host.classList.add("card");
  host.replaceChildren(html("div", { class: "card-head" }, html("h2", {}, "Which knobs arrive?"), html("span", { class: "spring" }), rulePicker, knobPicker), place, told, legend);
  let now = null;
  let turn = 0;
  let waiting = null;
  let last = "";
  let at = null;
  rulePicker.addEventListener("change", () => to.look({ rule: Number(rulePicker.value), second: null }) || again());
  knobPicker.addEventListener("change", () => to.look({ rule: Number(rulePicker.value), second: knobPicker.value }) || again());
  whenSeenAnew(place, () => now && paint());

  function again() {
    if (host.shown) show(...host.shown);
  }

  /** Show the map of the rule that is looked at, else of the one that was turned last. */
  function show(state, abouts, found, ground) {
    host.shown = [state, abouts, found, ground];
    const rule = Math.min(state.map.rule ?? state.moved.rule, state.rules.length - 1);
    const about = abouts[rule];
    const rate = about && about.knobs.find((knob) => knob.label === "lr");
    const others = about ? about.knobs.filter((knob) => knob.form === "range" && knob !== rate && (!api.stops || api.stops(about.name, knob.key))) : [];
    const second = others.find((knob) => knob.key === state.map.second && state.map.rule === rule) || others[0] || null;
    host.hidden = !rate || !ground || !ground.minima.length;
    if (host.hidden) return;
    rulePicker.replaceChildren(...state.rules.map((each, index) => html("option", { value: index, selected: index === rule }, each.name)));
    knobPicker.replaceChildren(...others.map((knob) => html("option", { value: knob.key, selected: knob === second }, `lr × ${knob.label}`)));
    knobPicker.hidden = !others.length;
    const values = { ...state.rules[rule].values };
    const here = { x: values[rate.key] ?? rate.default, y: second ? values[second.key] ?? second.default : null };
    delete values[rate.key];
    if (second) delete values[second.key];
    const asked = { ...question(state), rules: [{ name: state.rules[rule].name, values }], key: rate.key, second: second && second.key };
    const key = JSON.stringify(asked);
    if (key === last && now) {
      now.here = here;
      now.rule = rule;
      overlay();
      return;
    }
    last = key;
    const name = state.rules[rule].name;
    const columns = api.stops?.(name, rate.key) || spread({ ...rate, low: Math.max(rate.low, rate.high / DECADES) }, COLUMNS);
    const rows = second ? api.stops?.(name, second.key) || spread(second.scale === "one_minus" ? { ...second, high: 0.999 } : second, ROWS) : [0];
    now = { asked, rate, second, columns, rows: [...new Set(rows)], cells: new Map(), bounds: new Map(), here, rule, steps: state.steps, colour: about.colour };
    at = null;
    paint();
    clearTimeout(waiting);
    waiting = setTimeout(() => fill(now), 350); // a slider that moves asks for no maps
  }

  async function fill(mine) {
    const mineTurn = (turn += 1);
    for (const index of coarseFirst(mine.rows.length)) {
      if (mineTurn !== turn || mine !== now || !host.isConnected || host.closest("[hidden]")) return;
      try {
        const { updates, bounds } = await api.post("/api/valley/rates", { ...mine.asked, rates: mine.columns, values: [mine.rows[index]] });
        mine.cells.set(index, updates[0]);
        mine.bounds.set(index, bounds[0]);
      } catch (error) {
        told.textContent = error.message;
        return;
      }
      if (mine === now) paint();
    }
    if (mine === now) host.dataset.filled = Number(host.dataset.filled || 0) + 1;
  }

  function size() {
    const width = Math.max(0, place.clientWidth - 62);
    const tall = now.second ? 232 : 44;
    return { width, tall, left: 58, top: 6 };
  }

  function paint() {
    const { width, tall, left, top } = size();
    if (width <= 0) return;
    const ratio = Math.min(2, devicePixelRatio || 1);
    Object.assign(canvas, { width: width * ratio, height: tall * ratio });
    Object.assign(canvas.style, { width: `${width}px`, height: `${tall}px`, left: `${left}px`, top: `${top}px` });
    place.style.height = `${tall + 52}px`;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const [wide, high] = [width / now.columns.length, tall / now.rows.length];
    for (let row = 0; row < now.rows.length; row += 1)
      now.columns.forEach((_, column) => {
        const updates = now.cells.get(row)?.[column];
        pen.fillStyle = fillOf(updates);
        const [x, y] = [column * wide, tall - (row + 1) * high];
        pen.fillRect(x, y, wide + 0.5, high + 0.5);
        if (updates === LOST) hatch(pen, x, y, wide, high);
      });
    overlay();
    legend.replaceChildren(
      html("span", {}, html("span", { class: "ramp", "aria-hidden": "true" }), `arrives after few … ${now.steps} updates`),
      cellKey("still", "still on the way"),
      cellKey("lost", "thrown out"),
      ...([...now.bounds.values()].some((bound) => bound !== null) ? [cellKey("bound", "where theory draws the line")] : []),
    );
    legend.querySelector(".ramp").style.background = `linear-gradient(90deg, ${ramp().join(", ")})`;
  }

  function ramp() {
    return isDark() ? DARK : LIGHT;
  }

  function fillOf(updates) {
    if (updates === undefined) return colourOf("--card");
    if (updates === null) return colourOf("--rule");
    if (updates <= NOT_YET) return mixed(ramp().at(-1), hexOf(colourOf("--rule")), Math.min(1, 0.25 + 1.1 * Math.sqrt(NOT_YET - updates)));
    if (updates === LOST) return isDark() ? "#3a1f22" : "#fbe3e0";
    const share = Math.min(0.999, updates / now.steps) * (ramp().length - 1);
    return mixed(ramp()[Math.floor(share)], ramp()[Math.floor(share) + 1], share % 1);
  }

  function hatch(pen, x, y, wide, high) {
    pen.save();
    pen.beginPath();
    pen.rect(x, y, wide, high);
    pen.clip();
    pen.strokeStyle = isDark() ? "#8d4a4a" : "#e0a49d";
    pen.lineWidth = 0.9;
    pen.beginPath();
    for (let offset = Math.floor((x - high) / 6) * 6; offset < x + wide + high; offset += 6) {
      pen.moveTo(offset + (y % 6), y + high);
      pen.lineTo(offset + high + (y % 6), y);
    }
    pen.stroke();
    pen.restore();
  }

  function overlay() {
    const { width, tall, left, top } = size();
    if (width <= 0) return;
    const parts = [];
    lines.setAttribute("width", width + left + 4);
    lines.setAttribute("height", tall + 52);
    const x = (value) => left + placeAmong(now.columns, now.rate, value) * width;
    const y = (value) => top + tall - placeAmong(now.rows, now.second, value) * tall;
    for (const index of evenly(now.columns.length, 5)) parts.push(tick(left + ((index + 0.5) / now.columns.length) * width, top + tall + 15, "middle", number(now.columns[index], 2)));
    parts.push(svg("text", { class: "axis", x: left + width / 2, y: top + tall + 36, "text-anchor": "middle" }, `learning rate ${now.rate.symbol}`.trim()));
    if (now.second) {
      for (const index of evenly(now.rows.length, 4)) parts.push(tick(left - 6, top + tall - ((index + 0.5) / now.rows.length) * tall + 4, "end", number(now.rows[index], 4)));
      parts.push(svg("text", { class: "axis", x: -(top + tall / 2), y: 12, transform: "rotate(-90)", "text-anchor": "middle" }, [now.second.symbol, now.second.label].filter(Boolean).join(" ")));
    }
    const known = now.rows.map((value, row) => [now.bounds.get(row), value, row]).filter(([bound]) => bound !== null && bound !== undefined);
    if (known.length) {
      const points = known.map(([bound, , row]) => [x(bound), top + tall - ((row + 0.5) / now.rows.length) * tall]);
      const ends = known.length === now.rows.length ? [[points[0][0], top + tall], ...points, [points.at(-1)[0], top]] : points;
      parts.push(svg("path", { class: "bound", d: ends.map((point, index) => `${index ? "L" : "M"}${point[0].toFixed(1)},${point[1].toFixed(1)}`).join("") }));
    }
    const [px, py] = [x(now.here.x), now.second ? y(now.here.y) : top + tall / 2];
    parts.push(svg("circle", { class: "here-halo", cx: px, cy: py, r: 7 }), svg("circle", { class: "here", cx: px, cy: py, r: 7, stroke: drawn(now.colour) }));
    if (at) parts.push(svg("rect", { class: "pointed", x: left + (at.column * width) / now.columns.length, y: top + tall - ((at.row + 1) * tall) / now.rows.length, width: width / now.columns.length, height: tall / now.rows.length }));
    lines.replaceChildren(...parts);
    tell();
  }

  function tick(x, y, anchor, text) {
    return svg("text", { class: "tick", x, y, "text-anchor": anchor }, text);
  }

  function tell() {
    if (!at) {
      told.textContent = now.second ? "Point at a cell to read it; a click turns both knobs." : "Point at a cell to read it; a click turns the knob.";
      return;
    }
    const updates = now.cells.get(at.row)?.[at.column];
    const what = updates === undefined ? "not computed yet" : updates === null ? "cannot be made" : updates === LOST ? "thrown out" : updates <= NOT_YET ? `not there after ${now.steps} updates, ${updates > -3 ? `${number(100 * (NOT_YET - updates), 2)} % of the way left` : "no nearer than the start"}` : `arrives after ${updates} updates`;
    const where = [`lr ${number(now.columns[at.column])}`, now.second ? `${now.second.label} ${number(now.rows[at.row], 5)}` : ""].filter(Boolean).join(", ");
    told.textContent = `${where}: ${what}`;
  }

  function cellAt(event) {
    const { width, tall, left, top } = size();
    const box = lines.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left - left) / width) * now.columns.length);
    const row = Math.floor(((top + tall - (event.clientY - box.top)) / tall) * now.rows.length);
    const isInside = column >= 0 && column < now.columns.length && row >= 0 && row < now.rows.length;
    return isInside ? { column, row } : null;
  }

  function choose() {
    if (!at || !now) return;
    const values = { [now.rate.key]: now.columns[at.column] };
    if (now.second) values[now.second.key] = now.rows[at.row];
    to.choose(now.rule, values);
  }

  lines.addEventListener("pointermove", (event) => {
    at = now && cellAt(event);
    if (now) overlay();
  });
  lines.addEventListener("pointerleave", () => {
    at = null;
    if (now) overlay();
  });
  lines.addEventListener("click", (event) => {
    at = now && cellAt(event);
    choose();
  });
  lines.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!now || (!step && event.key !== "Enter")) return;
    event.preventDefault();
    at ??= { column: Math.floor(COLUMNS / 2), row: Math.floor(now.rows.length / 2) };
    if (step) {
      at = { column: Math.min(now.columns.length - 1, Math.max(0, at.column + step[0])), row: Math.min(now.rows.length - 1, Math.max(0, at.row + step[1])) };
      overlay();
    } else choose();
  });

  return { show };
}

/** Return so many values of a knob, evenly on its slider; fewer where whole numbers run out. */
function spread(knob, count) {
  const places = Array.from({ length: count }, (_, index) => (knob.scale === "log" ? (index + 0.5) / count : index / (count - 1)));
  return [...new Set(places.map((place) => valueAt(knob, place)))];
}

/** Return about so many of the indices below a count. */
function evenly(count, wanted) {
  const some = Math.min(count, wanted);
  return [...new Set(Array.from({ length: some }, (_, index) => Math.round((index * (count - 1)) / Math.max(1, some - 1))))];
}

/** Return where among cells, 0 to 1, a value is: between the middles of two by its place on the slider. */
function placeAmong(values, knob, value) {
  const places = values.map((each) => placeOf(knob, each));
  const place = placeOf(knob, value);
  let after = places.findIndex((each) => each > place);
  if (after === 0) return 0.35 / values.length;
  if (after < 0) after = places.length;
  const next = after < places.length ? (place - places[after - 1]) / (places[after] - places[after - 1]) : value > values.at(-1) ? 0.35 : 0;
  return (after - 1 + next + 0.5) / values.length;
}

/** Return the numbers below a count, every eighth first, so that a map is seen whole before it is seen sharp. */
function coarseFirst(count) {
  const order = [];
  for (const stride of [8, 4, 2, 1]) for (let index = Math.floor(stride / 2); index < count; index += stride) if (!order.includes(index)) order.push(index);
  for (let index = 0; index < count; index += 1) if (!order.includes(index)) order.push(index);
  return order;
}

function cellKey(kind, text) {
  return html("span", {}, html("span", { class: `cell-key ${kind}`, "aria-hidden": "true" }), text);
}

function hexOf(colour) {
  return colour.length === 4 ? `#${[...colour.slice(1)].map((digit) => digit + digit).join("")}` : colour;
}

function mixed(one, other, share) {
  const parts = [1, 3, 5].map((at) => Math.round(parseInt(one.slice(at, at + 2), 16) * (1 - share) + parseInt(other.slice(at, at + 2), 16) * share));
  return `rgb(${parts.join(",")})`;
}
