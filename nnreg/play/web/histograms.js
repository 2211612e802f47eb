// Histograms that move, a row a layer, on canvases: many of them are drawn many times a second.
import { html } from "./elements.js";
import { number } from "./numerals.js";
import { colourOf, isDark } from "./paper.js";

/** Return a canvas of a size in CSS pixels, sharp on every screen, cleared. */
export function cleared(canvas, width, height) {
  const sharp = window.devicePixelRatio || 1;
  const [wide, tall] = [Math.round(width * sharp), Math.round(height * sharp)];
  if (canvas.width !== wide || canvas.height !== tall) {
    canvas.width = wide;
    canvas.height = tall;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(sharp, 0, 0, sharp, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

/**
 * A small histogram.
 *
 * @param {HTMLElement} host where it stands; it fills the width.
 * @param {number} height in CSS pixels.
 */
export function smallHistogram(host, height = 34) {
  const canvas = html("canvas", { role: "img", class: "small-histogram" });
  host.replaceChildren(canvas);
  return {
    /** Draw counts of equal bins; `most` is the count of full height, `zero` the share of the width at which 0 is, or null. */
    draw({ counts, colour, most, zero = null, label }) {
      const width = host.clientWidth;
      if (!width) return;
      host.style.height = `${height}px`;
      const pen = cleared(canvas, width, height);
      canvas.setAttribute("aria-label", label);
      const base = height - 1;
      if (zero !== null && zero >= 0 && zero <= 1) {
        pen.fillStyle = colourOf("--edge");
        pen.fillRect(Math.round(zero * width), 0, 1, height);
      }
      pen.fillStyle = colour;
      const wide = width / counts.length;
      counts.forEach((count, index) => {
        const tall = Math.min(1, count / most) * (height - 3);
        if (count > 0) pen.fillRect(index * wide, base - Math.max(1, tall), Math.max(1, wide - 0.7), Math.max(1, tall));
      });
      pen.fillStyle = colourOf("--edge");
      pen.fillRect(0, base, width, 1);
    },
  };
}

/** Return the count that all histograms of a row share as full height: the greatest, spikes of one bin left out. */
export function fullHeight(several) {
  const tops = several.map((counts) => [...counts].sort((one, other) => other - one)).map((sorted) => sorted[Math.min(1, sorted.length - 1)] || sorted[0] || 1);
  return Math.max(...tops, 1e-9) * 1.05;
}

/** Return a colour of the page's two papers. */
export function onPaper([light, dark]) {
  return isDark() ? dark : light;
}

/** Return a share in words: 0 %, 0.4 %, 12 %, which no line is broken in. */
export function percent(share) {
  if (share === null || share === undefined) return "–";
  const value = 100 * share;
  if (value > 99 && value < 100) return `${number(Math.floor(10 * value) / 10)}\u00a0%`;
  return `${value >= 0.1 && value < 1 ? number(value, 1) : Math.round(value)}\u00a0%`;
}
