// Lines on two axes, which are named at their ends and read by pointing at them or with the arrow keys: what the report shows
// of a comparison, and what the playground shows of rules and networks that move.
//
//   const chart = lineChart(element, { label: "height above the minimum", x: { label: "update" }, y: { log: true }, onScrub });
//   chart.draw({ series: [{ name: "adam", colour: "#0051f6", marker: "v", y: [3, 2, 1] }], guides: [{ y: 1, label: "target" }] });
//   chart.cursor(2);
//
// Ink, paper and rules are the page's: --ink, --quiet, --rule, --line, --paper, --raised.
import { measured, beside, percent, chosen, whole } from "./numerals.js";
import { html, svg, all } from "./elements.js";
import { scaled } from "./scale.js";
import { LINE, widthOf, clipped, clippedApart, spread } from "./names.js";
import { outline } from "./markers.js";
import { drawn, whenSeenAnew } from "./paper.js";

const NEAR = 26; // pixels from which a line is meant
const ON_PAPER = 680; // pixels between the margins of a printed page
const FEW = 30; // points of a line up to which each has a mark
const APART = 96; // pixels between two marks of a line that has more
const DEEPEST = 1e14; // from the highest to the lowest that a logarithmic axis shows: below it is rounding
const MARK = 3.4; // radius of a mark

/** Return a path through points; a point that is null is a gap. */
export function pathThrough(points, isStep = false) {
  let path = "";
  let isOpen = false;
  for (const point of points) {
    if (point === null) {
      isOpen = false;
      continue;
    }
    const [x, y] = [point[0].toFixed(1), point[1].toFixed(1)];
    path += isOpen ? (isStep ? `H${x}V${y}` : `L${x} ${y}`) : `M${x} ${y}`;
    isOpen = true;
  }
  return path;
}

/** Return at most `most` indices of a line in which the least and the greatest of each stretch are kept: no spike is lost. */
export function thinned(values, most) {
  const count = values.length;
  if (count <= most) return values.map((_, index) => index);
  const kept = new Set([0, count - 1]);
  const stretch = count / (most / 2);
  for (let begin = 0; begin < count; begin += stretch) {
    const end = Math.min(count, Math.floor(begin + stretch));
    let [least, greatest] = [-1, -1];
    for (let at = Math.floor(begin); at < end; at += 1) {
      if (!isThere(values[at])) continue;
      if (least < 0 || values[at] < values[least]) least = at;
      if (greatest < 0 || values[at] > values[greatest]) greatest = at;
    }
    if (least >= 0) kept.add(least).add(greatest);
  }
  return [...kept].sort((one, other) => one - other);
}

/**
 * A chart of lines.
 *
 * `draw(data)` shows `series`, lines each with `y` and
 *   `x` (else 0, 1, ...), `name` (at its end; `called` where there is no room for one), `colour`, `ink` (of its name), `dash`,
 *   `marker`, `faint`, `arms` (what it shares with other parts of the page; else it stands for itself), `low` and `high` (a band),
 *   `singles` (thin lines at the same x), `raw` ({x, y}: as recorded, behind it), `lost` ([{x, y}]: lines that end at a cross),
 *   `rings` ([{x, y, edge}]), `final` ({x, y, ends}: what is scored, at the end);
 * `guides` ([{x or y, label}]), `x` and `y` (over those of the options), `bands` and `raws` (whether they are drawn), `isStep`.
 *
 * @param {HTMLElement} host where it stands; it fills the width.
 * @param {object} options `label` for who cannot see it; `x` with `label`, `word` (of one place on it), `log`, `range`; `y` with
 *   `label`, `log`, `share` (told in percent), `higher` (is better), `range`; `height`, or a function of width and lines that
 *   gives it; `onScrub(x)` when a reader drags; `links`, where other parts of the page light up with a line: `isLit(line)`,
 *   `light(line or null)`, and `again()` after a drawing.
 */
