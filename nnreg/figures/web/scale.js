// Scales, their ticks, numbers in words, and colours on light and dark paper: what every chart needs.

/** Return a number with so many digits that count, written plainly where that is short: 0.001, 1200, 1.2e-6. */
export function number(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const rounded = Number(value.toPrecision(digits));
  const text = size >= 1e-4 && size < 1e6 ? String(rounded) : rounded.toExponential().replace("e+", "e");
  return text.replace("-", text.startsWith("-") ? "−" : "-");
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

/** Return a technique's colour as it is drawn: on dark paper as much lighter as it takes to be seen. */
export function drawn(colour) {
  if (!isDark()) return colour;
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const light = luminance(parts);
  const share = light < 0.3 ? Math.min(0.62, (0.3 - light) * 2.1) : 0;
  return `#${parts.map((part) => Math.round(part + (255 - part) * share).toString(16).padStart(2, "0")).join("")}`;
}

function luminance(parts) {
  const [red, green, blue] = parts.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Return the value of one of the page's colours, such as `--ink`. */
export function colourOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
