// The Network: one network trains under one's hands, or two that differ in one choice, and what they make of the data is seen.
import { lineChart } from "./chart.js";
import { commandLine } from "./command.js";
import { digits } from "./digits.js";
import { html } from "./elements.js";
import { keepingFocus } from "./focus.js";
import { fullHeight, percent, smallHistogram } from "./histograms.js";
import { knobRows, techniquePicker } from "./knobs.js";
import { DIFFER, namesOf, questions, readState, USUAL, withoutNumbersOf, writtenState } from "./network_state.js";
import { number } from "./numerals.js";
import { drawn, onTheme } from "./paper.js";
import { plane } from "./plane.js";
import { runningRuns } from "./running.js";
import { kindOf } from "./words.js";

export const id = "network";
export const title = "Network";

const SHOWN = ["activation", "init", "norm", "dropout"];
const MORE = ["bias", "network", "loss", "regularizer", "schedule", "sampler", "augmentation"];
const PLANES = ["spirals", "moons", "circles", "blobs", "digits"];
const SPEEDS = [1, 2, 5, 10, 25, 50, 100];
const NAMES = { activation: "Activation", init: "Initial weights", bias: "Initial biases", norm: "Normalisation", dropout: "Dropout", optimizer: "Update rule", network: "Architecture", loss: "Loss", regularizer: "Regularizer", schedule: "Schedule", sampler: "Batches", augmentation: "Augmentation", depth: "Hidden layers", width: "Units a layer", batch: "Rows a batch" };

/** Build the tab. */
export function mount(element, state, api) {
  return new Network(element, state, api);
}

class Network {
  constructor(element, state, api) {
    Object.assign(this, { element, state, api, session: null, isRunning: false, wantsRunning: false, curves: [], about: [], found: [], turn: 0, details: new Set() });
    this.asked = readState(state.values);
    this.lay();
    this.listen();
    this.build();
  }

  restore(values) {
    this.asked = readState(values);
    this.build();
    this.begin();
  }

  redraw() {
    this.build();
    this.begin(this.isRunning);
  }

  hide() {
    this.pause();
    this.running.stop();
  }

  show() {
    this.running.start();
  }

  /** Lay out what stays. */
  lay() {
    const at = (name, tag = "div") => html(tag, { class: name });
    this.at = { choices: at("net-choices"), planes: at("planes"), sentence: html("p", { class: "sentence", role: "status", "aria-live": "polite" }), problem: html("p", { class: "problem", role: "alert" }), curves: at("net-curves"), layers: at("net-layers"), commands: at("commands"), digits: at("digits"), running: at("running card") };
    this.go = html("button", { class: "button main", type: "button", onclick: () => (this.isRunning ? this.pause() : this.run()) }, "▶ Train");
    const step = html("button", { class: "button", type: "button", title: "one update", onclick: () => this.order({ step: 1 }) }, "One update");
    const restart = html("button", { class: "button", type: "button", title: "from the start, with the same seed", onclick: () => this.begin(this.isRunning) }, "Again");
    this.reseed = html("button", { class: "button", type: "button", title: "from the start, with other weights and batches", onclick: () => this.seed(this.asked.seed + 1) }, "Another seed");
    this.speed = html("select", { "aria-label": "updates from one picture to the next", onchange: () => this.setSpeed(Number(this.speed.value)) }, ...SPEEDS.map((each) => html("option", { value: each }, `${each} update${each > 1 ? "s" : ""} a picture`)));
    this.clock = html("output", { class: "clock" });
    const bar = html("div", { class: "train-bar" }, this.go, step, restart, this.reseed, this.speed, this.clock);
    const [loss, accuracy] = [at("chart-place"), at("chart-place")];
    this.lossChart = lineChart(loss, { label: "loss after each update, on a logarithmic axis: of each batch faintly, of held-out rows in full", x: { word: "update" }, y: { log: true }, height: 190 });
    this.accuracyChart = lineChart(accuracy, { label: "share of held-out rows that are answered rightly, after each update", x: { label: "updates", word: "update" }, y: { share: true, higher: true, range: [0, 1] }, height: 150 });
    this.at.curves.append(html("h2", {}, "Loss ", html("span", { class: "quiet small" }, "of each batch, faint; of held-out rows, bold")), loss, html("h2", {}, "Accuracy on held-out rows ", html("span", { class: "quiet small" }, "in percent")), accuracy);
    this.at.sentence.textContent = "One moment: the process that trains is being started.";
    this.digits = digits(this.at.digits, (strokes) => this.api.post(`/api/network/${this.session}/read`, { strokes }));
    this.at.digits.hidden = true;
    this.running = runningRuns(this.at.running, this.api, () => this.asked.group, (group) => {
      this.asked.group = group;
      this.save();
    });
    const stage = html("div", { class: "net-stage" }, this.at.sentence, this.at.problem, bar, this.at.planes, this.at.digits);
    const side = html("div", { class: "net-side" }, this.at.curves);
    const below = html("div", { class: "net-below" }, html("section", { class: "card same" }, html("h2", {}, "The same on the command line"), this.at.commands), this.at.running);
    this.element.classList.add("network");
    this.element.append(stage, this.at.choices, side, this.at.layers, below);
    onTheme(() => this.found.length && this.draw());
  }

