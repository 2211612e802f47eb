// Knobs of a technique: sliders, boxes, lists and texts made from what the server says of its parameters.
import { html } from "./elements.js";
import { number } from "./numerals.js";

const NOTCHES = 400;

/** Return where on a slider, 0 to 1, a value of a knob is. */
export function placeOf(knob, value) {
  const { scale, low, high } = knob;
  if (scale === "log") return share(Math.log(value), Math.log(low), Math.log(high));
  if (scale === "log_from_zero") return value <= 0 ? 0 : Math.max(1 / NOTCHES, share(Math.log(value), Math.log(low), Math.log(high)));
  if (scale === "one_minus") return share(-Math.log(Math.max(1 - value, 1e-12)), 0, -Math.log(1 - high));
  return share(value, low, high);
}

function share(value, low, high) {
  return Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
}

/** Return the value of a knob at a place on its slider, to as many digits as can be told apart there. */
export function valueAt(knob, place) {
  const { scale, low, high } = knob;
  if (scale === "whole") return Math.round(low + place * (high - low));
  if (scale === "log") return rounded(low * (high / low) ** place);
  if (scale === "log_from_zero") return place < 1 / NOTCHES ? 0 : rounded(low * (high / low) ** place);
  if (scale === "one_minus") return place === 0 ? 0 : Number((1 - Number(((1 - high) ** place).toPrecision(2))).toPrecision(6));
  return rounded(low + place * (high - low));
}

function rounded(value) {
  return Number(value.toPrecision(3));
}

/** Return a value as it is typed into a field. */
export function typed(value) {
  return value === null || value === undefined ? "" : String(value);
}

let made = 0;

/**
 * Return an element with a row for each knob.
 *
 * @param {object[]} knobs as the server tells of them.
 * @param {object} values value by key; what is left out is as it is by default.
 * @param {function} turn `turn(knob, value, isSettled)`: called while a slider moves, and once more when it is let go.
 * @param {object} options `only(knob)` tells which may be turned, all where it is left out; `values(knob)` lists what a slider
 *   may stop at.
 */
export function knobRows(knobs, values, turn, options = {}) {
  const { only = () => true, values: stops = () => null } = options;
  const place = html("div", { class: "knobs" });
  for (const knob of knobs) if (knob.form !== "fixed" && only(knob)) place.append(row(knob, knob.key in values ? values[knob.key] : knob.default, turn, stops(knob)));
  return place;
}

function row(knob, value, turn, stops) {
  made += 1;
  const id = `knob-${made}`;
  const name = html("label", { for: id, title: knob.meaning || null }, knob.symbol ? html("i", {}, knob.symbol) : null, knob.label);
  const cells = { range: slider, box, list, text }[knob.form](knob, value, turn, id, stops);
  const made_ = html("div", { class: `knob ${knob.form}`, "data-key": knob.key }, name, ...cells);
  return made_;
}

function slider(knob, value, turn, id, stops) {
  const at = (current) => (stops ? nearest(stops, current) / (stops.length - 1) : placeOf(knob, current));
  const from = (place) => (stops ? stops[Math.round(place * (stops.length - 1))] : valueAt(knob, place));
  const start = value ?? from(0.5);
  const wide = stops ? stops.length - 1 : knob.scale === "whole" ? Math.max(1, Math.min(NOTCHES, knob.high - knob.low)) : NOTCHES;
  const range = html("input", { type: "range", id, min: 0, max: wide, step: 1, "aria-valuetext": number(start), "aria-describedby": `${id}-typed` });
  range.value = Math.round(at(start) * wide);
  const field = html("input", { type: "text", inputmode: "decimal", id: `${id}-typed`, class: "typed", "aria-label": `${knob.label}, typed`, autocomplete: "off", spellcheck: "false", readonly: Boolean(stops), placeholder: knob.may_be_none ? "none" : null });
  field.value = typed(value);
  const moved = (isSettled) => {
    const next = from(Number(range.value) / wide);
    field.value = typed(next);
    field.removeAttribute("aria-invalid");
    range.setAttribute("aria-valuetext", number(next));
    turn(knob, next, isSettled);
  };
  range.addEventListener("input", () => moved(false));
  range.addEventListener("change", () => moved(true));
  field.addEventListener("change", () => {
    const said = field.value.trim();
    if (said === "" && (knob.may_be_none || knob.default !== null)) {
      const back = knob.may_be_none ? null : knob.default;
      field.value = typed(back);
      range.value = Math.round(at(back ?? start) * wide);
      turn(knob, back, true);
      return;
    }
    const next = Number(said);
    const isWrong = said === "" || !Number.isFinite(next);
    field.toggleAttribute("aria-invalid", isWrong);
    if (isWrong) return;
    range.value = Math.round(at(next) * wide);
    turn(knob, knob.scale === "whole" ? Math.round(next) : next, true);
  });
  return [range, field];
}

/** Return which of some ascending stops is nearest to a value. */
export function nearest(stops, value) {
  let best = 0;
  stops.forEach((stop, index) => {
    if (Math.abs(stop - value) < Math.abs(stops[best] - value)) best = index;
  });
  return best;
}

function box(knob, value, turn, id) {
  const field = html("input", { type: "checkbox", id });
  field.checked = Boolean(value);
  field.addEventListener("change", () => turn(knob, field.checked, true));
  return [field];
}

function list(knob, value, turn, id) {
  const choices = knob.may_be_none ? [null, ...knob.choices] : knob.choices;
  const field = html("select", { id }, ...choices.map((choice, index) => html("option", { value: index, selected: choice === value }, choice === null ? "none" : String(choice))));
  field.addEventListener("change", () => turn(knob, choices[Number(field.value)], true));
  return [field];
}

function text(knob, value, turn, id) {
  const field = html("input", { type: "text", id, class: "text", spellcheck: "false", autocomplete: "off" });
  field.value = typed(value);
  field.addEventListener("change", () => turn(knob, field.value === "" && knob.may_be_none ? null : field.value, true));
  return [field];
}

/**
 * Return an element with a list to choose a technique from, and further ones for what stands inside of it.
 *
 * @param {string} label what is chosen.
 * @param {object[]} techniques of the kind, as the server lists them.
 * @param {string[]} chain the technique chosen, and those inside of it.
 * @param {function} choose `choose(name)`, such as "sam+momentum".
 */
export function techniquePicker(label, techniques, chain, choose) {
  const place = html("span", { class: "picker" });
  chain.forEach((name, index) => {
    const known = techniques.some((each) => each.name === name) ? techniques : [{ name }, ...techniques];
    const field = html("select", { "aria-label": index ? `inside ${chain[index - 1]}` : label }, ...known.map((each) => html("option", { value: each.name, selected: each.name === name }, each.name)));
    field.addEventListener("change", () => choose([...chain.slice(0, index), field.value].join("+")));
    if (index) place.append(html("span", { class: "joint", "aria-hidden": "true" }, "+"));
    place.append(field);
  });
  return place;
}

/** Return a formula in which the sign of one knob is marked. */
export function formulaOf(text, symbol) {
  const place = html("code", { class: "formula" });
  if (!symbol) {
    place.append(text);
    return place;
  }
  const sign = new RegExp(`(?<![\\p{L}])${symbol.replace(/[.*+?^$()|[\]\\{}]/g, "\\$&")}(?![₀-₉\\u0302\\u0304⁺⁻])`, "gu");
  let last = 0;
  for (const found of text.matchAll(sign)) {
    place.append(text.slice(last, found.index), html("mark", {}, found[0]));
    last = found.index + found[0].length;
  }
  place.append(text.slice(last));
  return place;
}
