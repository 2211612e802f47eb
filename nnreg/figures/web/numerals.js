// How a number is written, as nnreg/numerals.py has it: a test holds the two to each other.
const LEAST = 1e-4, MOST = 1e6, MINUS = '−', NOTHING = '–', INFINITE = '∞', SETTING = 4, FINEST = 6;

// What was measured, with so many digits that count, zeros among them, or whole: 0.300, 1,234, 2.30e-6.
function measured(value, digits = 3) { return written(value, digits, true); }

// What was chosen, such as a setting: no zeros at its end: 0.3, 1,000, 1e-5.
function chosen(value, digits = SETTING) { return written(value, digits, false); }

// What stands in a sentence or beside a knob; a dash for nothing.
function number(value, digits = 3) { return value === null || value === undefined ? NOTHING : chosen(value, digits); }

// A count: 1,000.
function whole(value) { return unusual(value) || signed(value, at(value, 0)); }

// A share in percent: 95.3 %.
function percent(value, decimals = 1) { return unusual(value) || `${signed(value, at(100 * value, decimals))} %`; }

// A mean and half its interval, with the digits that this carries: its first one, of 1 and 2 the one after it too.
function beside(value, half) {
  const last = exponentOf(half) - (half < 3 * 10 ** exponentOf(half) ? 1 : 0);
  const larger = Math.max(Math.abs(value), half);
  if (larger >= LEAST && larger < MOST && -last <= FINEST) return [signed(value, at(value, -last)), at(half, -last)];
  return [value, half].map((each) => measured(each, each ? Math.max(1, Math.min(exponentOf(each) - last + 1, FINEST)) : 1));
}

// The ticks of a linear axis, alike in decimals: 0.0 0.5 1.0; powers of ten where one needs them.
function ticks(values) {
  const apart = values.slice(1).map((value, k) => Math.abs(value - values[k])).filter(Boolean);
  const most = Math.max(0, ...values.map(Math.abs)), step = apart.length ? Math.min(...apart) : 0;
  if ((most > 0 && most < LEAST) || most >= MOST) {
    const digits = step ? 1 + exponentOf(most) - exponentOf(step) + 1 : SETTING;
    return values.map((value) => (value ? power(value, digits, false) : '0'));
  }
  if (!step) return values.map((value) => chosen(value));
  let places = 0;
  while (places < FINEST && !isWhole(step * 10 ** places)) places++;
  return values.map((value) => signed(value, at(value, places)));
}

function isWhole(value) { return value > 0.5 && Math.abs(value - Math.round(value)) <= 1e-6 * Math.max(value, Math.round(value)); }

function written(value, digits, keep) {
  const words = unusual(value) || (value ? '' : '0');
  if (words) return words;
  const near = Math.abs(value).toPrecision(digits);
  if (Number(near) >= LEAST && Number(near) < MOST) {
    return signed(value, ended(at(value, Math.max(0, digits - 1 - exponentOf(Number(near)))), keep));
  }
  return power(value, digits, keep);
}

function power(value, digits, keep) {
  const [mantissa, exponent] = Math.abs(value).toExponential(digits - 1).split('e');
  return `${signed(value, ended(mantissa, keep))}e${Number(exponent)}`;
}

// A number without its sign, rounded at a decimal, which may stand before the point.
function at(value, decimals) {
  const unit = 10 ** Math.max(0, -decimals);
  const text = (unit > 1 ? Math.round(Math.abs(value) / unit) * unit : Math.abs(value)).toFixed(Math.max(0, decimals));
  const [front, rest] = text.split('.');
  return front.replace(/\B(?=(\d{3})+$)/g, ',') + (rest ? `.${rest}` : '');
}

function ended(text, keep) { return keep || !text.includes('.') ? text : text.replace(/\.?0+$/, ''); }

function exponentOf(value) { return Number(Math.abs(value).toExponential(30).split('e')[1]); }

function signed(value, text) { return value < 0 && /[^0.,]/.test(text) ? MINUS + text : text; }

function unusual(value) {
  if (Number.isNaN(value)) return NOTHING;
  return Number.isFinite(value) ? '' : signed(value, INFINITE);
}

export { measured, chosen, number, whole, percent, beside, ticks };