  /** Open the stream in which frames come. */
  listen() {
    const source = new EventSource("/api/network/stream");
    this.source = source;
    source.addEventListener("open", (event) => {
      if (!event.data) return;
      this.session = JSON.parse(event.data).session;
      this.begin(this.wantsRunning);
    });
    source.addEventListener("frame", (event) => this.take(JSON.parse(event.data)));
    source.addEventListener("refused", (event) => {
      this.complain(JSON.parse(event.data).error);
      this.ran(false);
    });
    source.onerror = () => {
      this.session = null;
      this.ran(false);
      if (source.readyState === EventSource.CLOSED) this.refusedStream();
    };
  }

  /** Say why there is no stream: the server tells whoever asks plainly. */
  async refusedStream() {
    const answer = await fetch("/api/network/stream").catch(() => null);
    const said = answer && !answer.ok ? await answer.json().catch(() => null) : null;
    if (answer && answer.ok) answer.body.cancel();
    this.complain((said && said.error) || "the page's server does not answer: start it again with `python -m nnreg play`");
  }

  async order(said) {
    if (!this.session) return;
    try {
      await this.api.post(`/api/network/${this.session}/order`, said);
    } catch (error) {
      this.complain(error.message);
    }
  }

  /** Let the networks begin anew, and go on where they were going. */
  begin(isRunning = false) {
    this.wantsRunning = isRunning;
    this.order({ networks: questions(this.asked), updates: this.asked.speed, ...(isRunning ? { run: true } : {}) });
    this.ran(isRunning);
  }

  run() {
    const isOver = this.found.length && this.found.every((network) => network.ended || network.error);
    if (isOver) {
      this.begin(true);
      return;
    }
    this.order({ updates: this.asked.speed, run: true });
    this.ran(true);
  }

  pause() {
    this.order({ pause: true });
    this.ran(false);
  }

  ran(isRunning) {
    this.isRunning = isRunning;
    this.go.textContent = isRunning ? "❚❚ Pause" : "▶ Train";
    this.element.dataset.running = isRunning;
  }

  setSpeed(speed) {
    this.asked.speed = speed;
    this.order({ updates: speed });
    this.save();
  }

  seed(seed) {
    this.asked.seed = seed;
    this.build();
    this.changed(true);
  }

  /** A choice was made or a knob turned: the networks begin anew. */
  changed(isSettled) {
    this.begin(this.isRunning);
    if (isSettled) this.save();
  }

  save() {
    this.state.save(writtenState(this.asked));
  }

  complain(text) {
    this.at.problem.textContent = text;
  }

