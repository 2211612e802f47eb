// Scales, their ticks, numbers in words, and colours on light and dark paper: what every chart needs.
import { chosen } from "./numerals.js";

/** Return a number as it stands on an axis or in a sentence: 0.001, 1,200, 1.2e-6; a dash for none. */
export function number(value, digits = 3) {
  return value === null || value === undefined ? "–" : chosen(value, digits);
}

/** Return a scale from what is measured to pixels; `invert` goes back, `ticks` are round values. */
export function linear(low, high, from, to) {
  const span = high - low || 1;
  const scale = (value) => from + ((value - low) / span) * (to - from);
  scale.invert = (pixel) => low + ((pixel - from) / (to - from || 1)) * span;
  scale.ticks = (count = 5) => roundTicks(low, high, count);
  scale.isLog = false;
  return scale;
}

/** Return a logarithmic scale; both ends are above 0. */
export function log(low, high, from, to) {
  const [first, last] = [Math.log10(low), Math.log10(high)];
  const scale = (value) => from + ((Math.log10(value) - first) / (last - first || 1)) * (to - from);
  scale.invert = (pixel) => 10 ** (first + ((pixel - from) / (to - from || 1)) * (last - first));
  scale.ticks = (count = 5) => powerTicks(first, last, count);
  scale.isLog = true;
  return scale;
}

/** Return round values from low to high, about so many. */
export function roundTicks(low, high, count = 5) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => span / each <= count) || 10 * power;
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) ticks.push(Number((at * step).toPrecision(12)));
  return ticks;
}

function powerTicks(first, last, count) {
  const [from, to] = [Math.ceil(first - 1e-9), Math.floor(last + 1e-9)];
  const each = Math.max(1, Math.ceil((to - from) / count));
  const ticks = [];
  for (let power = from; power <= to; power += each) ticks.push(Number(`1e${power}`));
  if (ticks.length >= 2) return ticks;
  const within = [];
  for (let power = Math.floor(first); power <= to + 1; power += 1)
    for (const share of [1, 2, 5]) {
      const tick = Number(`${share}e${power}`);
      if (tick >= 10 ** first * 0.999 && tick <= 10 ** last * 1.001) within.push(tick);
    }
  return within;
}

/** Tell whether the reader's paper is dark. */
export function isDark() {
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Call `redraw` when the reader's paper turns dark or light. */
export function onTheme(redraw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

const onDark = new Map();

/** Remember what stands for a technique's colour on dark paper, as the palette has it. */
export function knowColour(colour, dark) {
  if (dark) onDark.set(colour, dark);
}

/** Return a technique's colour as it is drawn on the reader's paper. */
export function drawn(colour) {
  return (isDark() && onDark.get(colour)) || colour;
}

/** Return the value of one of the page's colours, such as `--ink`. */
export function colourOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
