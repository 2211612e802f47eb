// The Valley: update rules come down a surface, and what each of their knobs does is seen at once.
import { lineChart } from "./chart.js";
import { commandLine } from "./command.js";
import { html, svg } from "./elements.js";
import { keepingFocus } from "./focus.js";
import { formulaOf, knobRows, techniquePicker } from "./knobs.js";
import { valleyMap } from "./map.js";
import { outline } from "./markers.js";
import { number } from "./numerals.js";
import { drawn, onTheme } from "./paper.js";
import { ratesMap } from "./rates.js";
import { names, outcome } from "./sentence.js";
import { firstState, question, readState, writtenState } from "./valley_state.js";

export const id = "valley";
export const title = "Valley";

const MOST_RULES = 4;
const DASHES = [null, "7 5", "2 5", "11 4 2 4"]; // of rules of one name, which have one colour
const FRAMES = 14; // updates a second that are played where there are few; a long descent takes eight seconds

/** Build the tab. */
export function mount(element, state, api) {
  return new Valley(element, state, api);
}

class Valley {
  constructor(element, state, api) {
    Object.assign(this, { element, state, api, playing: null, isAsking: false, isStale: false, found: null, ground: null, turn: 0 });
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

  hide() {
    this.pause();
  }

  /** Lay out what stays. */
  lay() {
    const at = (name, tag = "div") => html(tag, { class: name });
    this.at = { surface: at("card"), rules: at("rules"), pace: at("card pace"), sentence: html("p", { class: "sentence", role: "status", "aria-live": "polite" }), problem: html("p", { class: "problem", role: "alert" }) };
    this.at.maps = at("maps");
    this.at.legend = at("legend");
    this.at.arrows = html("p", { class: "arrows small quiet" });
    this.at.formula = at("card formula-card");
    this.at.charts = at("valley-charts");
    this.at.commands = at("commands");
    this.at.rates = at("rates");
    this.at.add = html("button", { class: "button add", type: "button", onclick: () => this.addRule() }, "+ Add a rule");
    const views = this.viewButtons();
    this.at.controls = html("div", { class: "valley-controls" }, this.at.surface, this.at.rules, this.at.add, this.at.pace);
    const stage = html("div", { class: "valley-stage" }, this.at.sentence, this.at.problem, html("div", { class: "stage-bar" }, this.at.legend, views), this.at.maps, this.timeBar(), this.at.arrows);
    const height = at("chart-place");
    this.at.along = [at("chart-place"), at("chart-place")];
    this.at.alongTitles = [html("h2"), html("h2")];
    this.at.alongBlock = html("div", { class: "along" }, ...this.at.along.flatMap((place, which) => [this.at.alongTitles[which], place]));
    this.at.charts.append(html("h2", {}, "Height above the minimum"), height, this.at.alongBlock);
    const below = html("div", { class: "valley-below" }, this.at.formula, this.at.rates, html("div", { class: "card commands-card" }, html("h2", {}, "The same on the command line"), this.at.commands));
    this.element.classList.add("valley");
    this.element.append(stage, this.at.controls, this.at.charts, below);
    const onScrub = (x) => this.setTime(Math.round(x));
    this.height = lineChart(height, { label: "height above the lowest point after each update, on a logarithmic axis", x: { label: "updates", word: "update" }, y: { log: true }, onScrub, height: 230 });
    this.along = this.at.along.map((place) => lineChart(place, { label: "coordinate along a direction of the surface after each update", x: { word: "update" }, height: 130, onScrub }));
    this.rates = ratesMap(this.at.rates, this.api, { choose: (rule, values) => this.setKnobs(rule, values), look: (map) => this.setMap(map) });
    onTheme(() => this.found && this.show());
  }

  viewButtons() {
    const choices = [["one", "One map"], ["each", "A map each"]];
    this.views = choices.map(([view, text]) => html("button", { class: "segment", type: "button", "data-view": view, onclick: () => this.setView(view) }, text));
    return html("div", { class: "segments", role: "group", "aria-label": "maps" }, ...this.views);
  }

  timeBar() {
    const button = (shape, label, act) => html("button", { class: "button bare", type: "button", "aria-label": label, title: label, onclick: act }, icon(shape));
    this.range = html("input", { type: "range", min: 0, step: 1, "aria-label": "update", class: "time" });
    this.range.addEventListener("input", () => this.setTime(Number(this.range.value)));
    this.play = html("button", { class: "button main", type: "button", onclick: () => this.playOrPause() }, icon("on"), "Play");
    this.clock = html("output", { class: "clock" });
    return html("div", { class: "time-bar" }, this.play, button("start", "back to the start", () => this.setTime(0)), button("back", "one update back", () => this.setTime(this.time - 1)), button("on", "one update on", () => this.setTime(this.time + 1)), button("end", "to the end", () => this.setTime(this.asked.steps)), this.range, this.clock);
  }

  /** Build the controls anew, and ask. */
  async build() {
    const turn = (this.turn += 1);
    this.pause();
    const { asked } = this;
    for (const each of this.views) each.setAttribute("aria-pressed", each.dataset.view === asked.view);
    try {
      [this.surfaces, this.optimizers, this.schedules] = await Promise.all(["surface", "optimizer", "schedule"].map((kind) => this.api.techniques(kind)));
    } catch (error) {
      this.complain(error.message);
      return;
    }
    this.about = { surface: await this.about_("surface", asked.surface.name), schedule: await this.about_("schedule", asked.schedule.name), rules: await Promise.all(asked.rules.map((rule) => this.about_("optimizer", rule.name))) };
    if (turn !== this.turn) return;
    if (asked.isUntuned) {
      asked.isUntuned = false;
      await this.tune(asked.rules.map((_, place) => place));
      return;
    }
    this.buildSurface();
    this.buildRules();
    this.buildPace();
    this.showFormula();
    this.range.max = asked.steps;
    await this.askGround();
    this.ask();
  }

  async about_(kind, name) {
    return this.api.technique(kind, name).catch((error) => ({ error: error.message, name, knobs: [], formulas: [], chain: [name], colour: "#777777", summary: "" }));
  }

  buildSurface() {
    const { asked, about } = this;
    if (this.api.isFixed) {
      this.at.surface.replaceChildren(html("div", { class: "card-head" }, html("h2", {}, "Surface"), html("b", { class: "fixed-name" }, asked.surface.name)), html("p", { class: "quiet small" }, about.surface.summary));
      return;
    }
    const picker = techniquePicker("surface", this.surfaces.filter((each) => each.name !== "noisy"), about.surface.chain, (name) => this.chooseSurface(name));
    const turn = (knob, value, isSettled) => {
      asked.surface.values[knob.key] = value;
      this.changed(isSettled, true);
    };
    const noise = { key: "noise", label: "noise", symbol: "σ", meaning: "standard deviation of the noise on each slope, drawn anew for each update; σ of surface=noisy+…", form: "range", scale: "log_from_zero", low: 0.01, high: 100, default: 0, may_be_none: false };
    const seed = { key: "seed", label: "seed", symbol: "", meaning: "what the noise is drawn from: the same seed, the same noise", form: "range", scale: "whole", low: 0, high: 20, default: 0, may_be_none: false };
    const own = (knob, value, isSettled) => {
      asked[knob.key] = value;
      this.changed(isSettled);
    };
    const isNoisy = about.surface.knobs.some((each) => each.key === "noise"); // it has a knob of its own
    const knobs = [...(isNoisy && !asked.noise ? [] : [noise]), ...(isNoisy || asked.noise > 0 || asked.seed ? [seed] : [])];
    const rows = knobRows(knobs, asked, (knob, value, isSettled) => {
      const was = asked.noise > 0;
      own(knob, value, isSettled);
      if (was !== asked.noise > 0 && isSettled) this.buildSurface();
    });
    const parts = [html("div", { class: "card-head" }, html("h2", {}, "Surface"), picker), ...complaint(about.surface), html("p", { class: "quiet small" }, about.surface.summary), knobRows(about.surface.knobs, asked.surface.values, turn), rows];
    keepingFocus(this.at.surface, () => this.at.surface.replaceChildren(...parts));
  }

  buildRules() {
    const { asked, about } = this;
    const cards = asked.rules.map((rule, place) => this.ruleCard(rule, about.rules[place], place));
    keepingFocus(this.at.rules, () => this.at.rules.replaceChildren(...cards));
    this.at.add.hidden = this.api.isFixed || asked.rules.length >= MOST_RULES;
  }

  ruleCard(rule, about, place) {
    const turn = (knob, value, isSettled) => {
      rule.values[knob.key] = value;
      this.asked.moved = { rule: place, key: knob.key };
      this.showFormula();
      this.changed(isSettled);
    };
    if (this.api.isFixed) return this.fixedCard(rule, about, place, turn);
    const picker = techniquePicker("update rule", this.optimizers, about.chain, (name) => this.chooseRule(place, name));
    const tune = html("button", { class: "button bare", type: "button", title: "find the learning rate that comes lowest on this surface, of 25 that are tried", onclick: () => this.tune([place]) }, "Tune");
    const remove = html("button", { class: "button bare", type: "button", "aria-label": `remove ${rule.name}`, title: "remove", onclick: () => this.removeRule(place) }, icon("remove"));
    const first = about.knobs.slice(0, 3);
    const rest = about.knobs.slice(3);
    const more = rest.length ? html("details", { open: rest.some((knob) => knob.key in rule.values) || null }, html("summary", {}, `${rest.length} more`), knobRows(rest, rule.values, turn)) : null;
    const card = html("div", { class: "card rule", "data-rule": place, role: "group", "aria-label": rule.name }, html("div", { class: "card-head" }, html("span", { class: "swatch" }), picker, html("span", { class: "spring" }), about.error ? null : tune, this.asked.rules.length > 1 ? remove : null), ...complaint(about), html("p", { class: "problem rule-problem" }), knobRows(first, rule.values, turn), more);
    card.style.setProperty("--technique", drawn(about.colour));
    return card;
  }

  /** Return the card of a rule whose descents are there for some stops of its knobs alone. */
  fixedCard(rule, about, place, turn) {
    const stops = (knob) => this.api.stops(rule.name, knob.key);
    const card = html("div", { class: "card rule", "data-rule": place, role: "group", "aria-label": rule.name }, html("div", { class: "card-head" }, html("b", { class: "fixed-name" }, rule.name)), html("p", { class: "problem rule-problem" }), knobRows(about.knobs, rule.values, turn, { only: (knob) => stops(knob) !== null, values: stops }));
    card.style.setProperty("--technique", drawn(about.colour));
    return card;
  }

  buildPace() {
    const { asked, about } = this;
    this.at.pace.hidden = Boolean(this.api.isFixed);
    if (this.api.isFixed) return;
    const own = (knob, value, isSettled) => {
      asked[knob.key] = value;
      if (knob.key === "steps") this.range.max = value;
      this.changed(isSettled);
    };
    const knob = (key, label, meaning, scale, low, high, more = {}) => ({ key, label, symbol: "", meaning, form: "range", scale, low, high, default: null, may_be_none: false, ...more });
    const steps = knob("steps", "updates", "how many updates each rule makes", "whole", 5, 300, { default: 120 });
    const others = [
      knob("warmup", "warm-up", "updates over which the learning rate rises from 0", "whole", 0, Math.max(1, asked.steps - 1), { default: 0 }),
      knob("clip_norm", "clip length", "bound on the gradient's length; empty for none", "log", 0.01, 100, { may_be_none: true }),
      knob("clip_value", "clip slopes", "bound on each slope; empty for none", "log", 0.01, 100, { may_be_none: true }),
    ];
    const picker = techniquePicker("schedule", this.schedules, about.schedule.chain, (name) => this.chooseSchedule(name));
    const turn = (turned, value, isSettled) => {
      asked.schedule.values[turned.key] = value;
      this.changed(isSettled);
    };
    const isOpen = asked.schedule.name !== "constant" || asked.warmup || asked.clip_norm !== null || asked.clip_value !== null;
    const row = html("div", { class: "knob list" }, html("label", {}, "schedule"), picker);
    const parts = [html("h2", {}, "Run"), knobRows([steps], asked, own), html("details", { open: isOpen || null }, html("summary", {}, "Schedule and clipping"), row, ...complaint(about.schedule), knobRows(about.schedule.knobs, asked.schedule.values, turn), knobRows(others, asked, own))];
    keepingFocus(this.at.pace, () => this.at.pace.replaceChildren(...parts));
  }

  /** Something was turned: draw it, and write it into the address once it rests. */
  changed(isSettled, isGround = false) {
    if (isGround) this.askGround();
    this.ask();
    if (isSettled) this.save();
  }

  save() {
    this.state.save(writtenState(this.asked));
  }

  async askGround() {
    try {
      this.ground = await this.api.post("/api/valley/ground", this.asked.surface);
      this.groundIsNew = true;
    } catch (error) {
      this.ground = null;
      this.complain(error.message);
    }
  }

  /** Ask for the descents, one question at a time: what was turned meanwhile is asked next, what lies between never. */
  async ask() {
    if (this.isAsking) {
      this.isStale = true;
      return;
    }
    this.isAsking = true;
    do {
      this.isStale = false;
      const asked = question(this.asked);
      try {
        this.found = await this.api.post("/api/valley/descents", asked);
        this.complain("");
        this.show();
      } catch (error) {
        this.complain(error.message);
      }
    } while (this.isStale);
    this.isAsking = false;
    this.element.dataset.drawn = Number(this.element.dataset.drawn || 0) + 1;
  }

  complain(text) {
    this.at.problem.textContent = text;
    this.at.maps.classList.toggle("stale", Boolean(text));
  }

  /** Draw what was found. */
  show() {
    const { found, asked } = this;
    this.at.sentence.textContent = outcome(found.rules, asked.steps);
    const called = names(found.rules);
    found.rules.forEach((rule, place) => {
      rule.called = called[place];
      rule.dash = DASHES[found.rules.slice(0, place).filter((other) => other.name === rule.name).length];
    });
    const seen = found.rules.filter((rule) => !rule.error);
    found.rules.forEach((rule, place) => {
      const at = this.at.rules.querySelector(`[data-rule="${place}"] .rule-problem`);
      if (at) at.textContent = rule.error ? `${rule.name}: ${rule.error}` : "";
    });
    this.showMaps(seen);
    this.at.legend.replaceChildren(...seen.map((rule) => html("span", { class: "key" }, sign(rule), rule.called)));
    const moving = [...new Set(seen.map((rule) => rule.velocity_name).filter(Boolean))];
    this.at.arrows.replaceChildren("Before an update, at each head:", arrowKey("gradient", "the slope downhill"), ...(moving.length ? [arrowKey("velocity", `the velocity the rule keeps (${moving.join(", ")})`)] : []), arrowKey("step", "the step taken, true to scale"));
    this.height.draw({ series: seen.map((rule) => ({ ...strokeOf(rule), y: rule.heights })), x: { range: [0, asked.steps] } });
    this.showAlong(seen);
    this.at.commands.replaceChildren(...seen.map((rule) => commandLine(rule.command, rule.name)));
    this.rates.show(this.asked, this.about.rules, found, this.ground);
    this.setTime(asked.time ?? asked.steps, false);
  }

  showMaps(seen) {
    const isFlat = this.ground && this.ground.dimensions === 2;
    if (!isFlat) {
      const count = this.ground ? this.ground.dimensions : 0;
      this.maps = [];
      this.at.maps.replaceChildren(count ? html("p", { class: "quiet" }, `This surface has ${count} dimension${count === 1 ? "" : "s"}: there is no map of it. The heights tell how the rules fare.`) : "");
      return;
    }
    const groups = this.asked.view === "each" ? seen.map((rule) => [rule]) : [seen];
    if (!this.maps || this.maps.length !== groups.length || this.mapsView !== this.asked.view) {
      this.mapsView = this.asked.view;
      this.at.maps.replaceChildren();
      this.at.maps.classList.toggle("several", groups.length > 1);
      this.maps = groups.map(() => {
        const place = html("div", { class: "map-place" });
        this.at.maps.append(place);
        return valleyMap(place, { label: "map of the surface; the ring is the start, drag it or move it with the arrow keys", onStart: this.api.isFixed ? null : (point, isSettled) => this.setStart(point, isSettled) });
      });
      this.groundIsNew = true;
    }
    this.maps.forEach((map, which) => {
      if (this.groundIsNew) map.ground(this.ground);
      map.draw({ rules: groups[which], time: this.time ?? this.asked.steps, start: this.found.start });
    });
    this.groundIsNew = false;
  }

  showAlong(seen) {
    const { directions } = this.found;
    this.at.alongBlock.hidden = !directions;
    if (!directions) return;
    const names = directions.curvatures.length > 1 ? ["Across the valley", "Along the valley"] : ["Along the line"];
    this.along.forEach((chart, which) => {
      const isThere = which < directions.curvatures.length;
      this.at.along[which].hidden = this.at.alongTitles[which].hidden = !isThere;
      if (!isThere) return;
      this.at.alongTitles[which].replaceChildren(names[which], html("span", { class: "quiet small" }, ` curvature ${number(directions.curvatures[which])}, direction (${directions.vectors[which].slice(0, 3).map((part) => number(part, 2)).join(", ")}${directions.vectors[which].length > 3 ? ", …" : ""})`));
      const series = seen.map((rule, place) => ({ ...strokeOf(rule), y: directions.coordinates[place].map((point) => point[which]) }));
      const begun = Math.max(...directions.coordinates.map(([first]) => Math.hypot(...first)), 1e-9);
      const reached = Math.max(...series.flatMap((line) => line.y.map(Math.abs)).filter(Number.isFinite), 1e-9);
      const far = Math.min(1.5 * begun, reached); // who flies off does not flatten the others
      chart.draw({ series, x: { range: [0, this.asked.steps] }, y: { range: [-1.08 * far, 1.08 * far] }, guides: [{ y: 0 }] });
    });
  }

  showFormula() {
    const { moved } = this.asked;
    const about = this.about.rules[moved.rule] || this.about.rules[0];
    if (!about) return;
    const knob = about.knobs.find((each) => each.key === moved.key) || about.knobs[0];
    const prefix = knob ? knob.key.slice(0, knob.key.length - knob.label.length) : "";
    const parts = about.formulas.flatMap((part) => [about.formulas.length > 1 ? html("h3", { class: "quiet" }, part.of) : null, part.text ? formulaOf(part.text, part.prefix === prefix && knob ? knob.symbol : "") : html("p", { class: "quiet small" }, "its docstring has no formula")].filter(Boolean));
    const told = knob ? html("p", { class: "small meaning" }, html("b", {}, knob.symbol ? `${knob.symbol} ` : "", knob.label), knob.meaning ? `: ${knob.meaning}` : "") : "";
    this.at.formula.style.setProperty("--technique", drawn(about.colour));
    this.at.formula.replaceChildren(html("h2", {}, about.name, html("span", { class: "quiet small" }, ` ${about.summary}`)), ...parts, told);
  }

  setTime(next, isSaid = true) {
    const time = Math.min(this.asked.steps, Math.max(0, next));
    this.time = time;
    if (isSaid) {
      this.asked.time = time === this.asked.steps ? null : time;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.save(), 300);
    }
    this.range.value = time;
    this.clock.textContent = `update ${time} of ${this.asked.steps}`;
    this.range.setAttribute("aria-valuetext", this.clock.textContent);
    for (const map of this.maps || []) map.time(time);
    for (const chart of [this.height, ...this.along]) chart.cursor(time);
  }

