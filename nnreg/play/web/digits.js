// What there is to see of a network that reads small pictures: its mistakes, its first weights, and what it reads in a drawing.
import { drawingField } from "./drawing.js";
import { html } from "./elements.js";
import { percent } from "./histograms.js";
import { colourOf, onTheme } from "./paper.js";
import { bytesOf, rgb } from "./plane.js";

/** Return a canvas with a picture of so many rows and columns, `ink(byte)` giving red, green and blue. */
function picture(text, [rows, columns], ink, label) {
  const canvas = html("canvas", { class: "pixels", width: columns, height: rows, role: "img", "aria-label": label });
  const brush = canvas.getContext("2d");
  const image = brush.createImageData(columns, rows);
  bytesOf(text).forEach((byte, index) => {
    const [red, green, blue] = ink(byte);
    image.data.set([red, green, blue, 255], 4 * index);
  });
  brush.putImageData(image, 0, 0);
  return canvas;
}

function grey() {
  const [paper, ink] = [rgb(colourOf("--paper")), rgb(colourOf("--ink"))];
  return (byte) => paper.map((part, axis) => part + (ink[axis] - part) * (byte / 255));
}

/** Return inks from amber, -1, over the paper, 0, to blue, 1. */
function diverging() {
  const [paper, low, high] = [rgb(colourOf("--paper")), rgb("#c28a00"), rgb("#0b66f6")];
  return (byte) => {
    const share = (byte - 128) / 127;
    const end = share < 0 ? low : high;
    return paper.map((part, axis) => part + (end[axis] - part) * Math.min(1, Math.abs(share)));
  };
}

/**
 * The pictures of all networks.
 *
 * @param {HTMLElement} host where they stand.
 * @param {function} read `read(strokes)` asks the server.
 */
export function digits(host, read) {
  const [wrong, weights] = [html("div", { class: "wrong" }), html("div", { class: "weights" })];
  const [field, answer] = [html("div", { class: "field-place" }), html("div", { class: "reading", role: "status", "aria-live": "polite" })];
  host.replaceChildren(html("section", { class: "card" }, html("h2", {}, "Draw a digit and have it read"), html("div", { class: "draw" }, field, answer)), wrong, weights);
  let [shown, names, last] = [null, [""], null];
  let [isAsking, isStale] = [false, false];
  const drawing = drawingField(field, () => ask());
  onTheme(() => shown && redraw());

  async function ask() {
    if (isAsking) {
      isStale = true;
      return;
    }
    isAsking = true;
    do {
      isStale = false;
      const strokes = drawing.strokes();
      if (!strokes.length) {
        last = null;
        answer.replaceChildren();
        continue;
      }
      try {
        last = await read(strokes);
        tell();
      } catch (error) {
        answer.replaceChildren(html("p", { class: "problem" }, error.message));
      }
    } while (isStale);
    isAsking = false;
  }

  function tell() {
    const seen = last.answers.map((shares, which) => ({ shares, name: names[which] })).filter(({ shares }) => shares);
    const columns = seen.map(({ shares, name }) => {
      const best = shares.indexOf(Math.max(...shares));
      const bars = shares.map((share, digit) => {
        const bar = html("span", { class: "ink" });
        bar.style.width = `${100 * share}%`;
        return html("div", { class: digit === best ? "digit best" : "digit" }, html("span", { class: "which" }, String(digit)), html("span", { class: "track" }, bar), html("span", { class: "share" }, percent(share)));
      });
      return html("div", { class: "answer" }, html("p", { class: "verdict" }, name ? `${name} reads ` : "It reads ", html("b", {}, String(best)), ` (${percent(shares[best])})`), ...bars);
    });
    answer.replaceChildren(html("figure", { class: "seen" }, picture(last.pixels, last.shape, grey(), "the drawing as the network is given it"), html("figcaption", { class: "quiet small" }, "as it is given")), ...columns);
  }

  function redraw() {
    const { networks, about } = shown;
    const ink = grey();
    wrong.replaceChildren(
      ...networks.map((network, which) => {
        if (!about[which] || !network.wrong) return "";
        const cells = network.wrong.map((each) => html("figure", {}, picture(each.pixels, about[which].shape, ink, `a ${each.is}, read as ${each.said}`), html("figcaption", {}, html("b", {}, `${each.is}`), ` read as ${each.said}`, html("span", { class: "quiet" }, ` ${percent(each.sure)}`))));
        const title = `${names[which] ? `${names[which]}: ` : ""}${network.wrong_count} of ${network.of} held-out digits misread`;
        return html("section", { class: "card" }, html("h2", {}, title, html("span", { class: "quiet small" }, network.wrong_count > network.wrong.length ? ", the surest mistakes first" : "")), html("div", { class: "tiles" }, ...cells));
      }),
    );
    weights.replaceChildren(
      ...networks.map((network, which) => {
        if (!about[which] || !network.weights || !network.weights.length) return "";
        const inks = diverging();
        const cells = network.weights.map((text, unit) => picture(text, about[which].shape, inks, `weights of unit ${unit + 1}`));
        const more = network.units > cells.length ? ` of ${network.units}` : "";
        return html("section", { class: "card" }, html("h2", {}, `${names[which] ? `${names[which]}: ` : ""}first-layer weights`.replace(/^f/, "F"), html("span", { class: "quiet small" }, ` of ${cells.length}${more} units, blue for ink that speaks for a unit, amber against`)), html("div", { class: "tiles small-tiles" }, ...cells));
      }),
    );
  }

  return {
    draw(found, about, called) {
      [shown, names] = [{ networks: found, about }, called];
      redraw();
    },
    /** Read the drawing again: the networks are others by now. */
    again() {
      if (drawing.strokes().length) ask();
    },
  };
}