  /** Take a frame, and say that it was drawn once it was. */
  take(frame) {
    if (frame.about) {
      this.about = frame.about;
      this.curves = frame.networks.map(() => ({}));
      this.isNew = true;
      this.complain("");
    }
    this.found = frame.networks;
    frame.networks.forEach((network, which) => {
      for (const [metric, [steps, values]] of Object.entries(network.records)) {
        const curve = (this.curves[which][metric] ||= [[], []]);
        curve[0].push(...steps);
        curve[1].push(...values);
      }
    });
    if (frame.is_over) this.ran(false);
    this.pending = frame.number;
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      this.isDrawing = false;
      this.draw();
      this.order({ seen: this.pending });
      this.element.dataset.drawn = Number(this.element.dataset.drawn || 0) + 1;
    });
  }

  /** Draw the last frame. */
  draw() {
    const names = namesOf(this.asked, this.usual);
    this.drawPlanes(names);
    this.drawCurves(names);
    this.drawLayers(names);
    const facts = this.about.filter(Boolean);
    if (this.isNew) this.at.commands.replaceChildren(...facts.map((about) => commandLine(about.command)));
    const step = Math.max(0, ...this.found.map((network) => network.step || 0));
    this.clock.textContent = `update ${step} of ${this.asked.steps}`;
    this.element.dataset.step = step;
    this.at.sentence.textContent = sentenceOf(this.found, this.curves, names);
    this.isNew = false;
  }

  drawPlanes(names) {
    const isFlat = this.about.some((about) => about && about.domain);
    const isPicture = this.about.some((about) => about && about.shape);
    this.at.digits.hidden = !isPicture;
    this.at.planes.hidden = isPicture;
    if (isPicture) {
      this.at.planes.replaceChildren(...this.found.filter((network) => network.error).map((network) => html("p", { class: "problem" }, network.error)));
      this.at.planes.hidden = !this.at.planes.childElementCount;
      this.digits.draw(this.found, this.about, names);
      this.digits.again();
      return;
    }
    if (this.isNew || !this.planes || this.planes.length !== this.found.length) {
      this.at.planes.classList.toggle("several", this.found.length > 1);
      this.planes = [];
      this.at.planes.replaceChildren(
        ...this.found.map((network, which) => {
          const place = html("div", { class: "plane-place" });
          const told = html("p", { class: "told" });
          const problem = html("p", { class: "problem" });
          this.planes.push({ picture: null, place, told, problem });
          return html("figure", { class: "plane-figure", "data-network": which }, names[which] ? html("figcaption", {}, swatch(this.colours()[which]), names[which]) : null, problem, place, told);
        }),
      );
      this.planes.forEach((each, which) => {
        if (!isFlat || !this.about[which]) return;
        each.picture = plane(each.place);
        each.picture.data(this.about[which]);
      });
    }
    this.found.forEach((network, which) => {
      const { picture, told, problem, place } = this.planes[which];
      problem.textContent = network.error || "";
      place.hidden = !this.about[which];
      if (!this.about[which]) return;
      const said = standing(network, this.curves[which]);
      told.textContent = said;
      if (picture && network.plane) picture.fill(network.plane, `what the network answers in the plane. ${said}`);
    });
  }

  /** Return the colours of the networks: of what they differ in, else of the update rule. */
  colours() {
    return this.hues || ["#0b66a8", "#c28a00"];
  }

  drawCurves(names) {
    const colours = this.colours();
    const last = Math.max(40, ...this.curves.map((curve) => ((curve["train/loss"] || [[0]])[0].at(-1) || 0) + 1));
    const lines = (metric, more) => this.curves.map((curve, which) => ({ name: more.faint ? "" : names[which], colour: colours[which], marker: "os"[which], arms: [which], dash: which && !more.faint ? "6 4" : null, x: (curve[metric] || [[], []])[0], y: (curve[metric] || [[], []])[1], ...more }));
    this.lossChart.draw({ series: [...lines("train/loss", { faint: true }), ...lines("valid/loss", {})], x: { range: [0, last] } });
    this.accuracyChart.draw({ series: lines("valid/accuracy", {}), x: { range: [0, last] } });
  }

  drawLayers(names) {
    const count = Math.max(0, ...this.found.map((network) => (network.layers || []).length));
    const key = `${count} ${this.found.length} ${names.join()} ${this.isNew}`;
    if (this.isNew || key !== this.layersKey) {
      this.layersKey = key;
      this.element.classList.toggle("pair", this.found.length > 1);
      this.rows = this.found.map((network, which) => {
        const rows = (network.layers || []).map((layer) => {
          const [outputs, gradient] = [html("div", { class: "hist" }), html("div", { class: "hist" })];
          const cells = ["std", "dead", "saturated", "size"].map((name) => html("td", { class: `number ${name}` }));
          const row = html("tr", {}, html("th", { scope: "row" }, layer.name), html("td", {}, outputs), cells[0], cells[1], cells[2], html("td", {}, gradient), cells[3]);
          return { row, cells, outputs: smallHistogram(outputs), gradient: smallHistogram(gradient) };
        });
        return { rows, which };
      });
      this.ends = html("p", { class: "quiet small" });
      this.at.layers.replaceChildren(
        html("h2", {}, "What each layer puts out, and which gradients reach it"),
        ...(count ? this.rows.map(({ rows, which }) => html("div", { class: "layer-table", tabindex: 0, role: "region", "aria-label": `layers${names[which] ? ` of ${names[which]}` : ""}` }, names[which] ? html("h3", {}, swatch(this.colours()[which]), names[which]) : null, html("table", {}, head(), html("tbody", {}, ...rows.map(({ row }) => row))))) : [html("p", { class: "quiet small" }, "They are seen from the first update on.")]),
        ...(count ? [this.ends] : []),
      );
    }
    const seen = this.found.filter((network) => network.layers && network.layers.length);
    if (!seen.length) return;
    const { outputs: [low, high], gradient: [flat, steep] } = seen[0].ends;
    const [full, steepest] = ["outputs", "gradient"].map((name) => fullHeight(seen.flatMap(({ layers }) => layers.map((layer) => layer[name])).filter(Boolean).map(shares)));
    this.ends.textContent = `Outputs on one axis from ${number(low)} to ${number(high)}; sizes of the weights' gradients on one logarithmic axis from ${flat === null ? "–" : number(10 ** flat)} to ${steep === null ? "–" : number(10 ** steep)}${seen.length > 1 ? ", the same for both networks" : ""}.`;
    this.found.forEach((network, which) => {
      if (!this.rows[which] || !network.layers || !network.layers.length) return;
      const colour = drawn(this.colours()[which]);
      network.layers.forEach((layer, place) => {
        const row = this.rows[which].rows[place];
        if (!row) return;
        if (layer.outputs) row.outputs.draw({ counts: shares(layer.outputs), colour, most: full, zero: (0 - low) / (high - low), label: `outputs of ${layer.name}, standard deviation ${number(layer.activation_std)}` });
        if (layer.gradient) row.gradient.draw({ counts: shares(layer.gradient), colour, most: steepest, label: `sizes of the gradients of ${layer.name}, typically ${number(layer.gradient_size)}` });
        const [std, dead, saturated, size] = row.cells;
        std.textContent = layer.activation_std === undefined ? "" : number(layer.activation_std, 2);
        dead.textContent = layer.dead === undefined ? "" : percent(layer.dead);
        saturated.textContent = layer.saturated === undefined ? "" : percent(layer.saturated);
        size.textContent = layer.gradient_size === undefined ? "0" : number(layer.gradient_size, 2);
        dead.classList.toggle("bad", layer.dead > 0.5);
        saturated.classList.toggle("bad", layer.saturated > 0.9);
      });
    });
  }

  /** Build the choices anew. */
  async build() {
    const turn = (this.turn += 1);
    const { asked } = this;
    for (const each of this.at.choices.querySelectorAll("details[data-kind]")) (each.open ? this.details.add(each.dataset.kind) : this.details.delete(each.dataset.kind));
    const kinds = ["dataset", ...SHOWN, "optimizer", ...MORE];
    try {
      const lists = await Promise.all(kinds.map((kind) => this.api.techniques(kindOf(kind))));
      this.lists = Object.fromEntries(kinds.map((kind, place) => [kind, lists[place]]));
    } catch (error) {
      this.complain(error.message);
      return;
    }
    const known = await Promise.all(kinds.map((kind) => this.known(kind, asked.techniques[kind].name)));
    const other = asked.other && "name" in asked.other ? await this.known(asked.other.kind, asked.other.name) : null;
    const courses = Object.fromEntries(await Promise.all(Object.entries(asked.vary).map(async ([place, { name }]) => [place, await this.known("schedule", name)])));
    if (turn !== this.turn) return;
    this.usual = Object.fromEntries((other ? other.knobs : []).map((knob) => [knob.key, knob.default]));
    const [one, two] = [asked.other && "name" in asked.other ? asked.techniques[asked.other.kind] : asked.techniques.optimizer, other];
    const kind = two ? asked.other.kind : "optimizer";
    const first = known[kinds.indexOf(kind)].colour;
    this.hues = [first, !asked.other ? first : two && one.name !== asked.other.name ? two.colour : first === "#c28a00" ? "#0051f6" : "#c28a00"];
    this.speed.value = SPEEDS.includes(asked.speed) ? asked.speed : 5;
    const about = Object.fromEntries(kinds.map((each, place) => [each, known[place]]));
    const size = (key, meaning, low, high, scale = "whole") => ({ key, label: NAMES[key] || key, symbol: "", meaning, form: "range", scale, low, high, default: null, may_be_none: false });
    const numbers = (knobs) =>
      knobRows(knobs, asked, (knob, value, isSettled) => {
        asked[knob.key] = Math.max(1, Math.round(value));
        this.changed(isSettled);
      });
    const choose = (which) => this.choice(which, about[which], asked.techniques[which]);
    const seed = knobRows([{ ...size("seed", "what weights, batches and masks are drawn from: the same seed, the same run", 0, 20), label: "Seed" }], asked, (knob, value, isSettled) => {
      asked.seed = Math.max(0, Math.round(value));
      this.changed(isSettled);
    });
    const cards = [
      html("section", { class: "card" }, html("h2", {}, "Data"), this.choice("dataset", about.dataset, asked.techniques.dataset, this.datasets())),
      html("section", { class: "card" }, html("h2", {}, "Network"), numbers([size("depth", "hidden layers", 1, 8), size("width", "units of each hidden layer", 1, 64)]), ...SHOWN.map(choose)),
      html("section", { class: "card" }, html("h2", {}, "Training"), choose("optimizer"), numbers([size("batch", "rows of a mini-batch", 1, 512), { ...size("steps", "updates of the whole run", 10, 10000, "log"), label: "Updates" }]), seed),
      this.otherCard(about, other),
      html("details", { class: "card more", "data-kind": "more", open: this.details.has("more") || MORE.some((each) => asked.techniques[each].name !== USUAL[each]) || Object.keys(asked.vary).length > 0 || null }, html("summary", {}, "Loss, regularizer, schedule and more"), ...MORE.map(choose), ...this.varying(about, courses)),
    ];
    keepingFocus(this.at.choices, () => this.at.choices.replaceChildren(...cards));
    if (this.found.length) this.draw();
  }

  datasets() {
    const named = this.lists.dataset.filter((each) => PLANES.includes(each.name) || each.distribution !== "nnreg");
    return named.sort((one, other) => order(one.name) - order(other.name));
  }

  async known(kind, name) {
    return this.api.technique(kindOf(kind), name).catch((error) => ({ error: error.message, name, knobs: [], formulas: [], chain: [name], colour: "#777777", summary: "" }));
  }

  /** Return a list to choose a technique from, and its knobs behind a fold. */
  choice(kind, about, chosen, list = this.lists[kind], label = NAMES[kind] || "dataset") {
    const choose = (name) => {
      chosen.name = name;
      if (chosen === this.asked.techniques[kind]) this.asked.vary = withoutNumbersOf(kind, this.asked.vary);
      const first = this.asked.techniques[kind];
      chosen.values = chosen !== first && first.name === name ? { ...first.values } : {};
      this.build();
      this.changed(true);
    };
    const turn = (knob, value, isSettled) => {
      chosen.values[knob.key] = value;
      this.changed(isSettled);
      if (isSettled && this.asked.other) this.build();
    };
    const picker = techniquePicker(label, list, about.chain, choose);
    const knobs = about.knobs.filter((knob) => knob.form !== "fixed");
    const main = knobs.filter((knob) => kind === "optimizer" && knob.label === "lr");
    const rest = knobs.filter((knob) => !main.includes(knob));
    const key = `${kind}${label}`;
    const fold = rest.length ? html("details", { "data-kind": key, open: this.details.has(key) || null }, html("summary", {}, `${rest.length} knob${rest.length > 1 ? "s" : ""}`), knobRows(rest, chosen.values, turn)) : null;
    return html("div", { class: "choice", "data-choice": kind, title: about.summary || null }, html("div", { class: "choice-head" }, html("span", { class: "choice-name" }, kind === "dataset" ? "" : label), picker), ...complaint(about), main.length ? knobRows(main, chosen.values, turn) : null, fold);
  }

  /** Return a choice of a schedule for each number but the learning rate that may vary while the network trains. */
  varying(about, courses) {
    const { asked } = this;
    const places = Object.entries(about).flatMap(([kind, { knobs }]) => knobs.filter((knob) => knob.varies && knob.label !== "lr").map((knob) => `${kind}.${knob.key}`));
    if (!places.length) return [];
    const rows = places.map((place) => {
      const course = asked.vary[place];
      const picker = html("select", { "aria-label": `${place} while it trains` }, html("option", { value: "" }, "stays as it is"), ...this.lists.schedule.map(({ name }) => html("option", { value: name, selected: course && course.name === name }, name)));
      picker.addEventListener("change", () => {
        if (picker.value) asked.vary[place] = { name: picker.value, values: {} };
        else delete asked.vary[place];
        this.build();
        this.changed(true);
      });
      const turn = (knob, value, isSettled) => {
        course.values[knob.key] = value;
        this.changed(isSettled);
      };
      const about_ = course && courses[place];
      return html("div", { class: "choice", "data-choice": `vary.${place}` }, html("label", { class: "choice-head" }, html("span", { class: "choice-name" }, place.split(".").slice(1).join(".")), picker), ...(about_ ? [...complaint(about_), knobRows(about_.knobs.filter((knob) => knob.form !== "fixed"), course.values, turn)] : []));
    });
    return [html("h3", { class: "varying" }, "Numbers that a schedule scales ", html("span", { class: "quiet small" }, "while the network trains")), ...rows];
  }

  /** Return the card in which a second network is set beside the first. */
  otherCard(about, other) {
    const { asked } = this;
    const choose = html("select", { "aria-label": "a second network that differs in" }, html("option", { value: "" }, "nothing"), ...DIFFER.map((kind) => html("option", { value: kind, selected: asked.other && asked.other.kind === kind }, NAMES[kind].toLowerCase())));
    choose.addEventListener("change", () => {
      asked.other = choose.value ? this.firstOther(choose.value) : null;
      this.build();
      this.changed(true);
    });
    const card = html("section", { class: "card other" }, html("h2", {}, "A second network beside it"), html("label", { class: "choice-head" }, html("span", { class: "choice-name" }, "differs in"), choose));
    if (!asked.other) return card;
    if ("value" in asked.other) {
      const { kind } = asked.other;
      const high = { depth: 8, width: 64, batch: 512 }[kind];
      card.append(
        knobRows([{ key: "value", label: `its ${NAMES[kind].toLowerCase()}`, symbol: "", meaning: "of the second network", form: "range", scale: "whole", low: 1, high, default: null, may_be_none: false }], asked.other, (knob, value, isSettled) => {
          asked.other.value = Math.max(1, Math.round(value));
          this.changed(isSettled);
        }),
      );
    } else card.append(this.choice(asked.other.kind, other, asked.other, this.lists[asked.other.kind], `Its ${NAMES[asked.other.kind].toLowerCase()}`));
    card.append(html("p", { class: "quiet small" }, "Same seed: both begin with the same draws and see the same batches."));
    return card;
  }

  /** Return what a second network has at first, where it shall differ in something: something else than the first. */
  firstOther(kind) {
    if (kind in { depth: 1, width: 1, batch: 1 }) return { kind, value: { depth: this.asked.depth + 2, width: Math.max(1, this.asked.width >> 2), batch: Math.max(1, this.asked.batch >> 3) }[kind] };
    const first = this.asked.techniques[kind];
    const wished = { activation: ["tanh", "relu"], init: ["normal", "he"], bias: ["constant", "zeros"], norm: ["batch_norm", "none"], dropout: ["dropout", "none"], optimizer: ["sgd", "adam"], regularizer: ["l2", "none"], schedule: ["cosine", "constant"], network: ["residual", "mlp"], loss: ["hinge", "softmax_cross_entropy"], sampler: ["epoch", "with_replacement"], augmentation: ["noise", "none"] }[kind];
    const names = this.lists[kind].map((each) => each.name);
    const name = wished.find((each) => each !== first.name && names.includes(each)) || names.find((each) => each !== first.name) || first.name;
    return { kind, name, values: {} };
  }
}

