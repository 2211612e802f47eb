// Charts in SVG that follow the width of their place and the reader's paper: lines over updates, and histograms.
//
//   const chart = lineChart(element, { label: "height above the minimum", x: { label: "update" }, y: { log: true }, onScrub });
//   chart.draw({ series: [{ name: "adam", colour: "#0072B2", y: [3, 2, 1] }], guides: [{ y: 1, label: "target" }] });
//   chart.cursor(2);
//
// Colours of ink, paper and rules are the page's variables: --ink, --quiet, --rule, --paper.
import { linear, log, number, drawn, onTheme } from "./scale.js";

const SPACE = "http://www.w3.org/2000/svg";
const DEEPEST = 1e14; // from the highest to the lowest that a logarithmic axis shows: below it is rounding

/** Return an element of SVG with attributes and children; a text becomes its content. */
export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Return an element of HTML: `html("button", { class: "quiet", onclick }, "Play")`. */
export function html(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Draw anew when a place has another width, or the reader's paper turns dark or light. */
export function whenResized(element, redraw) {
  let width = 0;
  new ResizeObserver(() => {
    if (element.clientWidth === width || !element.clientWidth) return;
    width = element.clientWidth;
    redraw();
  }).observe(element);
  onTheme(redraw);
}

/** Return a path through points; a point that is null is a gap. */
export function pathThrough(points) {
  let path = "";
  let isOpen = false;
  for (const point of points) {
    if (point === null) {
      isOpen = false;
      continue;
    }
    path += `${isOpen ? "L" : "M"}${point[0].toFixed(1)},${point[1].toFixed(1)}`;
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
      if (values[at] === null || values[at] === undefined) continue;
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
 * @param {HTMLElement} host where it stands; it fills the width.
 * @param {object} options `label` for who cannot see it, `x` and `y` with `label` and `log`, `height` in pixels, `names` whether
 *   lines are named at their ends, `onScrub(x)` when a reader points at a place.
 */
export function lineChart(host, options) {
  const { label, x = {}, y = {}, height = 190, names = true, onScrub = null } = options;
  let shown = { series: [], guides: [] };
  let at = null;
  let scales = null;
  let marks = null;
  const picture = svg("svg", { class: "chart", role: "img", "aria-label": label, height });
  host.replaceChildren(picture);
  whenResized(host, redraw);
  if (onScrub) {
    const scrub = (event) => {
      if (!scales || (event.type === "pointermove" && !event.buttons)) return;
      const box = picture.getBoundingClientRect();
      onScrub(scales.x.invert(event.clientX - box.left));
    };
    picture.addEventListener("pointerdown", scrub);
    picture.addEventListener("pointermove", scrub);
    picture.classList.add("scrubbed");
  }

  function redraw() {
    const width = host.clientWidth;
    if (!width) return;
    const seen = shown.series.map((line) => usable(line, y.log));
    const right = names && shown.series.some((line) => line.name) ? Math.min(118, 14 + 7.6 * Math.max(...shown.series.map((line) => (line.name || "").length))) : 10;
    const inside = { left: 52, top: 10, right: width - right, bottom: height - (x.label ? 38 : 24) };
    scales = { x: xScale(seen, inside), y: yScale(seen, inside) };
    picture.setAttribute("width", width);
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.replaceChildren(...axes(scales, inside, x.label, y.label), ...guides(scales, inside));
    const clip = `clip${Math.random().toString(36).slice(2)}`;
    picture.append(svg("clipPath", { id: clip }, svg("rect", { x: inside.left, y: inside.top - 3, width: Math.max(0, inside.right - inside.left), height: inside.bottom - inside.top + 6 })));
    const lines = svg("g", { "clip-path": `url(#${clip})` });
    seen.forEach((points, index) => {
      const line = shown.series[index];
      const kept = thinned(points.map((point) => (point ? point[1] : null)), 2 * width);
      const path = pathThrough(kept.map((each) => points[each] && [scales.x(points[each][0]), scales.y(points[each][1])]));
      lines.append(svg("path", { d: path, class: line.faint ? "line faint" : "line", stroke: drawn(line.colour), "stroke-dasharray": line.dash }));
    });
    picture.append(lines);
    if (names) picture.append(...named(seen, inside));
    marks = svg("g", { class: "marks" });
    picture.append(marks);
    mark();
  }

  function xScale(seen, inside) {
    const values = shown.x || [Math.min(...seen.flat().filter(Boolean).map((point) => point[0]), 0), Math.max(...seen.flat().filter(Boolean).map((point) => point[0]), 1)];
    return (x.log ? log : linear)(values[0], values[1], inside.left, inside.right);
  }

  function yScale(seen, inside) {
    let [low, high] = shown.y || [Infinity, -Infinity];
    if (!shown.y)
      for (const points of seen)
        for (const point of points) {
          if (!point) continue;
          low = Math.min(low, point[1]);
          high = Math.max(high, point[1]);
        }
    if (!(low <= high)) [low, high] = [y.log ? 0.1 : 0, 1];
    if (y.log) low = Math.max(low, high / DEEPEST);
    if (y.log) return log(low / 1.3, high * 1.3 > low / 1.3 ? high * 1.3 : low * 10, inside.bottom, inside.top);
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    return linear(low - room, high + room, inside.bottom, inside.top);
  }

  function guides(to, inside) {
    return (shown.guides || []).flatMap((guide) => {
      const isAcross = guide.y !== undefined;
      const place = isAcross ? to.y(guide.y) : to.x(guide.x);
      const within = isAcross ? place >= inside.top && place <= inside.bottom : place >= inside.left && place <= inside.right;
      if (!within) return [];
      const ends = isAcross ? { x1: inside.left, x2: inside.right, y1: place, y2: place } : { x1: place, x2: place, y1: inside.top, y2: inside.bottom };
      const text = isAcross ? { x: inside.right - 4, y: place - 4, "text-anchor": "end" } : { x: place + 4, y: inside.top + 10 };
      return [svg("line", { class: "guide", ...ends }), svg("text", { class: "tick", ...text }, guide.label || "")];
    });
  }

  function named(seen, inside) {
    const ends = [];
    seen.forEach((points, index) => {
      const last = points.filter(Boolean).at(-1);
      if (last && shown.series[index].name) ends.push({ y: scales.y(last[1]), line: shown.series[index] });
    });
    ends.sort((one, other) => one.y - other.y);
    ends.forEach((end, index) => (end.y = Math.max(inside.top + 4, end.y, index ? ends[index - 1].y + 13 : 0)));
    for (let index = ends.length - 1, floor = inside.bottom + 2; index >= 0; index -= 1, floor = ends[index + 1].y - 13) ends[index].y = Math.min(ends[index].y, floor);
    return ends.map(({ y: place, line }) => svg("text", { class: "name", x: inside.right + 6, y: place + 4, fill: drawn(line.colour) }, line.name));
  }

  function mark() {
    if (!marks || !scales) return;
    marks.replaceChildren();
    if (at === null) return;
    const across = scales.x(at);
    const [bottom, top] = [height - (x.label ? 38 : 24), 10];
    marks.append(svg("line", { class: "cursor", x1: across, x2: across, y1: top, y2: bottom }));
    shown.series.forEach((line) => {
      const index = line.x ? line.x.findIndex((value) => value >= at) : Math.round(at);
      const value = line.y[Math.min(index < 0 ? line.y.length - 1 : index, line.y.length - 1)];
      const place = value !== null && value !== undefined && (!y.log || value > 0) ? scales.y(value) : NaN;
      const isSeen = place >= top - 3 && place <= bottom + 3;
      if (isSeen && index <= line.y.length - 1) marks.append(svg("circle", { r: 3.5, cx: across, cy: place, fill: drawn(line.colour), class: "dot" }));
    });
  }

  return {
    draw(data) {
      shown = data;
      redraw();
    },
    cursor(value) {
      at = value;
      mark();
    },
    element: picture,
  };
}

function usable(line, isLog) {
  return line.y.map((value, index) => {
    const isThere = value !== null && value !== undefined && Number.isFinite(value) && (!isLog || value > 0);
    return isThere ? [line.x ? line.x[index] : index, value] : null;
  });
}

/** Return both axes with their ticks and labels. */
export function axes(scales, inside, xLabel, yLabel) {
  const parts = [];
  for (const tick of scales.y.ticks(4)) {
    const place = scales.y(tick);
    if (place < inside.top - 1 || place > inside.bottom + 1) continue;
    parts.push(svg("line", { class: "grid", x1: inside.left, x2: inside.right, y1: place, y2: place }));
    parts.push(svg("text", { class: "tick", x: inside.left - 6, y: place + 4, "text-anchor": "end" }, number(tick)));
  }
  for (const tick of scales.x.ticks(Math.max(2, Math.floor((inside.right - inside.left) / 70)))) {
    const place = scales.x(tick);
    if (place < inside.left - 1 || place > inside.right + 1) continue;
    parts.push(svg("line", { class: "stroke", x1: place, x2: place, y1: inside.bottom, y2: inside.bottom + 4 }));
    parts.push(svg("text", { class: "tick", x: place, y: inside.bottom + 16, "text-anchor": "middle" }, number(tick)));
  }
  parts.push(svg("line", { class: "stroke", x1: inside.left, x2: inside.right, y1: inside.bottom, y2: inside.bottom }));
  if (xLabel) parts.push(svg("text", { class: "axis", x: (inside.left + inside.right) / 2, y: inside.bottom + 33, "text-anchor": "middle" }, xLabel));
  if (yLabel) parts.push(svg("text", { class: "axis", x: -(inside.top + inside.bottom) / 2, y: 11, transform: "rotate(-90)", "text-anchor": "middle" }, yLabel));
  return parts;
}

/**
 * A histogram: how often values fall between `low` and `high`.
 *
 * @param {HTMLElement} host where it stands; it fills the width.
 * @param {object} options `label` for who cannot see it, `height` in pixels, `xLabel`.
 */
export function histogram(host, options) {
  const { label, height = 90, xLabel = "" } = options;
  let shown = null;
  const picture = svg("svg", { class: "chart", role: "img", "aria-label": label, height });
  host.replaceChildren(picture);
  whenResized(host, redraw);

  function redraw() {
    const width = host.clientWidth;
    if (!width || !shown) return;
    const inside = { left: 8, right: width - 8, top: 4, bottom: height - (xLabel ? 34 : 20) };
    const x = linear(shown.low, shown.high, inside.left, inside.right);
    const most = shown.most || Math.max(...shown.counts, 1);
    const wide = (inside.right - inside.left) / shown.counts.length;
    const bars = shown.counts.map((count, index) => {
      const tall = (count / most) * (inside.bottom - inside.top);
      return svg("rect", { class: "bar", x: inside.left + index * wide, y: inside.bottom - Math.min(tall, inside.bottom - inside.top), width: Math.max(0.5, wide - 0.6), height: Math.min(tall, inside.bottom - inside.top), fill: drawn(shown.colour) });
    });
    const flat = linear(0, 1, inside.bottom, inside.top);
    flat.ticks = () => [];
    picture.setAttribute("width", width);
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.replaceChildren(...bars, ...axes({ x, y: flat }, inside, xLabel, ""));
  }

  return {
    /** `counts` of equal bins from `low` to `high`, `colour`, and `most` where several share one height. */
    draw(data) {
      shown = data;
      redraw();
    },
    element: picture,
  };
}
