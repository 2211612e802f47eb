// The plane in which points lie, filled with what a network answers everywhere.
import { html } from "./elements.js";
import { cleared, onPaper } from "./histograms.js";
import { colourOf, isDark, whenSeenAnew } from "./paper.js";
import { scaled } from "./scale.js";

const COVER = 0.58; // of the paper that the answers cover
const DOT = 2.6;

/** Return bytes that came as base64. */
export function bytesOf(text) {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}

export function rgb(colour) {
  const found = colour.trim();
  const whole = found.length === 4 ? `#${[...found.slice(1)].map((digit) => digit + digit).join("")}` : found;
  return [1, 3, 5].map((at) => parseInt(whole.slice(at, at + 2), 16));
}

/** The plane of one network. */
export function plane(host) {
  const canvas = html("canvas", { role: "img", class: "plane" });
  const small = document.createElement("canvas");
  host.replaceChildren(canvas);
  let [about, answers, label] = [null, null, ""];
  whenSeenAnew(host, redraw);

  function field(pen, inside) {
    const classes = about.classes;
    const side = Math.round(Math.sqrt(answers.length / classes));
    small.width = small.height = side;
    const brush = small.getContext("2d");
    const image = brush.createImageData(side, side);
    const paper = rgb(colourOf("--paper"));
    const inks = about.colours.map((pair) => rgb(onPaper(pair)));
    const cover = isDark() ? COVER * 0.8 : COVER;
    const count = side * side;
    for (let up = 0; up < side; up += 1)
      for (let across = 0; across < side; across += 1) {
        const from = up * side + across;
        const to = 4 * ((side - 1 - up) * side + across);
        for (let part = 0; part < 3; part += 1) {
          let mixed = 0;
          for (let which = 0; which < classes; which += 1) mixed += (answers[which * count + from] / 255) * inks[which][part];
          image.data[to + part] = paper[part] + (mixed - paper[part]) * cover;
        }
        image.data[to + 3] = 255;
      }
    brush.putImageData(image, 0, 0);
    pen.imageSmoothingEnabled = true;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(small, inside.left, inside.top, inside.right - inside.left, inside.bottom - inside.top);
  }

  function redraw() {
    const width = host.clientWidth;
    if (!width || !about || !about.domain) return;
    const pen = cleared(canvas, width, width);
    const inside = { left: 0, right: width, top: 0, bottom: width };
    if (answers) field(pen, inside);
    const [x, y] = [scaled(...about.domain[0], inside.left, inside.right), scaled(...about.domain[1], inside.bottom, inside.top)];
    pen.lineWidth = 1;
    pen.strokeStyle = colourOf("--paper");
    about.points.forEach((point, index) => {
      pen.beginPath();
      mark(pen, about.labels[index], x(point[0]), y(point[1]));
      pen.fillStyle = onPaper(about.colours[about.labels[index]]);
      pen.fill();
      pen.stroke();
    });
    pen.fillStyle = colourOf("--ink");
    pen.font = "11px system-ui, sans-serif";
    pen.globalAlpha = 0.75;
    pen.textAlign = "center";
    for (const { at, text } of x.ticks(4)) if (at > 14 && at < width - 14) pen.fillText(text, at, width - 5);
    pen.textAlign = "left";
    for (const { at, text } of y.ticks(4)) if (at > 12 && at < width - 22) pen.fillText(text, 5, at + 4);
    pen.globalAlpha = 1;
    canvas.setAttribute("aria-label", label);
  }

  return {
    /** Show the data, as the server tells of it. */
    data(facts) {
      about = facts;
      answers = null;
      redraw();
    },
    /** Fill the plane with probabilities, as bytes. */
    fill(text, said) {
      answers = bytesOf(text);
      label = said;
      redraw();
    },
  };
}

/** Draw the sign of a class: the second channel beside its colour. */
function mark(pen, which, x, y) {
  const form = which % 4;
  if (form === 0) pen.arc(x, y, DOT, 0, 2 * Math.PI);
  else if (form === 1) pen.rect(x - DOT * 0.9, y - DOT * 0.9, DOT * 1.8, DOT * 1.8);
  else {
    const turn = form === 2 ? -1 : 1;
    pen.moveTo(x, y + turn * DOT * 1.35);
    pen.lineTo(x - DOT * 1.2, y - turn * DOT * 0.9);
    pen.lineTo(x + DOT * 1.2, y - turn * DOT * 0.9);
    pen.closePath();
  }
}