export function lineChart(host, options) {
  const { label, height = 190, onScrub = null } = options;
  const picture = svg("svg", { tabindex: 0, role: "img" });
  const canvas = html("div", { class: onScrub ? "canvas scrubbed" : "canvas" }, picture);
  const voice = html("p", { class: "unseen", "aria-live": "polite" });
  const clip = `clip${Math.random().toString(36).slice(2)}`;
  const links = options.links || ownLinks(canvas);
  let shown = { series: [] }, lines = [], x = {}, y = {}; // what is drawn
  let plot = null; // and where
  let read = null, cursor = null; // places on the horizontal axis
  host.replaceChildren(canvas, voice);

  function redraw(wanted) {
    const width = wanted || canvas.clientWidth;
    if (!width) return;
    const letters = `600 ${getComputedStyle(canvas).fontSize} ${getComputedStyle(canvas).fontFamily}`;
    const named = lines.filter(({ line }) => line.name);
    const longest = Math.max(0, ...named.map(({ line }) => widthOf(line.name, letters)));
    const right = named.length ? Math.ceil(Math.min(longest + 46, (width < 420 ? 0.46 : width < 560 ? 0.4 : 0.3) * width)) : 14;
    const tall = typeof height === "function" ? height(width, named.length) : height;
    const ranges = [x.range || around(x, extent(across, x.log)), y.range || above(y, extent(upright, y.log))];
    const words = scaled(...ranges[1], 1, 0, y).ticks(6).map(({ text }) => widthOf(text, letters));
    const box = { left: 12 + Math.max(0, ...words), right: width - right, top: y.label ? 30 : 10, bottom: tall - (x.label ? 44 : 24) };
    const [sx, sy] = [scaled(...ranges[0], box.left, box.right, x), scaled(...ranges[1], box.bottom, box.top, y)];
    const up = (value) => Math.max(-1e4, Math.min(1e4, y.log && value <= 0 ? 1e4 : sy(value)));
    plot = { box, sx, sy, up, pinned: (value) => Math.max(box.top, Math.min(box.bottom, up(value))), width, tall, cross: svg("g", { class: "cross" }) };
    const [marks, over] = [svg("g", { "clip-path": `url(#${clip})` }), svg("g")];
    const ends = lines.map((each, place) => {
      const [group, top] = [marks, over].map((parent) => parent.appendChild(svg("g", { class: "mark", ...shared(each.line) })));
      return trace(group, top, each, place);
    });
    const inside = svg("rect", { x: box.left, y: box.top - 4, width: Math.max(0, box.right - box.left), height: Math.max(0, box.bottom - box.top + 8) });
    for (const [name, value] of Object.entries({ viewBox: `0 0 ${width} ${tall}`, width, height: tall })) picture.setAttribute(name, value);
    picture.setAttribute("aria-label", `${label || y.label}: ${named.map(({ line }) => line.name).join(", ")}. Arrow keys read values.`);
    picture.replaceChildren(svg("clipPath", { id: clip }, inside), ...frame(), ...guides(), marks, over, ...names(ends, letters), plot.cross);
    canvas.classList.toggle("bands", Boolean(shown.bands));
    canvas.classList.toggle("raws", Boolean(shown.raws));
    point(read);
    links.again();
  }

  function* across({ line, xs }) {
    yield xs;
    for (const lost of line.lost || []) yield lost.x;
  }

  function* upright({ line }) {
    yield line.y;
    yield* line.singles || [];
    if (line.raw && shown.raws) yield line.raw.y;
    if (line.final) yield [line.final.y];
    if (line.high && shown.bands) yield* [line.high, line.low];
    for (const lost of line.lost || []) yield lost.y.slice(0, 1);
  }

  function extent(rows, isLog) {
    let [low, high] = [Infinity, -Infinity];
    for (const each of lines)
      for (const row of rows(each))
        for (const value of row) {
          if (!isThere(value) || (isLog && value <= 0)) continue;
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
    return low <= high ? [low, high] : [isLog ? 0.1 : 0, 1];
  }

  function frame() {
    const { box, sx, sy, width, tall } = plot, parts = [];
    for (const { at, text } of sy.ticks(box.bottom - box.top < 140 ? 4 : box.bottom - box.top < 300 ? 5 : 7))
      parts.push(svg("line", { class: "grid", x1: box.left, x2: box.right, y1: at, y2: at }), svg("text", { x: box.left - 7, y: at + 4, "text-anchor": "end" }, text));
    for (const { at, text } of sx.ticks(Math.max(2, Math.min(8, Math.floor((box.right - box.left) / 62)))))
      parts.push(svg("line", { class: "tick", x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4 }), svg("text", { x: at, y: box.bottom + 17, "text-anchor": "middle" }, text));
    parts.push(svg("line", { class: "tick", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
    if (x.label) parts.push(svg("text", { class: "axis", x: (box.left + box.right) / 2, y: tall - 8, "text-anchor": "middle" }, x.label));
    if (y.label) parts.push(svg("text", { class: "axis", x: 2, y: 13 }, clipped(y.label, getComputedStyle(canvas).font, width)));
    return parts;
  }

  function guides() {
    const { box, sx, sy } = plot;
    return (shown.guides || []).flatMap((guide) => {
      const isAcross = guide.y !== undefined, place = isAcross ? sy(guide.y) : sx(guide.x);
      if (isAcross ? place < box.top || place > box.bottom : place < box.left || place > box.right) return [];
      const ends = isAcross ? { x1: box.left, x2: box.right, y1: place, y2: place } : { x1: place, x2: place, y1: box.top, y2: box.bottom };
      const text = isAcross ? { x: box.right - 4, y: place - 4, "text-anchor": "end" } : { x: place + 4, y: box.top + 10 };
      return [svg("line", { class: "guide", ...ends }), svg("text", text, guide.label || "")];
    });
  }

  /** Draw one line with all that belongs to it; return where it ends, or null. */
  function trace(group, top, { line, xs }, place) {
    const { sx, up, pinned } = plot;
    const at = (column, value) => (isThere(value) ? [sx(column), up(value)] : null);
    const path = (columns, values, isStep) => pathThrough(thinned(values, 2 * plot.width).map((k) => at(columns[k], values[k])), isStep);
    const stroke = (parent, name, wide, more) => inked(parent.appendChild(svg(name, { fill: "none", "stroke-width": wide, ...more })), "stroke", line.colour);
    const fill = (parent, name, more) => inked(parent.appendChild(svg(name, more)), "fill", line.colour);
    const dash = { "stroke-dasharray": line.dash || null }, last = line.y.findLastIndex(isThere);
    let end = last < 0 ? null : [sx(xs[last]), pinned(line.y[last])];
    if (line.high && last >= 0) {
      const back = xs.map((column, k) => `L${sx(column).toFixed(1)} ${up(line.low[k]).toFixed(1)}`).reverse().join("");
      fill(group, "path", { class: "band", d: `${path(xs, line.high)}${back}Z` });
    }
    if (line.raw) stroke(group, "path", 0.8, { class: "raw", d: path(line.raw.x, line.raw.y) });
    for (const single of line.singles || []) stroke(group, "path", 1, { class: "single", d: path(xs, single), ...dash });
    if (last >= 0) stroke(group, "path", line.faint ? 1.2 : 2, { class: line.faint ? "line faint" : "line", d: path(xs, line.y, shown.isStep), ...dash });
    if (!line.faint) for (const [px, py] of marked(line, xs, at, place, Boolean(line.final))) fill(group, "path", { class: "point", d: outline(line.marker, px, py, MARK) });
    for (const lost of (line.lost || []).filter((each) => each.x.length)) {
      const [px, py] = [sx(lost.x.at(-1)), pinned(lost.y.at(-1))];
      stroke(group, "path", 1, { class: "single", d: path(lost.x, lost.y), ...dash });
      stroke(top, "path", 2, { d: `M${px - 4} ${py - 4}l8 8m0 -8l-8 8` });
      end ||= [px, py];
    }
    for (const ring of line.rings || []) {
      const made = stroke(top, "circle", 2, { cx: sx(ring.x), cy: up(ring.y), r: 8 });
      if (ring.edge) made.style.stroke = "var(--ink)";
    }
    if (!line.final) return end;
    const [px, py] = [sx(line.final.x), pinned(line.final.y)];
    if (line.final.ends.length) stroke(top, "path", 2, { class: "whisker", d: `M${px} ${pinned(line.final.ends[0])}V${pinned(line.final.ends[1])}` });
    fill(top, "path", { class: "final", d: outline(line.marker, px, py, 1.6 * MARK) });
    return [px, py];
  }

  /** Return where a line has marks: at each of a few points, else at some of them, not at those of its neighbours. */
  function marked(line, xs, at, place, isEnded) {
    const points = line.y.map((value, k) => at(xs[k], value)), drawnOnes = points.filter(Boolean);
    if (!drawnOnes.length) return [];
    const apart = (drawnOnes.at(-1)[0] - drawnOnes[0][0]) / Math.max(1, drawnOnes.length - 1);
    if (drawnOnes.length === 1 || (drawnOnes.length <= FEW && !shown.isStep && apart >= 3.5 * MARK)) return drawnOnes;
    if (!line.marker) return [];
    const found = isEnded || shown.isStep ? [] : [drawnOnes.at(-1)];
    let next = drawnOnes[0][0] + APART * (0.35 + ((place * 0.37) % 1));
    for (const point of drawnOnes) {
      if (point[0] < next || point[0] > drawnOnes.at(-1)[0] - APART / 4) continue;
      found.push(point);
      next = point[0] + APART;
    }
    return found;
  }

  function names(ends, letters) {
    const { box, width } = plot, named = ends.map((end, k) => ({ end: end || [box.right, box.top], line: lines[k].line })).filter(({ line }) => line.name);
    const heights = spread(named.map(({ end }) => end[1]), box.top + 2, box.bottom - 2), from = box.right + 18;
    const marked = named.some(({ line }) => line.marker) ? 12 : 0, texts = clippedApart(named.map(({ line }) => line.name), letters, width - from - marked - 2);
    return named.map(({ end: [px, py], line }, k) => {
      const group = svg("g", { class: "name mark", ...shared(line) }), beside_ = line.marker ? 12 : 0;
      inked(group.appendChild(svg("path", { class: "tie", fill: "none", d: `M${px + 6} ${py}L${box.right + 7} ${py}L${from - 3} ${heights[k]}` })), "stroke", line.colour);
      if (line.marker) inked(group.appendChild(svg("path", { d: outline(line.marker, from + 4, heights[k], MARK) })), "fill", line.colour);
      const text = svg("text", { x: from + beside_, y: heights[k] + 4 }, texts[k]);
      group.append(svg("title", {}, line.name), inked(text, "fill", line.ink || line.colour));
      return group;
    });
  }

  /** Return the values of all lines where somebody points, the best first. */
  function rows(where) {
    if (where === null || !plot) return [];
    const found = lines.filter(({ line }) => !line.faint).flatMap(({ line, xs }) => {
      if (!xs.length) return [];
      let k = nearest(xs, where);
      if (shown.isStep && xs[k] > where && k > 0) k -= 1;
      const isBeyond = (where > xs.at(-1) || where < xs[0]) && Math.abs(plot.sx(xs[k]) - plot.sx(where)) > 20;
      const half = line.high ? (line.high[k] - line.low[k]) / 2 : 0;
      return !isThere(line.y[k]) || (isBeyond && !shown.isStep) ? [] : [{ line, x: xs[k], y: line.y[k], half }];
    });
    return found.sort((a, b) => (y.higher ? b.y - a.y : a.y - b.y));
  }

  function told({ y: value, half }) {
    if (!half) return y.share ? percent(value) : measured(value);
    const [number, wide] = y.share ? beside(100 * value, 100 * half) : beside(value, half);
    return `${number} ± ${wide}${y.share ? " %" : ""}`;
  }

  function heading(where) {
    return `${x.word || x.label || ""} ${x.log ? chosen(where, 3) : whole(Math.round(where))}`.trim();
  }

  /** Show the value of every line where somebody points, or goes by keys; the cursor where they do not. */
  function point(where) {
    read = where;
    all(".tip", canvas).forEach((old) => old.remove());
    if (!plot) return;
    const found = rows(where ?? cursor);
    plot.cross.replaceChildren();
    if (!found.length) return;
    const near = found.reduce((a, b) => (Math.abs(b.x - (where ?? cursor)) < Math.abs(a.x - (where ?? cursor)) ? b : a));
    const at = shown.isStep || where === null ? (where ?? cursor) : near.x, { box, sx, up } = plot;
    plot.cross.append(svg("line", { class: where === null ? "cursor" : "hair", x1: sx(at), x2: sx(at), y1: box.top, y2: box.bottom }));
    for (const row of found) {
      const [px, py] = [shown.isStep ? sx(at) : sx(row.x), up(row.y)];
      if (py >= box.top - 4 && py <= box.bottom + 4) plot.cross.append(inked(svg("path", { class: "dot", d: outline(row.line.marker, px, py, 1.1 * MARK) }), "fill", row.line.colour));
    }
    if (where !== null) tell(found, at);
  }

  function tell(found, at) {
    const most = plot.width < 600 ? 8 : 14, table = html("table");
    for (const row of found.slice(0, most)) {
      const sign = svg("svg", { class: "sign", viewBox: "0 0 12 12", "aria-hidden": "true" }, inked(svg("path", { d: outline(row.line.marker, 6, 6, MARK) }), "fill", row.line.colour));
      table.append(html("tr", shared(row.line), html("td", {}, sign, row.line.name || row.line.called || ""), html("td", {}, told(row))));
    }
    const tip = html("div", { class: "tip" }, html("b", {}, heading(at)), table, found.length > most ? html("div", {}, `and ${found.length - most} more`) : null);
    canvas.append(tip);
    const across_ = plot.sx(at) * (canvas.clientWidth / plot.width);
    tip.style.left = `${across_ + 14 + tip.offsetWidth > plot.box.right ? Math.max(0, across_ - tip.offsetWidth - 14) : across_ + 14}px`;
    links.again();
  }

  function lineAt(px, py) {
    const gap = (row) => Math.hypot(Math.min(12, Math.abs(plot.sx(row.x) - px)), plot.up(row.y) - py);
    const best = rows(plot.sx.invert(px)).sort((a, b) => gap(a) - gap(b))[0];
    return best && gap(best) < NEAR ? best.line : null;
  }

  function within(px) {
    return plot.sx.invert(Math.max(plot.box.left, Math.min(plot.box.right, px)));
  }

  picture.addEventListener("pointermove", (event) => {
    if (!plot) return;
    const place = picture.getBoundingClientRect(), [px, py] = [event.clientX - place.left, event.clientY - place.top];
    if (onScrub && event.buttons) {
      point(null);
      onScrub(within(px));
      return;
    }
    const name = event.target.closest(".name");
    point(px > plot.box.right + 8 ? null : within(px));
    const named = lines.filter(({ line }) => line.name);
    links.light(px > plot.box.right + 8 ? (name ? named[all(".name", picture).indexOf(name)].line : null) : lineAt(px, py));
  });
  if (onScrub) picture.addEventListener("pointerdown", (event) => plot && onScrub(within(event.clientX - picture.getBoundingClientRect().left)));
  for (const end of ["pointerleave", "blur"])
    picture.addEventListener(end, () => {
      point(null);
      links.light(null);
    });
  picture.addEventListener("keydown", (event) => {
    const [aside, down] = [{ ArrowLeft: -1, ArrowRight: 1 }[event.key], { ArrowUp: -1, ArrowDown: 1 }[event.key]];
    if ((!aside && !down) || !plot || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { box, sx } = plot, named = lines.map(({ line }) => line).filter((line) => line.name);
    if (aside) point(within((read === null ? (cursor === null ? box.left : sx(cursor)) : sx(read)) + (aside * (box.right - box.left)) / 60));
    else if (named.length) {
      const at = named.findIndex((line) => links.isLit(line));
      links.light(named[at < 0 ? (down > 0 ? 0 : named.length - 1) : (at + down + named.length) % named.length]);
    }
    const lit = named.find((line) => links.isLit(line));
    const found = rows(read).filter(({ line }) => !lit || line === lit).map((row) => `${row.line.name} ${told(row)}`);
    voice.textContent = read === null ? (lit ? lit.name : "") : `${heading(read)}: ${found.join(", ")}`;
  });
  whenSeenAnew(canvas, () => redraw());
  addEventListener("beforeprint", () => redraw(ON_PAPER));
  addEventListener("afterprint", () => redraw());

  return {
    draw(data) {
      shown = data;
      [x, y] = [{ ...options.x, ...data.x }, { ...options.y, ...data.y }];
      lines = data.series.map((line, place) => ({ line: { arms: [place], ...line }, xs: line.x || line.y.map((_, k) => k) }));
      redraw();
    },
    /** Mark a place on the horizontal axis, where nobody points at another one. */
    cursor(value) {
      cursor = value;
      if (read === null) point(null);
    },
    element: picture,
  };
}

function isThere(value) {
  return value !== null && value !== undefined && Number.isFinite(value);
}

function inked(element, part, colour) {
  element.style[part] = drawn(colour);
  return element;
}

function shared(line) {
  return { "data-arms": line.arms.join(" ") };
}

function around(axis, [low, high]) {
  if (axis.log) return low < high ? [low / 1.1, high * 1.1] : [low, high];
  return low < high ? [low, high] : [low, low + 1];
}

function above(axis, [low, high]) {
  if (axis.log) return low < high ? [Math.max(low, high / DEEPEST) / 1.12, high * 1.12] : [low / 2, high * 2];
  const room = 0.04 * (high - low) || 0.05 * Math.abs(high) || 0.05, isFromZero = !axis.share && low >= 0 && low < high / 2;
  return [isFromZero ? 0 : low - room, axis.share ? Math.min(1.01, high + room) : high + room];
}

function nearest(xs, where) {
  let [low, high] = [0, xs.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= where) low = middle;
    else high = middle;
  }
  return Math.abs(xs[high] - where) < Math.abs(xs[low] - where) ? high : low;
}

/** Return how the lines of a chart that stands by itself light up: others fade while one is pointed at. */
function ownLinks(canvas) {
  let lit = null;
  const again = () => {
    canvas.classList.toggle("lighting", lit !== null);
    for (const element of all("[data-arms]", canvas)) element.classList.toggle("lit", element.dataset.arms === lit);
  };
  return {
    isLit: (line) => line.arms.join(" ") === lit,
    light(line) {
      const next = line && line.arms.join(" ");
      if (next === lit) return;
      lit = next;
      again();
    },
    again,
  };
}
