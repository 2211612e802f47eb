// The reader's paper, light or dark, and the colours on it. A printer's paper is light.
const DARK = "screen and (prefers-color-scheme: dark)";

/** Tell whether the reader's paper is dark. */
export function isDark() {
  return matchMedia(DARK).matches;
}

/** Call `redraw` when the reader's paper turns dark or light. */
export function onTheme(redraw) {
  matchMedia(DARK).addEventListener("change", redraw);
}

const onDark = new Map();

/** Remember what stands for a technique's colour on dark paper, as the palette has it. */
export function knowColour(colour, dark) {
  if (dark) onDark.set(colour, dark);
}

/** Return a technique's colour as it is drawn on the reader's paper. */
export function drawn(colour) {
  return (isDark() && onDark.get(colour)) || colour;
}

/** Return the value of one of the page's colours, such as `--ink`. */
export function colourOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Draw anew when a place has another width, or the reader's paper turns dark or light. */
export function whenSeenAnew(element, redraw) {
  let width = 0;
  new ResizeObserver(() => {
    if (element.clientWidth === width || !element.clientWidth) return;
    width = element.clientWidth;
    redraw();
  }).observe(element);
  onTheme(() => redraw());
}
