// A map of a surface: its ground and contours on canvas, paths, heads and the start above it in SVG.
import { pathThrough } from "./chart.js";
import { svg } from "./elements.js";
import { outline } from "./markers.js";
import { number } from "./numerals.js";
import { colourOf, drawn, whenSeenAnew } from "./paper.js";
import { scaled } from "./scale.js";

const TALLEST = 620;

/** Return the heights of a ground as the server packs them: shares from 0, the lowest, to 1, row by row from below. */
export function unpacked(ground) {
  const bytes = Uint8Array.from(atob(ground.heights), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 2 }, (_, index) => view.getUint16(2 * index, true) / 65535);
}

/**
 * A map at equal aspect.
 *
 * @param {HTMLElement} host where it stands.
 * @param {object} options `label`, and `onStart(point, isSettled)` where the start may be moved.
 */
export function valleyMap(host, options) {
  const canvas = document.createElement("canvas");
  const layer = svg("g");
  const handle = options.onStart ? startHandle() : svg("circle", { class: "ring still", r: 8 });
  const picture = svg("svg", { class: "map-lines", role: "group", "aria-label": options.label }, layer, handle);
  const place = document.createElement("div");
  place.className = "map";
  place.append(canvas, picture);
  host.replaceChildren(place);
  let ground = null;
  let heights = null;
  let shown = { rules: [], time: 0, start: null };
  let scales = null;
  whenSeenAnew(host, () => redraw(true));

  function redraw(isGroundToo) {
    if (!ground || !heights || !host.clientWidth) return;
    const [[left, right], [low, high]] = ground.domain;
    const ratio = (high - low) / (right - left);
    let width = host.clientWidth;
    let height = width * ratio;
    if (height > TALLEST) [width, height] = [TALLEST / ratio, TALLEST];
    width = Math.floor(width);
    height = Math.floor(height);
    scales = { x: scaled(left, right, 0, width), y: scaled(low, high, height, 0), width, height };
    place.style.width = `${width}px`;
    place.style.height = `${height}px`;
    place.style.aspectRatio = `${width} / ${height}`; // where paper is narrower
    picture.setAttribute("width", width);
    picture.setAttribute("height", height);
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    if (isGroundToo) paint(width, height);
    overlay();
  }

  function paint(width, height) {
    const ratio = Math.min(2, devicePixelRatio || 1);
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.putImageData(land(canvas.width, canvas.height), 0, 0);
    pen.scale(ratio, ratio);
    pen.lineWidth = 0.8;
    pen.strokeStyle = colourOf("--contour");
    const [columns, rows] = ground.count;
    const across = width / (columns - 1);
    const down = height / (rows - 1);
    for (let level = 0; level < ground.levels; level += 1) {
      pen.globalAlpha = 0.75 - (0.4 * level) / ground.levels;
      pen.beginPath();
      for (const [ax, ay, bx, by] of contour(Math.max(level / ground.levels, 0.004), columns, rows)) {
        pen.moveTo(ax * across, height - ay * down);
        pen.lineTo(bx * across, height - by * down);
      }
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  function land(width, height) {
    const [columns, rows] = ground.count;
    const image = new ImageData(width, height);
    const [low, high] = [parts(colourOf("--land-low")), parts(colourOf("--land-high"))];
    for (let y = 0; y < height; y += 1) {
      const row = ((height - 1 - y) / (height - 1)) * (rows - 1);
      const below = Math.min(Math.floor(row), rows - 2);
      for (let x = 0; x < width; x += 1) {
        const column = (x / (width - 1)) * (columns - 1);
        const left = Math.min(Math.floor(column), columns - 2);
        const [u, v] = [column - left, row - below];
        const at = below * columns + left;
        const share = (heights[at] * (1 - u) + heights[at + 1] * u) * (1 - v) + (heights[at + columns] * (1 - u) + heights[at + columns + 1] * u) * v;
        const pixel = 4 * (y * width + x);
        for (let part = 0; part < 3; part += 1) image.data[pixel + part] = low[part] + (high[part] - low[part]) * share;
        image.data[pixel + 3] = 255;
      }
    }
    return image;
  }

  /** Yield the pieces of a contour by marching squares, in cells of the grid. */
  function* contour(level, columns, rows) {
    for (let row = 0; row < rows - 1; row += 1)
      for (let column = 0; column < columns - 1; column += 1) {
        const at = row * columns + column;
        const corners = [heights[at], heights[at + 1], heights[at + columns + 1], heights[at + columns]];
        const cuts = [];
        for (let side = 0; side < 4; side += 1) {
          const [one, other] = [corners[side], corners[(side + 1) % 4]];
          if (one > level === other > level) continue;
          const share = (level - one) / (other - one);
          cuts.push([[column + share, row], [column + 1, row + share], [column + 1 - share, row + 1], [column, row + 1 - share]][side]);
        }
        for (let cut = 0; cut + 1 < cuts.length; cut += 2) yield [...cuts[cut], ...cuts[cut + 1]];
      }
  }

  function overlay() {
    if (!scales) return;
    const at = (point) => (Number.isFinite(point[0]) && Number.isFinite(point[1]) ? [clipped(scales.x(point[0]), scales.width), clipped(scales.y(point[1]), scales.height)] : null);
    const parts = ground.minima.map((minimum) => cross(at(minimum)));
    for (const rule of shown.rules) {
      const ink = drawn(rule.colour);
      const points = rule.path.map(at);
      const now = Math.min(shown.time, points.length - 1);
      parts.push(svg("path", { class: "path later", d: pathThrough(points.slice(now)), stroke: ink }));
      parts.push(svg("path", { class: "path", d: pathThrough(points.slice(0, now + 1)), stroke: ink, "stroke-dasharray": rule.dash }));
      if (points.length <= 150) parts.push(svg("g", { fill: ink }, ...points.slice(0, now).map((point) => svg("circle", { class: "visited", r: 2, cx: point[0], cy: point[1] }))));
    }
    for (const rule of shown.rules) parts.push(...head(rule, at));
    layer.replaceChildren(...parts);
    if (!shown.start) return;
    const [x, y] = at(shown.start);
    handle.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    handle.setAttribute("aria-valuetext", shown.start.map((value) => number(value)).join(", "));
    handle.setAttribute("aria-valuenow", shown.start[0]);
  }

  function head(rule, at) {
    const now = Math.min(shown.time, rule.path.length - 1);
    const here = at(rule.path[now]);
    if (!here) return [];
    const ink = drawn(rule.colour);
    const parts = [];
    const isSeen = here[0] >= -20 && here[0] <= scales.width + 20 && here[1] >= -20 && here[1] <= scales.height + 20;
    if (isSeen && now < rule.gradients.length && !shown.withoutArrows) {
      const slope = rule.gradients[now];
      parts.push(arrow(here, direction([-slope[0], -slope[1]], rule.steepest), "gradient", ink));
      if (rule.velocity) parts.push(arrow(here, direction(rule.velocity[now], rule.fastest), "velocity", ink));
      const next = at(rule.path[now + 1]);
      if (next) parts.push(arrow(here, [next[0] - here[0], next[1] - here[1]], "step", ink));
    }
    parts.push(svg("path", { class: rule.diverged_at !== null && now === rule.path.length - 1 ? "head lost" : "head", d: outline(rule.marker, ...here, 5.6), fill: ink }, svg("title", {}, `${rule.name}: ${rule.path[now].map((value) => number(value)).join(", ")}`)));
    return parts;
  }

  /** Return an arrow's pixels for a vector that is no distance on the map: by the root of its share of the longest. */
  function direction(vector, longest) {
    const across = (vector[0] * scales.width) / (scales.x.invert(scales.width) - scales.x.invert(0));
    const down = (-vector[1] * scales.height) / (scales.y.invert(0) - scales.y.invert(scales.height));
    const length = Math.hypot(across, down);
    if (!(length > 0)) return [0, 0];
    const size = 16 + 48 * Math.sqrt(Math.min(1, Math.hypot(...vector) / (longest || 1)));
    return [(across / length) * size, (down / length) * size];
  }

  function startHandle() {
    const circles = [["reach", 22], ["ring", 10], ["pin", 2.5]].map(([name, r]) => svg("circle", { class: name, r }));
    const made = svg("g", { class: "start", tabindex: 0, role: "slider", "aria-label": "start of the descents; arrow keys move it" }, ...circles);
    made.addEventListener("keydown", keyed);
    return made;
  }

  function keyed(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const size = event.shiftKey ? 0.05 : 0.01;
    const point = shown.start.map((value, axis) => value + step[axis] * size * (ground.domain[axis][1] - ground.domain[axis][0]));
    move(point, true);
  }

  function move(point, isSettled) {
    const within = point.map((value, axis) => Number(Math.min(ground.domain[axis][1], Math.max(ground.domain[axis][0], value)).toPrecision(5)));
    shown.start = within;
    options.onStart(within, isSettled);
    overlay();
  }

  if (options.onStart) {
    let isDragging = false;
    const pointed = (event) => {
      const box = picture.getBoundingClientRect();
      return [scales.x.invert(event.clientX - box.left), scales.y.invert(event.clientY - box.top)];
    };
    picture.addEventListener("pointerdown", (event) => {
      if (!scales || !shown.start || !event.target.closest(".start")) return;
      isDragging = true;
      picture.setPointerCapture(event.pointerId);
      event.preventDefault();
      handle.focus({ preventScroll: true });
    });
    // what touch-action says of a part of a picture is not heard everywhere: a finger on the ring does not scroll the page
    picture.addEventListener("touchstart", (event) => event.target.closest(".start") && event.preventDefault(), { passive: false });
    picture.addEventListener("pointermove", (event) => isDragging && move(pointed(event), false));
    const release = (event) => {
      if (!isDragging) return;
      isDragging = false;
      move(pointed(event), true);
    };
    picture.addEventListener("pointerup", release);
    picture.addEventListener("pointercancel", () => {
      if (isDragging) move(shown.start, true);
      isDragging = false;
    });
    picture.addEventListener("dblclick", (event) => scales && shown.start && move(pointed(event), true));
  }

  return {
    /** Draw other ground. */
    ground(next) {
      ground = next;
      heights = next.heights ? unpacked(next) : null;
      redraw(true);
    },
    /** Draw `rules` at the update `time`, and the `start`. */
    draw(next) {
      shown = { ...next };
      for (const rule of shown.rules) {
        rule.steepest ??= longestOf(rule.gradients);
        rule.fastest ??= rule.velocity ? longestOf(rule.velocity) : 0;
      }
      overlay();
    },
    /** Move to another update. */
    time(next) {
      shown.time = next;
      overlay();
    },
  };
}

function longestOf(vectors) {
  return vectors.reduce((longest, vector) => Math.max(longest, Math.hypot(...vector)), 0);
}

function clipped(pixel, size) {
  return Math.min(8 * size, Math.max(-7 * size, pixel));
}

function cross(place) {
  const size = 7;
  return svg("path", { class: "minimum", d: `M${place[0] - size},${place[1]}h${2 * size}M${place[0]},${place[1] - size}v${2 * size}` });
}

function arrow(from, along, kind, ink) {
  const length = Math.hypot(...along);
  if (length < 1) return svg("g");
  const tip = [from[0] + along[0], from[1] + along[1]];
  const wide = Math.min(7, Math.max(3, length * 0.4));
  const back = [tip[0] - (along[0] / length) * wide, tip[1] - (along[1] / length) * wide];
  const side = [(-along[1] / length) * wide * 0.55, (along[0] / length) * wide * 0.55];
  const shaft = `M${from[0].toFixed(1)},${from[1].toFixed(1)}L${back[0].toFixed(1)},${back[1].toFixed(1)}`;
  const point = `M${tip[0].toFixed(1)},${tip[1].toFixed(1)}L${(back[0] + side[0]).toFixed(1)},${(back[1] + side[1]).toFixed(1)}L${(back[0] - side[0]).toFixed(1)},${(back[1] - side[1]).toFixed(1)}Z`;
  return svg("g", { class: `arrow ${kind}` }, svg("path", { class: "halo", d: shaft }), svg("path", { class: "shaft", d: shaft, stroke: ink }), svg("path", { class: "tip", d: point, fill: ink }));
}

function parts(colour) {
  const hex = colour.length === 4 ? [...colour.slice(1)].map((digit) => digit + digit).join("") : colour.slice(1);
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
}
