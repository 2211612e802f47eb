// A field to draw a digit in, by mouse, finger or keys.
import { html } from "./elements.js";
import { cleared } from "./histograms.js";
import { colourOf, onTheme } from "./paper.js";

const SIDE = 196;
const STEP = 0.03; // of the side that an arrow key moves the pen

/**
 * The field.
 *
 * @param {HTMLElement} host where it stands.
 * @param {function} drawn `drawn(strokes)`: called when something was drawn, each stroke a list of points [x, y] from 0 to 1.
 */
export function drawingField(host, drawn) {
  const canvas = html("canvas", { class: "field", tabindex: 0, role: "application", "aria-label": "field to draw a digit in: drag, or move the pen with the arrow keys, put it down and lift it with the space bar, clear with Delete" });
  const clear = html("button", { class: "button", type: "button", onclick: () => wipe() }, "Clear");
  const hint = html("p", { class: "quiet small" }, "Draw with mouse or finger. By keys: arrows move the pen, space puts it down and lifts it, Delete clears.");
  host.replaceChildren(canvas, html("div", {}, clear, hint));
  let strokes = [];
  let [isDown, pen] = [false, [0.5, 0.2]];
  let isByKeys = false;

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((share) => Number(Math.min(1, Math.max(0, share)).toFixed(4)));
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    [isDown, isByKeys] = [true, false];
    strokes.push([at(event)]);
    redraw();
    event.preventDefault();
    canvas.focus();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!isDown || isByKeys) return;
    for (const each of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) strokes.at(-1).push(at(each));
    redraw();
    told();
  });
  for (const name of ["pointerup", "pointercancel"])
    canvas.addEventListener(name, () => {
      if (isByKeys) return;
      isDown = false;
      told();
    });
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (move) {
      isByKeys = true;
      pen = pen.map((share, axis) => Math.min(1, Math.max(0, share + move[axis] * STEP)));
      if (isDown) strokes.at(-1).push([...pen]);
    } else if (event.key === " ") {
      isDown = isByKeys ? !isDown : true;
      isByKeys = true;
      if (isDown) strokes.push([[...pen]]);
    } else if (event.key === "Delete" || event.key === "Backspace") wipe();
    else return;
    event.preventDefault();
    redraw();
    if (strokes.length) told();
  });
  canvas.addEventListener("blur", () => {
    if (isByKeys) isDown = false;
    redraw();
  });

  let isTold = false;
  function told() {
    if (isTold) return;
    isTold = true;
    requestAnimationFrame(() => {
      isTold = false;
      drawn(strokes);
    });
  }

  function wipe() {
    strokes = [];
    isDown = false;
    redraw();
    drawn(strokes);
  }

  function redraw() {
    const brush = cleared(canvas, SIDE, SIDE);
    brush.lineWidth = SIDE / 11;
    brush.lineCap = brush.lineJoin = "round";
    brush.strokeStyle = brush.fillStyle = colourOf("--ink");
    for (const stroke of strokes) {
      brush.beginPath();
      stroke.forEach(([x, y], index) => (index ? brush.lineTo(x * SIDE, y * SIDE) : brush.moveTo(x * SIDE, y * SIDE)));
      if (stroke.length === 1) brush.lineTo(stroke[0][0] * SIDE + 0.01, stroke[0][1] * SIDE);
      brush.stroke();
    }
    if (document.activeElement === canvas && isByKeys) {
      brush.beginPath();
      brush.arc(pen[0] * SIDE, pen[1] * SIDE, 7, 0, 2 * Math.PI);
      brush.strokeStyle = colourOf("--accent");
      brush.lineWidth = 3;
      brush.stroke();
    }
  }

  redraw();
  onTheme(redraw);
  return { strokes: () => strokes };
}
