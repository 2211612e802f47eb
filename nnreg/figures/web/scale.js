// Scales and their ticks: from what is measured to pixels, and back.
import { chosen, ticks as alike } from "./numerals.js";

/**
 * Return a scale from low..high to the pixels from..to: `scale(value)`; `scale.invert(pixel)` goes back, `scale.ticks(most)` are
 * round values, each with its place and its words.
 *
 * @param {object} how `log` for a logarithmic scale, both of whose ends are above 0; `share` where values are told in percent.
 */
export function scaled(low, high, from, to, { log = false, share = false } = {}) {
  const f = log ? Math.log10 : (value) => value;
  let [a, b] = [f(low), f(high)];
  if (!(b > a)) [a, b] = [a - 0.5, b + 0.5];
  const scale = (value) => from + ((f(value) - a) / (b - a)) * (to - from);
  scale.invert = (pixel) => {
    const value = a + ((pixel - from) / (to - from || 1)) * (b - a);
    return log ? 10 ** value : value;
  };
  scale.ticks = (most = 5) => {
    const values = (log && decades(a, b, most)) || rounds(log ? 10 ** a : a, log ? 10 ** b : b, most);
    const told = share ? values.map((value) => 100 * value) : values;
    const words = log ? told.map((value) => chosen(value)) : alike(told);
    return values.map((value, k) => ({ value, at: scale(value), text: words[k] }));
  };
  return scale;
}

// Powers of ten, and between them as many as there is room for; nothing where there are fewer than two.
function decades(a, b, most) {
  const every = Math.max(1, Math.ceil((b - a) / most));
  for (const factors of every > 1 ? [[1]] : [[1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]) {
    const found = [];
    for (let power = Math.floor(a); power <= b; power += 1) {
      if (power % every) continue;
      for (const factor of factors) {
        const value = Number(`${factor}e${power}`), place = Math.log10(value);
        if (place >= a - 1e-9 && place <= b + 1e-9) found.push(value);
      }
    }
    if (found.length <= most + 1) return found.length > 1 ? found : null;
  }
  return null;
}

function rounds(low, high, most) {
  const rough = (high - low) / most, unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((m) => m * unit >= rough * (1 - 1e-9)) * unit, found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * step; at += 1) found.push(Number((at * step).toPrecision(12)));
  return found;
}
