// The Layers: what the spread of initial weights does to a deep stack, seen while it is turned.
import { lineChart } from "./chart.js";
import { commandLine } from "./command.js";
import { html } from "./elements.js";
import { keepingFocus } from "./focus.js";
import { fullHeight, percent, smallHistogram } from "./histograms.js";
import { knobRows, techniquePicker } from "./knobs.js";
import { number } from "./numerals.js";
import { drawn, onTheme } from "./paper.js";
import { kindOf } from "./words.js";

export const id = "layers";
export const title = "Layers";

const KINDS = ["activation", "init", "bias", "norm", "dropout", "network"];
const USUAL = { activation: "relu", init: "normal", bias: "zeros", norm: "none", dropout: "none", network: "mlp" };
const NAMES = { activation: "Activation", init: "Initial weights", bias: "Initial biases", norm: "Normalisation", dropout: "Dropout", network: "Architecture" };
const NUMBERS = { depth: 10, width: 100, batch: 128, seed: 0 };
const QUIET = "#777777";

/** Build the tab. */
export function mount(element, state, api) {
  return new Layers(element, state, api);
}

class Layers {
  constructor(element, state, api) {
    Object.assign(this, { element, state, api, isAsking: false, isStale: false, found: null, turn: 0 });
    this.asked = readState(state.values);
    this.lay();
    this.build();
  }

  restore(values) {
    this.asked = readState(values);
    this.build();
  }

  redraw() {
    this.build();
  }

  lay() {
    const at = (name) => html("div", { class: name });
    this.at = { choices: at("net-choices"), sentence: html("p", { class: "sentence", role: "status", "aria-live": "polite" }), problem: html("p", { class: "problem", role: "alert" }), rows: at("stack-rows"), ends: at("stack-ends"), command: at("commands"), why: html("p", { class: "quiet small" }) };
    const chart = at("chart-place");
    this.chart = lineChart(chart, { label: "standard deviation of the outputs of each layer, on a logarithmic axis, and what theory expects", x: { label: "layer" }, y: { log: true }, height: 260 });
    const stage = html("div", { class: "net-stage" }, this.at.sentence, this.at.problem, html("h2", {}, "What each layer puts out ", html("span", { class: "quiet small" }, "on one shared axis")), this.at.rows, this.at.ends);
    const side = html("div", { class: "net-side" }, html("h2", {}, "Spread of the outputs, layer by layer ", html("span", { class: "quiet small" }, "logarithmic")), chart, this.at.why, html("section", { class: "card" }, html("h2", {}, "The same on the command line"), this.at.command));
    this.element.classList.add("network", "stack");
    this.element.append(stage, this.at.choices, side);
    onTheme(() => this.found && this.draw());
  }

  /** Build the choices anew, and ask. */
  async build() {
    const turn = (this.turn += 1);
    const { asked } = this;
    let [lists, known] = [[], []];
    try {
      lists = await Promise.all(KINDS.map((kind) => this.api.techniques(kindOf(kind))));
      known = await Promise.all(KINDS.map((kind) => this.known(kind, asked.techniques[kind].name)));
    } catch (error) {
      this.at.problem.textContent = error.message;
      return;
    }
    if (turn !== this.turn) return;
    const choice = (kind) => this.choice(kind, lists[KINDS.indexOf(kind)], known[KINDS.indexOf(kind)]);
    const size = (key, label, meaning, low, high) => ({ key, label, symbol: "", meaning, form: "range", scale: "whole", low, high, default: null, may_be_none: false });
    const numbers = (knobs) =>
      knobRows(knobs, asked, (knob, value, isSettled) => {
        asked[knob.key] = Math.max(knob.low, Math.round(value));
        this.changed(isSettled);
      });
    const cards = [
      html("section", { class: "card" }, html("h2", {}, "Weights"), choice("init"), numbers([size("depth", "Depth", "hidden layers", 1, 50), size("width", "Width", "units of each layer", 2, 400)])),
      html("section", { class: "card" }, html("h2", {}, "Layers"), choice("activation"), choice("norm"), choice("dropout"), choice("network")),
      html("section", { class: "card" }, html("h2", {}, "Signal"), html("p", { class: "quiet small" }, "Rows of normal noise, N(0, 1), as many columns as a layer has units."), numbers([size("batch", "Rows", "rows of noise", 2, 512), size("seed", "Seed", "what weights and noise are drawn from", 0, 20)])),
    ];
    keepingFocus(this.at.choices, () => this.at.choices.replaceChildren(...cards));
    this.ask();
  }

  async known(kind, name) {
    return this.api.technique(kindOf(kind), name).catch((error) => ({ error: error.message, name, knobs: [], formulas: [], chain: [name], colour: QUIET, summary: "" }));
  }

  choice(kind, list, about) {
    const chosen = this.asked.techniques[kind];
    const choose = (name) => {
      chosen.name = name;
      chosen.values = {};
      this.build();
      this.save();
    };
    const turn = (knob, value, isSettled) => {
      chosen.values[knob.key] = value;
      this.changed(isSettled);
    };
    const knobs = knobRows(spread(kind, about, this.asked.width), chosen.values, turn);
    return html("div", { class: "choice", "data-choice": kind, title: about.summary || null }, html("div", { class: "choice-head" }, html("span", { class: "choice-name" }, NAMES[kind]), techniquePicker(NAMES[kind], list, about.chain, choose)), about.error ? html("p", { class: "problem" }, about.error) : null, knobs);
  }

  changed(isSettled) {
    this.ask();
    if (isSettled) this.save();
  }

