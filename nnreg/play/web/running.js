// Runs that other processes train, their curves growing as they are written to disk.
import { lineChart } from "./chart.js";
import { html } from "./elements.js";
import { SHAPES } from "./markers.js";
import { drawn } from "./paper.js";

const EVERY = 1000; // milliseconds between two looks while something is trained
const SELDOM = 5000;

/**
 * The list of what is being trained here, and the curves of what is followed.
 *
 * @param {HTMLElement} host where it stands.
 * @param {object} api asks the server.
 * @param {function} followed returns the name of the sweep or run that is followed, or null.
 * @param {function} follow `follow(name)`: another one is.
 */
export function runningRuns(host, api, followed, follow) {
  const choices = html("div", { class: "run-choices" });
  const [loss, legend, note] = [html("div", { class: "chart-place" }), html("div", { class: "legend" }), html("p", { class: "quiet small" })];
  const shown = html("div", { hidden: true }, loss, legend);
  host.replaceChildren(html("h2", {}, "Runs that train elsewhere"), note, choices, shown);
  const chart = lineChart(loss, { label: "validation loss of each run, on a logarithmic axis; training loss where there is none", x: { label: "updates", word: "update" }, y: { log: true }, height: 230 });
  let [timer, runs, group, isStopped, isShown] = [0, new Map(), null, false, followed() === null];

  async function look() {
    clearTimeout(timer);
    if (isStopped) return;
    if (followed() !== group) {
      group = followed();
      runs = new Map();
    }
    const seen = Object.fromEntries([...runs].map(([name, run]) => [name, run.end]));
    let isBusy = false;
    try {
      const found = await api.post("/api/running", { group, seen });
      isBusy = found.runs.some((run) => run.status === "running");
      take(found);
    } catch (error) {
      note.textContent = error.message;
      if (group !== null) follow(null);
    }
    timer = setTimeout(look, isBusy ? EVERY : SELDOM);
  }

  function take(found) {
    if (!found.groups.length) note.textContent = "Nothing is being trained below runs/ now. Start a run or a sweep in another terminal, or name a folder: python -m nnreg play --follow FOLDER";
    else note.textContent = group === null ? "Choose one to see its curves grow." : [...found.standing, found.left_out ? `${found.left_out} more runs are left out` : ""].filter(Boolean).join("; ");
    choices.replaceChildren(
      ...found.groups.map((each) => {
        const name = each.name.replace(/^runs\//, "");
        const count = each.running ? `${each.running} training` : "none training";
        return html("button", { class: "button run-choice", type: "button", "aria-pressed": String(each.name === group), onclick: () => choose(each.name === group ? null : each.name) }, html("b", {}, name), html("span", { class: "quiet" }, ` ${count}, ${each.ended} ended`));
      }),
    );
    for (const run of found.runs) {
      const known = runs.get(run.name) || { curves: {} };
      for (const [metric, [steps, values]] of Object.entries(run.curves)) {
        const curve = (known.curves[metric] ||= [[], []]);
        curve[0].push(...steps);
        curve[1].push(...values);
      }
      runs.set(run.name, { ...run, curves: known.curves });
    }
    draw();
    if (group !== null && !isShown) host.scrollIntoView({ block: "nearest" });
    isShown = true;
  }

  function draw() {
    const all = [...runs.values()];
    shown.hidden = !all.length;
    host.dataset.runs = all.length;
    host.dataset.points = all.reduce((sum, run) => sum + Object.values(run.curves).reduce((points, [steps]) => points + steps.length, 0), 0);
    if (!all.length) return;
    const isFew = all.length <= 8;
    const series = all.flatMap((run, place) => {
      const valid = run.curves["valid/loss"];
      const train = run.curves["train/loss"];
      const name = isFew ? run.label : "";
      const line = ([x, y], more) => ({ colour: run.colour, marker: SHAPES[place % SHAPES.length], arms: [place], called: run.label, dash: isTwin(all, place) ? "6 4" : null, x, y, name, ...more });
      return [...(train && isFew ? [line(train, { faint: true, name: "", dash: null })] : []), ...(valid ? [line(valid, {})] : train && !isFew ? [line(train, {})] : [])];
    });
    chart.draw({ series });
    legend.replaceChildren(...all.map((run) => html("span", { class: "key" }, dot(run), `${run.label} `, html("span", { class: "quiet" }, run.status === "running" ? "training" : run.status))));
  }

  function choose(name) {
    follow(name);
    look();
  }

  look();
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
    start() {
      isStopped = false;
      look();
    },
  };
}

function isTwin(all, place) {
  return all.slice(0, place).some((run) => run.colour === all[place].colour);
}

function dot(run) {
  const made = html("span", { class: "swatch" });
  made.style.setProperty("--technique", drawn(run.colour));
  return made;
}
