// An axis: maps data to pixels, and knows its ticks and how they are written.
import { chosen, ticks as written } from "./numerals.js";

export function axis(low, high, from, to, { log = false, share = false } = {}) {
  const f = log ? Math.log10 : (v) => v;
  let a = f(low), b = f(high);
  if (!(b > a)) { a -= 0.5; b += 0.5; }
  const at = (v) => from + ((f(v) - a) / (b - a)) * (to - from);
  const back = (pixel) => { const v = a + ((pixel - from) / (to - from)) * (b - a); return log ? 10 ** v : v; };
  const scaled = (v) => (share ? 100 * v : v);
  const values = (most) => (log ? decades(a, b, most) : null) || rounds(log ? 10 ** a : a, log ? 10 ** b : b, most);
  const ticks = (most) => {
    const found = values(most);
    const words = log ? found.map((v) => chosen(scaled(v))) : written(found.map(scaled));
    return found.map((value, k) => ({ value, at: at(value), text: words[k] }));
  };
  return { at, back, ticks };
}

// Powers of ten, and between them as many as there is room for; nothing where there are fewer than two.
function decades(a, b, most) {
  const every = Math.max(1, Math.ceil((b - a) / most));
  for (const factors of every > 1 ? [[1]] : [[1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]) {
    const found = [];
    for (let i = Math.floor(a); i <= b; i += 1) {
      if (i % every) continue;
      for (const factor of factors) {
        const v = factor * 10 ** i;
        if (Math.log10(v) >= a - 1e-9 && Math.log10(v) <= b + 1e-9) found.push(v);
      }
    }
    if (found.length <= most + 1) return found.length > 1 ? found : null;
  }
  return null;
}

function rounds(low, high, most) {
  const rough = (high - low) / most, unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((m) => m * unit >= rough * (1 - 1e-9)) * unit, found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) found.push(parseFloat((i * step).toPrecision(12)));
  return found;
}
