// What the Valley is asked, and how it stands in the address: plain words that a person can read and change.
import { isNumber, valuesBehind, wordsOf } from "./words.js";

const NUMBERS = { steps: 120, seed: 0, warmup: 0, noise: 0 };
const BOUNDS = ["clip_value", "clip_norm"];

/** Return what is shown where the address says nothing: four rules in the book's long valley, each at a rate that suits it. */
export function firstState() {
  return {
    surface: { name: "quadratic", values: {} },
    rules: [
      { name: "sgd", values: { lr: 0.95 } },
      { name: "momentum", values: { lr: 0.1 } },
      { name: "adagrad", values: { lr: 1.5 } },
      { name: "adam", values: { lr: 0.3 } },
    ],
    schedule: { name: "constant", values: {} },
    ...NUMBERS,
    clip_value: null,
    clip_norm: null,
    start: null,
    time: null,
    view: "one",
    moved: { rule: 1, key: "momentum" },
    map: { rule: null, second: null },
  };
}

/** Return the state that an address says, text by name; what cannot be read is as it is at first. */
export function readState(words) {
  const state = firstState();
  if (words.surface) state.surface = { name: words.surface, values: valuesBehind("surface.", words) };
  if (words.rules) state.rules = words.rules.split(",").filter(Boolean).slice(0, 4).map((name, place) => ({ name, values: valuesBehind(`${place + 1}.`, words) }));
  if (words.schedule) state.schedule = { name: words.schedule, values: valuesBehind("schedule.", words) };
  for (const name of Object.keys(NUMBERS)) if (isNumber(words[name])) state[name] = Number(words[name]);
  for (const name of BOUNDS) if (isNumber(words[name])) state[name] = Number(words[name]);
  if (words.start) {
    const start = words.start.split(",").map(Number);
    if (start.every(Number.isFinite)) state.start = start;
  }
  if (isNumber(words.t)) state.time = Math.max(0, Math.round(Number(words.t)));
  state.isUntuned = words.tune === "1";
  if (words.view === "each") state.view = "each";
  const moved = /^([1-4])\.(.+)$/.exec(words.moved || "");
  if (moved) state.moved = { rule: Number(moved[1]) - 1, key: moved[2] };
  const map = /^([1-4])\.(.+)$/.exec(words.map || "");
  if (map) state.map = { rule: Number(map[1]) - 1, second: map[2] };
  return state;
}

/** Return an address's words for a state; what is as it is at first is left out where the rules are. */
export function writtenState(state) {
  const words = { surface: state.surface.name, ...wordsOf("surface.", state.surface.values), rules: state.rules.map((rule) => rule.name).join(",") };
  state.rules.forEach((rule, place) => Object.assign(words, wordsOf(`${place + 1}.`, rule.values)));
  for (const [name, usual] of Object.entries(NUMBERS)) if (state[name] !== usual) words[name] = state[name];
  for (const name of BOUNDS) if (state[name] !== null) words[name] = state[name];
  if (state.schedule.name !== "constant") Object.assign(words, { schedule: state.schedule.name }, wordsOf("schedule.", state.schedule.values));
  if (state.start) words.start = state.start.map((value) => Number(value.toPrecision(6))).join(",");
  if (state.time !== null) words.t = state.time;
  if (state.view !== "one") words.view = state.view;
  if (state.moved) words.moved = `${state.moved.rule + 1}.${state.moved.key}`;
  if (state.map.rule !== null) words.map = `${state.map.rule + 1}.${state.map.second}`;
  return words;
}

/** Return what the server is asked for a state. */
export function question(state) {
  const { rules, steps, seed, start, schedule, warmup, clip_value, clip_norm } = state;
  return { surface: noisy(state), rules, steps, seed, start, schedule, warmup: Math.min(warmup, steps - 1), clip_value, clip_norm };
}

/** Return the surface with its noise, which is a surface around it. */
function noisy({ surface, noise }) {
  if (!(noise > 0)) return surface;
  const inside = Object.fromEntries(Object.entries(surface.values).map(([key, value]) => [`inner.${key}`, value]));
  return { name: `noisy+${surface.name}`, values: { noise, ...inside } };
}