  playOrPause() {
    if (this.playing !== null) {
      this.pause();
      this.save();
      return;
    }
    const [begun, from] = [performance.now(), this.time >= this.asked.steps ? 0 : this.time];
    const pace = Math.max(FRAMES, this.asked.steps / 8);
    this.play.replaceChildren(icon("pause"), "Pause");
    const frame = (now) => {
      const time = from + Math.floor(((now - begun) / 1000) * pace);
      this.setTime(time);
      if (time >= this.asked.steps) this.pause();
      else if (this.playing !== null) this.playing = requestAnimationFrame(frame);
    };
    this.playing = requestAnimationFrame(frame);
  }

  pause() {
    if (this.playing !== null) cancelAnimationFrame(this.playing);
    this.playing = null;
    if (this.play) this.play.replaceChildren(icon("on"), "Play");
  }

  setView(view) {
    this.asked.view = view;
    for (const each of this.views) each.setAttribute("aria-pressed", each.dataset.view === view);
    if (this.found) this.show();
    this.save();
  }

  setStart(point, isSettled) {
    this.asked.start = point;
    this.changed(isSettled);
  }

  setMap(map) {
    this.asked.map = map;
    this.save();
  }

  setKnobs(place, values) {
    Object.assign(this.asked.rules[place].values, values);
    this.asked.moved = { rule: place, key: Object.keys(values)[0] };
    this.buildRules();
    this.showFormula();
    this.changed(true);
  }

