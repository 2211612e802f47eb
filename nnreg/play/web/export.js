// The Valley without a server: a page that holds its descents for some stops of each knob.
import { html } from "./elements.js";
import { nearest } from "./knobs.js";
import { knowColour } from "./paper.js";
import * as valley from "./valley.js";

const data = JSON.parse(document.getElementById("data").textContent);
for (const list of Object.values(data.techniques)) for (const { colour, dark } of list) knowColour(colour, dark);

/** Return the numbers of a packed array, rows of `wide`. */
function unpacked([largest, text], wide) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const numbers = Array.from({ length: bytes.length / 2 }, (_, index) => (view.getInt16(2 * index, true) / 32767) * largest);
  if (wide === 1) return numbers;
  return Array.from({ length: numbers.length / wide }, (_, row) => numbers.slice(row * wide, (row + 1) * wide));
}

/** Return the number of the cell that a rule's knobs stop nearest to. */
function cellOf(grid, values) {
  return grid.keys.reduce((cell, key, axis) => cell * grid.stops[axis].length + nearest(grid.stops[axis], values[key] ?? grid.best[key]), 0);
}

function distances(path) {
  const { minima } = data.ground;
  return minima.length ? path.map((point) => Math.min(...minima.map((minimum) => Math.hypot(point[0] - minimum[0], point[1] - minimum[1])))) : null;
}

function wayLeft(cell) {
  const distance = distances(unpacked(cell.path, 2));
  return distance ? Math.min(1, distance.at(-1) / distance[0]) : 1;
}

function descent(rule) {
  const grid = data.grids[rule.name];
  const place = cellOf(grid, rule.values);
  const cell = grid.cells[place];
  const { colour, marker } = data.shown[`optimizer/${rule.name}`];
  if (cell.error) return { name: rule.name, colour, marker, error: cell.error };
  const path = unpacked(cell.path, 2);
  const distance = distances(path);
  const turned = grid.keys.map((key) => `optimizer.${key}=${grid.stops[grid.keys.indexOf(key)][nearest(grid.stops[grid.keys.indexOf(key)], rule.values[key] ?? grid.best[key])]}`);
  return { ...cell, name: rule.name, colour, marker, path, distance, gradients: unpacked(cell.gradients, 2), velocity: cell.velocity && unpacked(cell.velocity, 2), heights: unpacked(cell.heights, 1).map(Math.exp), command: [grid.command, ...turned].join(" ") };
}

function descents({ rules }) {
  const found = rules.map(descent);
  const { directions } = data;
  const along = directions && { ...directions, coordinates: found.filter((rule) => !rule.error).map((rule) => rule.path.map((point) => directions.vectors.map((vector) => vector.reduce((sum, part, axis) => sum + part * (point[axis] - directions.at[axis]), 0)))) };
  return { rules: found, directions: along, lowest: data.lowest, tolerance: data.tolerance, start: data.start };
}

function rates({ rules: [rule], rates: columns, values: rows, second, key }) {
  const grid = data.grids[rule.name];
  const updates = rows.map((row) =>
    columns.map((column) => {
      const cell = grid.cells[cellOf(grid, { ...rule.values, [key]: column, ...(second ? { [second]: row } : {}) })];
      if (cell.error) return null;
      return cell.diverged_at !== null ? -1 : cell.arrived_at === null ? -2 - wayLeft(cell) : cell.arrived_at;
    }),
  );
  return { updates, bounds: rows.map((row) => grid.bounds[second ? nearest(grid.stops[1], row) : 0]) };
}

const ANSWERS = { "/api/valley/ground": () => data.ground, "/api/valley/descents": descents, "/api/valley/rates": rates };

const api = {
  isFixed: true,
  post: async (path, asked) => ANSWERS[path](asked),
  techniques: async (kind) => data.techniques[kind],
  technique: async (kind, name) => data.shown[`${kind}/${name}`],
  stops(name, key) {
    const grid = data.grids[name];
    return grid && grid.keys.includes(key) ? grid.stops[grid.keys.indexOf(key)] : null;
  },
};

function first() {
  const words = { surface: data.ground.name, rules: Object.keys(data.grids).join(","), steps: String(data.steps), start: data.start.join(",") };
  Object.values(data.grids).forEach((grid, place) => {
    for (const [key, value] of Object.entries(grid.best)) words[`${place + 1}.${key}`] = String(value);
  });
  const said = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  for (const key of ["surface", "rules", "steps", "start", "schedule", "noise", "seed", "warmup", "clip_value", "clip_norm"]) delete said[key];
  return { ...words, ...said };
}

const place = html("section");
document.querySelector("main").append(place);
let written = location.hash;
const state = {
  values: first(),
  save(said) {
    written = `#${new URLSearchParams(said)}`;
    history.replaceState(null, "", written);
  },
};
const view = valley.mount(place, state, api);
window.addEventListener("hashchange", () => location.hash !== written && view.restore(first()));
