// What the Network is asked, and how it stands in the address: the words of a command line, as far as there are such.
import { isNumber, valuesBehind, wordsOf } from "./words.js";

export const KINDS = ["dataset", "activation", "init", "bias", "norm", "dropout", "optimizer", "network", "loss", "regularizer", "schedule", "sampler", "augmentation"];
export const USUAL = { dataset: "spirals", activation: "relu", init: "he", bias: "zeros", norm: "none", dropout: "none", optimizer: "adam", network: "mlp", loss: "softmax_cross_entropy", regularizer: "none", schedule: "constant", sampler: "with_replacement", augmentation: "none" };
export const NUMBERS = { depth: 2, width: 16, steps: 2000, batch: 128, seed: 0, speed: 5 };
export const DIFFER = ["activation", "init", "bias", "norm", "dropout", "optimizer", "network", "loss", "regularizer", "schedule", "sampler", "augmentation", "depth", "width", "batch"];
const OF_SIZE = ["depth", "width", "batch"];

/** Return the state that an address says, text by name; what cannot be read is as it is at first. */
export function readState(words) {
  const techniques = Object.fromEntries(KINDS.map((kind) => [kind, { name: words[kind] || USUAL[kind], values: valuesBehind(`${kind}.`, words) }]));
  if (!words.optimizer) techniques.optimizer.values = { lr: 0.01, ...techniques.optimizer.values };
  const state = { techniques, vary: readVaried(words), other: null };
  for (const [name, usual] of Object.entries(NUMBERS)) state[name] = isNumber(words[name]) ? Math.round(Number(words[name])) : usual;
  const differs = words.other;
  if (OF_SIZE.includes(differs) && isNumber(words["other.value"])) state.other = { kind: differs, value: Math.round(Number(words["other.value"])) };
  else if (DIFFER.includes(differs)) state.other = { kind: differs, name: words["other.name"] || USUAL[differs], values: valuesBehind("other:", words) };
  state.group = words.follow || null;
  return state;
}

/** Return an address's words for a state; what is as in a fresh page is left out. */
export function writtenState(state) {
  const words = {};
  for (const kind of KINDS) {
    const { name, values } = state.techniques[kind];
    if (name !== USUAL[kind] || kind === "optimizer") words[kind] = name;
    Object.assign(words, wordsOf(`${kind}.`, values));
  }
  for (const [place, { name, values }] of Object.entries(state.vary)) Object.assign(words, { [`vary.${place}`]: name }, wordsOf(`vary.${place}.`, values));
  for (const [name, usual] of Object.entries(NUMBERS)) if (state[name] !== usual) words[name] = state[name];
  if (state.other) {
    words.other = state.other.kind;
    if ("value" in state.other) words["other.value"] = state.other.value;
    else Object.assign(words, { "other.name": state.other.name }, wordsOf("other:", state.other.values));
  }
  if (state.group) words.follow = state.group;
  return words;
}

/** Return what the server is asked for a state: one network, or two that differ in one choice. */
export function questions(state) {
  return state.other ? [question(state), question(besides(state))] : [question(state)];
}

/** Return the schedules of other numbers than the learning rate, by place: a place is a key whose beginning is no other key. */
function readVaried(words) {
  const keys = Object.keys(words).filter((key) => key.startsWith("vary.")).map((key) => key.slice(5));
  const places = keys.filter((key) => !keys.some((other) => key.startsWith(`${other}.`)));
  return Object.fromEntries(places.map((place) => [place, { name: words[`vary.${place}`], values: valuesBehind(`vary.${place}.`, words) }]));
}

/** Return those schedules that are not of the numbers of a technique, which another one need not have. */
export function withoutNumbersOf(kind, vary) {
  return Object.fromEntries(Object.entries(vary).filter(([place]) => !place.startsWith(`${kind}.`)));
}

/** Return a state of the second network alone. */
export function besides(state) {
  const { other } = state;
  if ("value" in other) return { ...state, [other.kind]: other.value };
  const isAnother = other.name !== state.techniques[other.kind].name;
  const vary = isAnother ? withoutNumbersOf(other.kind, state.vary) : state.vary;
  return { ...state, vary, techniques: { ...state.techniques, [other.kind]: { name: other.name, values: other.values } } };
}

function question(state) {
  const { depth, width, steps, batch, seed } = state;
  const varied = Object.fromEntries(Object.entries(state.vary).map(([place, schedule]) => [`vary.${place}`, schedule]));
  return { techniques: { ...state.techniques, ...varied }, settings: { hidden: Array(depth).fill(width), steps, batch, seed } };
}

/** Return what each of the two networks is called: by what it differs in; `usual` has what is not turned, by its key. */
export function namesOf(state, usual = {}) {
  const { other, techniques } = state;
  if (!other) return [""];
  if ("value" in other) return [`${other.kind} ${state[other.kind]}`, `${other.kind} ${other.value}`];
  const one = techniques[other.kind];
  if (one.name !== other.name) return [one.name, other.name];
  const turned = [...new Set([...Object.keys(one.values), ...Object.keys(other.values)])].filter((key) => one.values[key] !== other.values[key]);
  if (!turned.length) return [one.name, other.name];
  return [one, other].map(({ name, values }) => `${name} ${turned.map((key) => `${key} ${key in values ? values[key] : usual[key] ?? "as usual"}`).join(", ")}`);
}