  async chooseSurface(name) {
    this.asked.surface = { name, values: {} };
    this.asked.start = null;
    await this.tune(this.asked.rules.map((_, place) => place));
  }

  async chooseRule(place, name) {
    this.asked.rules[place] = { name, values: {} };
    this.asked.moved = { rule: place, key: "lr" };
    await this.tune([place]);
  }

  chooseSchedule(name) {
    this.asked.schedule = { name, values: name === "plateau" ? { metric: "value" } : {} };
    this.save();
    this.build();
  }

  async addRule() {
    const usual = [...firstState().rules.map((rule) => rule.name), ...this.optimizers.map((each) => each.name)];
    const name = usual.find((each) => !this.asked.rules.some((rule) => rule.name === each));
    this.asked.rules.push({ name, values: {} });
    await this.tune([this.asked.rules.length - 1]);
  }

  removeRule(place) {
    this.asked.rules.splice(place, 1);
    if (this.asked.moved.rule >= this.asked.rules.length) this.asked.moved = { rule: 0, key: "lr" };
    this.asked.map = { rule: null, second: null };
    this.save();
    this.build();
  }

  /** Give rules the learning rates with which they come lowest; a rule that cannot be tried keeps its own. */
  async tune(places) {
    const asked = question(this.asked);
    await Promise.all(
      places.map(async (place) => {
        try {
          const { key, rate } = await this.api.post("/api/valley/rate", { ...asked, rules: [this.asked.rules[place]] });
          if (key !== null) this.asked.rules[place].values[key] = rate;
        } catch {
          // what is wrong with it is told where it descends
        }
      }),
    );
    this.save();
    await this.build();
  }
}