function order(name) {
  const place = PLANES.indexOf(name);
  return place < 0 ? PLANES.length : place;
}

function head() {
  const cell = (text, meaning, name = null) => html("th", { scope: "col", title: meaning, class: name }, text);
  return html("thead", {}, html("tr", {}, cell("", null), cell("outputs", "how often the activation puts out what, on one axis for all layers"), cell("std", "standard deviation of the outputs", "number"), cell("dead", "share of units that pass no gradient on any row of the batch", "number"), cell("saturated", "share of outputs at which hardly any gradient passes; of ReLU those that are 0", "number wide"), cell("gradients", "sizes of the gradients of the layer's weights, on one logarithmic axis for all layers"), cell("size", "root mean square of the layer's gradients", "number")));
}

/** Return counts as shares of them all, so that layers of few units and of many compare. */
function shares(counts) {
  const all = counts.reduce((sum, count) => sum + count, 0) || 1;
  return counts.map((count) => count / all);
}

function swatch(colour) {
  const made = html("span", { class: "swatch" });
  made.style.setProperty("--technique", drawn(colour));
  return made;
}

/** Return how one network stands, in a few words. */
function standing(network, curves) {
  const [loss, accuracy] = ["valid/loss", "valid/accuracy"].map((metric) => (curves[metric] || [[], []])[1].at(-1));
  const parts = [];
  if (accuracy !== undefined) parts.push(`${percent(accuracy)} of held-out rows right`);
  if (loss !== undefined) parts.push(`loss ${number(loss)}`);
  return [parts.join(", "), network.ended ? network.ended : ""].filter(Boolean).join("; ");
}