  save() {
    this.state.save(writtenState(this.asked));
  }

  /** Ask one question at a time: what was turned meanwhile is asked next, what lies between never. */
  async ask() {
    if (this.isAsking) {
      this.isStale = true;
      return;
    }
    this.isAsking = true;
    do {
      this.isStale = false;
      const { techniques, depth, width, batch, seed } = this.asked;
      try {
        this.found = await this.api.post("/api/layers", { techniques, settings: { hidden: Array(depth).fill(width), batch, seed } });
        this.at.problem.textContent = "";
        this.draw();
      } catch (error) {
        this.at.problem.textContent = error.message;
        this.at.sentence.textContent = "";
      }
    } while (this.isStale);
    this.isAsking = false;
    this.element.dataset.drawn = Number(this.element.dataset.drawn || 0) + 1;
  }

  draw() {
    const { layers, ends, theory, colour, sentence, command, depth, why_no_theory: why } = this.found;
    this.at.sentence.textContent = sentence;
    this.drawRows(layers, ends, colour);
    const numbers = layers.map((_, place) => place + 1);
    const series = [{ name: "measured", colour, marker: "o", x: numbers, y: layers.map((layer) => layer.std) }];
    if (theory) series.push({ name: "theory", colour: QUIET, dash: "5 4", marker: "s", x: theory.map((_, place) => place + 1), y: theory });
    const values = series.flatMap((line) => line.y).filter((value) => value > 0 && value < 1e30);
    const [low, high] = [Math.min(...values, 0.5), Math.max(...values, 1.5)];
    this.chart.draw({ series, x: { range: [1, Math.max(2, depth)] }, y: { range: [low / 1.3, high * 1.3] }, guides: [{ y: 1, label: "the input's" }] });
    this.at.why.textContent = theory ? `Theory is that of very wide layers, whatever the activation; layers of ${this.asked.width} units stray from it, the further the deeper.` : why;
    this.at.command.replaceChildren(commandLine(command));
  }

  drawRows(layers, [low, high], colour) {
    if (!this.rows || this.rows.length !== layers.length) {
      this.rows = layers.map((_, place) => {
        const host = html("div", { class: "hist" });
        const told = html("span", { class: "row-told" });
        return { row: html("div", { class: "stack-row" }, html("span", { class: "row-name" }, `${place + 1}`), host, told), histogram: smallHistogram(host, layers.length > 20 ? 18 : layers.length > 12 ? 26 : 36), told };
      });
      this.at.rows.replaceChildren(html("div", { class: "stack-row stack-head quiet small" }, html("span", {}, "layer"), html("span", {}), html("span", { class: "row-told" }, "std · dead · saturated")), ...this.rows.map(({ row }) => row));
    }
    const full = fullHeight(layers.map((layer) => layer.counts));
    layers.forEach((layer, place) => {
      const { histogram, told } = this.rows[place];
      const own = fullHeight([layer.counts]);
      histogram.draw({ counts: layer.counts, colour: drawn(colour), most: Math.min(full, own * 4), zero: (0 - low) / (high - low), label: `outputs of layer ${place + 1}: standard deviation ${number(layer.std)}` });
      const shares = [layer.dead, layer.saturated].map((share) => percent(share));
      told.replaceChildren(html("b", {}, number(layer.std, 2)), html("span", { class: "quiet" }, ` · ${shares.join(" · ")}`));
    });
    this.at.ends.replaceChildren(html("span", {}, number(low)), html("span", { class: "quiet small" }, "output"), html("span", {}, number(high)));
  }
}

/** Return the knobs of a technique; the spread of normal weights goes around what theory calls critical, √(1/n) to √(2/n). */
function spread(kind, about, width) {
  const knobs = about.knobs.filter((knob) => knob.form !== "fixed");
  if (kind !== "init") return knobs;
  const critical = Math.sqrt(1.5 / width);
  return knobs.map((knob) => (knob.key === "std" || knob.key === "limit" ? { ...knob, label: knob.key === "std" ? "spread" : knob.label, scale: "log", low: Number((critical / 30).toPrecision(2)), high: Number((critical * 30).toPrecision(2)) } : knob));
}

/** Return the state that an address says, text by name. */
export function readState(words) {
  const number_ = (word) => word !== undefined && word.trim() !== "" && Number.isFinite(Number(word));
  const values = (kind) => Object.fromEntries(Object.entries(words).filter(([key]) => key.startsWith(`${kind}.`)).map(([key, word]) => [key.slice(kind.length + 1), word === "true" || word === "false" ? word === "true" : word === "null" ? null : number_(word) ? Number(word) : word]));
  const techniques = Object.fromEntries(KINDS.map((kind) => [kind, { name: words[kind] || USUAL[kind], values: values(kind) }]));
  if (!words.init) techniques.init.values = { std: 0.1, ...techniques.init.values };
  return { techniques, ...Object.fromEntries(Object.entries(NUMBERS).map(([name, usual]) => [name, number_(words[name]) ? Math.round(Number(words[name])) : usual])) };
}

/** Return an address's words for a state. */
export function writtenState(state) {
  const words = {};
  for (const kind of KINDS) {
    const { name, values } = state.techniques[kind];
    if (name !== USUAL[kind] || kind === "init") words[kind] = name;
    for (const [key, value] of Object.entries(values)) words[`${kind}.${key}`] = String(value);
  }
  for (const [name, usual] of Object.entries(NUMBERS)) if (state[name] !== usual) words[name] = state[name];
  return words;
}