function complaint(about) {
  return about.error ? [html("p", { class: "problem" }, about.error)] : [];
}

const SHAPES = { start: "M4 4h2.4v12H4zM16 4v12L7 10z", back: "M14.5 4v12L5 10z", on: "M5.5 4v12L15 10z", end: "M13.6 4H16v12h-2.4zM4 4v12l9-6z", pause: "M5 4h3.4v12H5zM11.6 4H15v12h-3.4z", remove: "M5.3 4l4.7 4.7L14.7 4 16 5.3 11.3 10l4.7 4.7-1.3 1.3-4.7-4.7L5.3 16 4 14.7 8.7 10 4 5.3z" };

function icon(shape) {
  return svg("svg", { class: "icon", viewBox: "0 0 20 20", width: 16, height: 16, "aria-hidden": "true" }, svg("path", { d: SHAPES[shape], fill: "currentColor" }));
}

function strokeOf(rule) {
  return { name: rule.called, colour: rule.colour, marker: rule.marker, dash: rule.dash };
}

function sign({ colour, marker, dash }) {
  const line = svg("path", { d: "M1 7h28", stroke: drawn(colour), "stroke-width": 2.4, "stroke-dasharray": dash });
  return svg("svg", { viewBox: "0 0 30 14", width: 30, height: 14, "aria-hidden": "true" }, line, svg("path", { d: outline(marker, 15, 7, 4.4), fill: drawn(colour) }));
}

function arrowKey(kind, text) {
  return html("span", { class: `key arrow-key ${kind}` }, html("span", { class: "stroke" }), text);
}
