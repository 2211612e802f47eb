// Curves to point at: names at their ends, recorded values faint behind smoothed ones, what is scored as a point at the end.
import { measured, beside, percent, chosen } from "./numerals.js";
import { node, shape, all, roving } from "./elements.js";
import { axis } from "./axes.js";
import { LINE, widthOf, clipped, spread } from "./names.js";
import { light, relight, onLight, isLit } from "./links.js";

const NEAR = 26; // pixels from which a line is meant
const ON_PAPER = 680; // pixels between the margins of a page
const FEW = 30; // points of a curve up to which each has a dot

export function chart(host, id, options) {
  const state = { hidden: new Set(options.hidden || []), log: null, view: 0, bands: options.bands, raw: true, lit: [], at: null };
  const { series, views } = options;
  views.forEach((view) => view.curves.forEach((curve) => {
    [curve, curve.raw].forEach((each) => { if (each && typeof each.x === 'number') each.x = options.steps[each.x]; });
  }));
  host.hidden = false;
  const controls = node(host, 'div', { class: 'controls only-screen' });
  const canvas = node(host, 'div', { class: 'canvas' });
  const voice = node(host, 'p', { class: 'unseen', 'aria-live': 'polite' });
  const toggles = [];
  const view = () => views[state.view];
  const isLog = () => (state.log === null ? view().log : state.log);
  const isDrawn = (k) => !state.hidden.has(k) || state.lit.includes(k);
  const curves = () => view().curves.map((curve, k) => ({ curve, k, own: series[k] })).filter(({ k }) => isDrawn(k));
  const font = () => `600 ${getComputedStyle(canvas).fontSize} ${getComputedStyle(canvas).fontFamily}`;
  let width = 0, plot = null;

  function toggle(parent, text, isOn, press, isOffered) {
    const button = node(parent, 'button', { type: 'button' }, text);
    button.addEventListener('click', () => { press(); draw(); });
    toggles.push({ button, isOn, isOffered: isOffered || (() => true) });
    return button;
  }

  function offer() {
    if (views.length > 1) {
      const select = node(node(controls, 'label', {}, ''), 'select', { 'aria-label': 'what is drawn' });
      views.forEach((each, k) => node(select, 'option', { value: k }, each.name));
      select.addEventListener('change', () => { state.view = Number(select.value); state.log = null; draw(); });
    }
    const bar = node(controls, 'div', { class: 'bar', role: 'toolbar', 'aria-label': 'how it is drawn' });
    const has = (part) => view().curves.some((curve) => curve[part]);
    if (!options.step) {
      toggle(bar, 'log scale', isLog, () => { state.log = !isLog(); });
      toggle(bar, '95 % band', () => state.bands, () => { state.bands = !state.bands; }, () => has('high'));
      toggle(bar, 'as recorded', () => state.raw, () => { state.raw = !state.raw; }, () => has('raw'));
    }
    const several = series.length > 1, box = several && node(controls, 'details', { class: 'choose' });
    if (several) {
      node(box, 'summary', {}, `choose among the ${series.length}`);
      const arms = node(box, 'div', { class: 'bar', role: 'toolbar', 'aria-label': 'which are drawn' });
      if (series.length > 3) {
        toggle(arms, 'all', () => !state.hidden.size, () => state.hidden.clear());
        toggle(arms, 'none', () => state.hidden.size === series.length, () => series.forEach((_, k) => state.hidden.add(k)));
      }
      (options.groups || []).forEach((group) => group.values.forEach((value, k) => {
        const members = group.members[k], isOn = () => members.some((m) => !state.hidden.has(m));
        const press = () => { const off = isOn(); members.forEach((m) => (off ? state.hidden.add(m) : state.hidden.delete(m))); };
        toggle(arms, `${group.name}: ${value}`, isOn, press).dataset.lights = members.join(' ');
      }));
      series.forEach((own, k) => {
        const press = () => (state.hidden.has(k) ? state.hidden.delete(k) : state.hidden.add(k));
        const button = toggle(arms, '', () => !state.hidden.has(k), press);
        button.dataset.arms = own.arms.join(' ');
        const swatch = shape(button, 'svg', { class: 'swatch', viewBox: '0 0 26 10', 'aria-hidden': 'true' });
        stroke(shape(swatch, 'line', { x1: 1, y1: 5, x2: 25, y2: 5 }), own, 3);
        button.append(own.name);
      });
      roving(arms, 'button');
    }
    if (bar.childElementCount) roving(bar, 'button'); else bar.remove();
  }

  function stroke(line, own, wide) {
    line.style.stroke = own.colour;
    line.setAttribute('stroke-width', wide);
    line.setAttribute('fill', 'none');
    if (own.dash) line.setAttribute('stroke-dasharray', own.dash);
    return line;
  }

  function limits(log) {
    const x = [Infinity, -Infinity], y = [Infinity, -Infinity];
    const take = (range, v, positive) => {
      if (v === null || !Number.isFinite(v) || (positive && v <= 0)) return;
      range[0] = Math.min(range[0], v);
      range[1] = Math.max(range[1], v);
    };
    curves().forEach(({ curve }) => {
      curve.x.forEach((v) => take(x, v, options.xlog));
      const rows = [curve.y, ...(curve.singles || []), state.raw && curve.raw ? curve.raw.y : []];
      if (curve.final) rows.push([curve.final.y]);
      if (curve.high && state.bands) rows.push(curve.high, curve.low);
      rows.forEach((row) => row.forEach((v) => take(y, v, log)));
      (curve.lost || []).forEach((each) => { each.x.forEach((v) => take(x, v, options.xlog)); take(y, each.y[0], log); });
    });
    if (options.right) { take(x, 0, false); take(x, options.right, false); }
    if (!(x[0] <= x[1])) x.splice(0, 2, ...(options.xlog ? [0.1, 1] : [0, 1]));
    if (!(y[0] <= y[1])) y.splice(0, 2, ...(log ? [0.1, 1] : [0, 1]));
    if (options.xlog && x[0] < x[1]) x.splice(0, 2, x[0] / 1.1, x[1] * 1.1);
    return { x, y: roomy(y, log) };
  }

  function roomy([low, high], log) {
    if (log) return low < high ? [low / 1.12, high * 1.12] : [low / 2, high * 2];
    const room = 0.04 * (high - low) || 0.05 * Math.abs(high) || 0.05, zero = !view().share && low >= 0 && low < high / 2;
    return [zero ? 0 : low - room, view().share ? Math.min(1.01, high + room) : high + room];
  }

  function draw(wanted) {
    width = wanted || Math.max(260, canvas.clientWidth || 700);
    const log = isLog(), shown = curves(), letters = font();
    const names = shown.map(({ own }) => own.name);
    const longest = Math.max(0, ...names.map((name) => widthOf(name, letters)));
    const room = Math.ceil(Math.min(longest + 34, width < 560 ? 0.36 * width : 0.3 * width));
    const height = Math.round(Math.max(Math.min(460, Math.max(290, width * 0.46)), LINE * shown.length + 80));
    const range = limits(log), yAxis = { log, share: view().share };
    const left = 12 + Math.max(...axis(...range.y, 1, 0, yAxis).ticks(6).map(({ text }) => widthOf(text, letters)));
    const box = { left, right: width - (names.length ? room : 14), top: 30, bottom: height - 44 };
    const sx = axis(...range.x, box.left, box.right, { log: options.xlog }), sy = axis(...range.y, box.bottom, box.top, yAxis);
    canvas.textContent = '';
    canvas.classList.toggle('bands', state.bands);
    canvas.classList.toggle('raws', state.raw);
    const svg = shape(canvas, 'svg', { viewBox: `0 0 ${width} ${height}`, width, height, tabindex: 0, role: 'img' });
    svg.setAttribute('aria-label', `${view().label}: ${names.join(', ')}. Arrow keys read values.`);
    frame(svg, sx, sy, box, height);
    const clip = `clip-${id}`;
    const inside = { id: clip };
    shape(shape(shape(svg, 'defs'), 'clipPath', inside), 'rect', { x: box.left, y: box.top - 4, width: box.right - box.left, height: box.bottom - box.top + 8 });
    const y = (v) => Math.max(-1e4, Math.min(1e4, log && v <= 0 ? 1e4 : sy.at(v)));
    const pinned = (v) => Math.max(box.top, Math.min(box.bottom, y(v)));
    const marks = shape(svg, 'g', { 'clip-path': `url(#${clip})` }), over = shape(svg, 'g');
    const path = (xs, ys) => ys.map((v, k) => {
      const px = sx.at(xs[k]).toFixed(1), py = y(v).toFixed(1);
      return (k === 0 ? `M${px} ` : options.step ? `H${px}V` : `L${px} `) + py;
    }).join('');
    const ends = shown.map(({ curve, own }) => {
      const group = shape(marks, 'g', { class: 'mark', 'data-arms': own.arms.join(' ') });
      const top = shape(over, 'g', { class: 'mark', 'data-arms': own.arms.join(' ') });
      return trace(group, top, curve, own, { path, sx, y, pinned, box });
    });
    name(over, shown, ends, box, width, letters);
    plot = { svg, sx, y, box, shown };
    listen(svg);
    toggles.forEach(({ button, isOn, isOffered }) => {
      button.setAttribute('aria-pressed', String(Boolean(isOn())));
      button.hidden = !isOffered();
    });
    relight();
  }

  function frame(svg, sx, sy, box, height) {
    sy.ticks(box.bottom - box.top < 300 ? 5 : 7).forEach(({ at, text }) => {
      shape(svg, 'line', { class: 'grid', x1: box.left, x2: box.right, y1: at, y2: at });
      shape(svg, 'text', { x: box.left - 7, y: at + 4, 'text-anchor': 'end' }, text);
    });
    const most = Math.max(2, Math.min(8, Math.floor((box.right - box.left) / 62)));
    sx.ticks(most).forEach(({ at, text }) => {
      shape(svg, 'line', { class: 'tick', x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4 });
      shape(svg, 'text', { x: at, y: box.bottom + 17, 'text-anchor': 'middle' }, text);
    });
    shape(svg, 'line', { class: 'tick', x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom });
    shape(svg, 'text', { class: 'axis', x: (box.left + box.right) / 2, y: height - 8, 'text-anchor': 'middle' }, options.across);
    shape(svg, 'text', { class: 'axis', x: 2, y: 13 }, view().label);
  }

  // Draws one arm and returns where it ends.
  function trace(group, top, curve, own, { path, sx, y, pinned, box }) {
    const last = curve.x.length - 1;
    let end = last >= 0 ? [sx.at(curve.x[last]), pinned(curve.y[last])] : null;
    if (curve.high && curve.x.length) {
      const back = curve.low.map((v, k) => `L${sx.at(curve.x[k]).toFixed(1)} ${y(v).toFixed(1)}`).reverse().join('');
      shape(group, 'path', { class: 'band', d: `${path(curve.x, curve.high)}${back}Z` }).style.fill = own.colour;
    }
    if (curve.raw) stroke(shape(group, 'path', { class: 'raw', d: path(curve.raw.x, curve.raw.y) }), { colour: own.colour }, 0.8);
    (curve.singles || []).forEach((each) => stroke(shape(group, 'path', { class: 'single', d: path(curve.x, each) }), own, 1));
    if (curve.x.length) stroke(shape(group, 'path', { class: 'line', d: path(curve.x, curve.y), 'stroke-linejoin': 'round' }), own, 2);
    if (curve.x.length <= FEW && !options.step) {
      curve.x.forEach((v, k) => { shape(group, 'circle', { cx: sx.at(v), cy: y(curve.y[k]), r: 2.6 }).style.fill = own.colour; });
    }
    (curve.lost || []).filter((each) => each.x.length).forEach((each) => {
      const at = each.x.length - 1, px = sx.at(each.x[at]), py = pinned(each.y[at]);
      stroke(shape(group, 'path', { class: 'single', d: path(each.x, each.y) }), own, 1);
      stroke(shape(top, 'path', { d: `M${px - 4} ${py - 4}l8 8m0 -8l-8 8` }), { colour: own.colour }, 2);
      if (!curve.x.length) end = [px, py];
    });
    (curve.rings || []).forEach((ring) => {
      const made = stroke(shape(top, 'circle', { cx: sx.at(ring.x), cy: y(ring.y), r: 7 }), { colour: own.colour }, 2);
      if (ring.edge) made.style.stroke = 'var(--ink)';
    });
    if (curve.final) {
      const px = sx.at(curve.final.x), py = pinned(curve.final.y);
      if (curve.final.ends.length) {
        const [low, high] = curve.final.ends.map(pinned);
        stroke(shape(top, 'path', { class: 'band', d: `M${px} ${low}V${high}` }), { colour: own.colour }, 2).style.fillOpacity = 0;
      }
      const made = shape(top, 'path', { class: 'final', d: `M${px} ${py - 5}l5 5l-5 5l-5 -5z` });
      made.style.fill = own.colour;
      end = [px, py];
    }
    return end || [box.right, box.top];
  }

  function name(over, shown, ends, box, wide, letters) {
    const heights = spread(ends.map(([, y]) => y), box.top + 2, box.bottom - 2);
    shown.forEach(({ own }, k) => {
      const group = shape(over, 'g', { class: 'name mark', 'data-arms': own.arms.join(' ') });
      const [x, y] = ends[k], from = box.right + 18;
      stroke(shape(group, 'path', { class: 'tie', d: `M${x + 6} ${y}L${box.right + 7} ${y}L${from - 3} ${heights[k]}` }), { colour: own.colour }, 1);
      const text = shape(group, 'text', { x: from, y: heights[k] + 4 }, clipped(own.name, letters, wide - from - 2));
      text.style.fill = own.ink;
      shape(text, 'title', {}, own.name);
    });
  }

  function listen(svg) {
    svg.addEventListener('pointermove', (event) => {
      const frame = svg.getBoundingClientRect(), px = event.clientX - frame.left, py = event.clientY - frame.top;
      const named = event.target.closest('.name');
      if (px > plot.box.right + 8) { point(null); light(named ? named.dataset.arms.split(' ').map(Number) : []); return; }
      point(plot.sx.back(Math.max(plot.box.left, Math.min(plot.box.right, px))));
      light(nearestLine(px, py));
    });
    svg.addEventListener('pointerleave', () => { point(null); light([]); });
    svg.addEventListener('blur', () => { point(null); light([]); });
    svg.addEventListener('keydown', (event) => {
      const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key], down = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!across && !down) return;
      event.preventDefault();
      const { sx, box, shown } = plot;
      if (across) {
        const px = (state.at === null ? box.left : sx.at(state.at)) + (across * (box.right - box.left)) / 60;
        point(sx.back(Math.max(box.left, Math.min(box.right, px))));
      } else {
        const at = shown.findIndex(({ own }) => isLit(own.arms)), next = (at + down + shown.length) % shown.length;
        light(shown[at < 0 ? (down > 0 ? 0 : shown.length - 1) : next].own.arms);
      }
      const lit = plot.shown.find(({ own }) => isLit(own.arms));
      const read = rows(state.at).filter(({ own }) => !lit || own === lit.own).map((row) => `${row.own.name} ${written(row)}`);
      voice.textContent = state.at === null ? (lit ? lit.own.name : '') : `${heading(state.at)}: ${read.join(', ')}`;
    });
  }

  function rows(where) {
    if (where === null) return [];
    const found = plot.shown.filter(({ curve }) => curve.x.length).map(({ curve, own }) => {
      let k = nearest(curve.x, where);
      if (options.step && curve.x[k] > where && k > 0) k -= 1;
      const half = curve.high ? (curve.high[k] - curve.low[k]) / 2 : 0;
      return { own, curve, x: curve.x[k], y: curve.y[k], half };
    });
    const isBeyond = ({ curve, x }) => (where > curve.x[curve.x.length - 1] || where < curve.x[0]) && Math.abs(plot.sx.at(x) - plot.sx.at(where)) > 20;
    const kept = options.step ? found : found.filter((row) => !isBeyond(row));
    return kept.sort((a, b) => (view().higher ? b.y - a.y : a.y - b.y));
  }

  function nearestLine(px, py) {
    const gaps = rows(plot.sx.back(px)).map(({ own, x, y }) => ({ own, gap: Math.hypot(Math.min(12, Math.abs(plot.sx.at(x) - px)), plot.y(y) - py) }));
    const best = gaps.sort((a, b) => a.gap - b.gap)[0];
    return best && best.gap < NEAR ? best.own.arms : [];
  }

  function written({ y, half }) {
    if (!half) return view().share ? percent(y) : measured(y);
    const [number, width] = view().share ? beside(100 * y, 100 * half) : beside(y, half);
    return `${number} ± ${width}${view().share ? ' %' : ''}`;
  }

  function heading(at) { return `${options.cross} ${options.xlog ? chosen(at, 3) : Math.round(at)}`; }

  // Cross hair: the value of every arm where the pointer is.
  function point(where) {
    state.at = where;
    all('.cross, .tip', canvas).forEach((old) => old.remove());
    const found = rows(where);
    if (!found.length) return;
    const { svg, sx, y, box } = plot;
    const near = found.reduce((a, b) => (Math.abs(b.x - where) < Math.abs(a.x - where) ? b : a));
    const at = options.step ? where : near.x, px = sx.at(at);
    const group = shape(svg, 'g', { class: 'cross' });
    shape(group, 'line', { x1: px, x2: px, y1: box.top, y2: box.bottom });
    found.forEach((row) => { shape(group, 'circle', { cx: options.step ? px : sx.at(row.x), cy: y(row.y), r: 3.6 }).style.fill = row.own.colour; });
    const tip = node(canvas, 'div', { class: 'tip' });
    node(tip, 'b', {}, heading(at));
    const table = node(tip, 'table'), most = width < 600 ? 8 : 14;
    found.slice(0, most).forEach((row) => {
      const line = node(table, 'tr', { 'data-arms': row.own.arms.join(' ') }), first = node(line, 'td');
      node(first, 'i').style.background = row.own.colour;
      first.append(row.own.name);
      node(line, 'td', {}, written(row));
    });
    if (found.length > most) node(tip, 'div', {}, `and ${found.length - most} more`);
    const ratio = canvas.clientWidth / width, right = px * ratio + 14;
    tip.style.left = `${right + tip.offsetWidth > box.right ? Math.max(0, px * ratio - tip.offsetWidth - 14) : right}px`;
    relight();
  }

  onLight(() => {
    const wanted = series.map((_, k) => k).filter((k) => state.hidden.has(k) && isLit(series[k].arms));
    const few = wanted.length > 6 ? [] : wanted; // a whole column of a table is not drawn for a moment
    if (few.join() === state.lit.join()) return;
    state.lit = few;
    draw();
  });
  offer();
  draw();
  addEventListener('beforeprint', () => draw(ON_PAPER));
  addEventListener('afterprint', () => draw());
  new ResizeObserver(() => { if (canvas.clientWidth !== width && canvas.clientWidth) draw(); }).observe(canvas);
}

function nearest(xs, where) {
  let low = 0, high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= where) low = middle; else high = middle;
  }
  return Math.abs(xs[high] - where) < Math.abs(xs[low] - where) ? high : low;
}
