// Names at the ends of curves: as near to them as they can be without lying on each other.
export const LINE = 15; // pixels from one name to the next

const pen = document.createElement('canvas').getContext('2d');

export function widthOf(text, font) { pen.font = font; return pen.measureText(text).width; }

export function clipped(text, font, room) { return shortened(text, font, room, (kept) => `${text.slice(0, kept).trimEnd()}…`); }

/** Return texts that fit; what would look alike without its end is left out of the middle instead. */
export function clippedApart(texts, font, room) {
  const cut = texts.map((text) => clipped(text, font, room));
  const middle = (text) => shortened(text, font, room, (kept) => `${text.slice(0, kept >> 1).trimEnd()}…${text.slice(text.length - kept + (kept >> 1)).trimStart()}`);
  return cut.map((short, k) => (cut.some((other, j) => other === short && texts[j] !== texts[k]) ? middle(texts[k]) : short));
}

function shortened(text, font, room, made) {
  if (widthOf(text, font) <= room) return text;
  let kept = text.length - 1;
  while (kept > 1 && widthOf(made(kept), font) > room) kept -= 1;
  return made(kept);
}

// Heights at which names stand, in the order of the heights where their curves end.
export function spread(heights, top, bottom) {
  const order = heights.map((_, k) => k).sort((a, b) => heights[a] - heights[b] || a - b);
  const placed = order.map((k) => Math.max(top, Math.min(bottom, heights[k])));
  const gap = Math.min(LINE, order.length > 1 ? (bottom - top) / (order.length - 1) : LINE);
  for (let sweep = 0; sweep < 60; sweep += 1) { // neighbours push each other apart, each half the way
    let moved = 0;
    for (let k = 1; k < placed.length; k += 1) {
      const short = gap - (placed[k] - placed[k - 1]);
      if (short > 0.01) { placed[k - 1] -= short / 2; placed[k] += short / 2; moved += short; }
    }
    if (placed.length) { placed[0] = Math.max(placed[0], top); placed[placed.length - 1] = Math.min(placed[placed.length - 1], bottom); }
    if (!moved) break;
  }
  for (let k = 1; k < placed.length; k += 1) placed[k] = Math.max(placed[k], placed[k - 1] + gap);
  for (let k = placed.length - 1, most = bottom; k >= 0; k -= 1, most = placed[k + 1] - gap) placed[k] = Math.min(placed[k], most);
  const found = [];
  order.forEach((k, place) => { found[k] = placed[place]; });
  return found;
}