/** Return in one sentence what is to be seen. */
function sentenceOf(found, curves, names) {
  const told = found.map((network, which) => {
    const name = names[which] ? `${names[which]}: ` : "";
    if (network.error) return `${name}it cannot be trained.`;
    const [accuracy, loss] = ["valid/accuracy", "train/loss"].map((metric) => (curves[which][metric] || [[], []])[1].at(-1));
    if (network.ended && network.ended.startsWith("diverged")) return `${name}${network.ended}.`;
    const ill = illness(network);
    const score = accuracy !== undefined ? `${percent(accuracy)} right after ${network.step} updates` : network.step ? `loss ${number(loss)} after ${network.step} updates` : "";
    return score ? `${name}${score}${ill ? `; ${ill}` : ""}.` : "";
  });
  const said = told.filter(Boolean).join(" ");
  return said || "Nothing has been learned yet: press Train, or make one update.";
}

/** Return what is wrong inside of a network, if anything is. */
function illness(network) {
  const layers = network.layers || [];
  const dead = layers.findIndex((layer) => layer.dead >= 0.999);
  if (dead >= 0) return `${layers[dead].name} is dead, no gradient passes it`;
  const saturated = layers.findIndex((layer) => layer.saturated > 0.9 && !(layer.dead > 0.2));
  if (saturated >= 0) return `${layers[saturated].name} is saturated`;
  const sizes = layers.map((layer) => layer.gradient_size).filter((size) => size > 0);
  if (sizes.length > 2 && sizes[0] < sizes.at(-1) / 300) return `the first layer's gradients are ${number(sizes.at(-1) / sizes[0], 1)} times smaller than the last's`;
  if (layers.length && layers.every((layer) => layer.still === 1)) return "no gradient reaches any weight";
  return "";
}

function complaint(about) {
  return about.error ? [html("p", { class: "problem" }, about.error)] : [];
}
