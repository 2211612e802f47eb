// The page's shell: tabs, the state in the address, and the way to the server.
//
// A tab is a module with
//
//   export const id = "valley";                      // in the address, tab=valley
//   export const title = "Valley";                   // on its button
//   export function mount(element, state, api) {...} // builds it once, when it is first looked at, and returns
//                                                    //   { restore(values), redraw(files), show(), hide() }, each may be left out
//
// `state.values` is what the address says of the tab, text by name; `state.save(values)` writes all of it there, at once for
// a link and without an entry in the history. `restore(values)` is called when somebody goes to another address of the page.
// `redraw(files)` is called when files of plugins were saved; `show` and `hide` when the tab comes and goes.
// `api.post(path, object)` asks the server and returns its answer; what is wrong is an Error whose message is the line to show.
// `api.techniques(kind)` and `api.technique(kind, name)` tell what is registered, and knobs and formulas of one.
import { html } from "./elements.js";
import * as layers from "./layers.js";
import * as network from "./network.js";
import { knowColour } from "./paper.js";
import * as valley from "./valley.js";

const TABS = [valley, network, layers];

/** Ask the server. */
async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }).catch(() => null);
  if (answer === null) throw new Error("the page's server does not answer: start it again with `python -m nnreg play`");
  return told(answer);
}

async function told(answer) {
  const found = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error((found && found.error) || `the server answered ${answer.status}`);
  return found;
}

const lists = new Map();
const shown = new Map();

/** Return the answer to a question once for all, until a plugin is saved; one that failed is asked again. */
function once(answers, key, ask) {
  if (!answers.has(key)) {
    const answer = ask();
    answers.set(key, answer);
    answer.catch(() => answers.delete(key));
  }
  return answers.get(key);
}

const api = {
  post,
  techniques: (kind) =>
    once(lists, kind, async () => {
      const found = await told(await fetch(`/api/techniques/${encodeURIComponent(kind)}`));
      for (const { colour, dark } of found) knowColour(colour, dark);
      return found;
    }),
  technique: (kind, name) => once(shown, `${kind}/${name}`, () => post("/api/technique", { kind, name })),
};

const mounted = new Map();
let current = null;

function addressed() {
  const values = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const id = values.tab;
  delete values.tab;
  return { tab: TABS.find((tab) => tab.id === id) || TABS[0], values };
}

let written = "";

function write(tab, values) {
  written = `#${new URLSearchParams({ tab: tab.id, ...values })}`;
  history.replaceState(null, "", written);
}

function show(tab, values) {
  if (current !== null && current !== tab) {
    mounted.get(current).view.hide?.();
    mounted.get(current).place.hidden = true;
  }
  current = tab;
  for (const button of document.querySelectorAll("[role=tab]")) {
    button.setAttribute("aria-selected", button.dataset.tab === tab.id);
    button.tabIndex = button.dataset.tab === tab.id ? 0 : -1;
  }
  document.title = `${tab.title} · nnreg play`;
  if (!mounted.has(tab)) {
    const place = html("section", { id: `tab-${tab.id}`, role: "tabpanel", "aria-labelledby": `button-${tab.id}` });
    document.querySelector("main").append(place);
    const state = {
      values,
      save(said) {
        state.values = { ...said };
        if (current === tab) write(tab, said);
      },
    };
    mounted.set(tab, { place, state, view: {} });
    mounted.get(tab).view = tab.mount(place, state, api) || {};
  } else {
    const { place, view, state } = mounted.get(tab);
    place.hidden = false;
    if (values !== null) {
      state.values = values;
      view.restore?.(values);
    } else write(tab, state.values);
    view.show?.();
  }
}

function listen() {
  const source = new EventSource("/api/changes");
  const note = document.querySelector(".saved");
  let fading = 0;
  source.onmessage = (event) => {
    const { files } = JSON.parse(event.data);
    lists.clear();
    shown.clear();
    note.textContent = `${files.slice(0, 3).join(", ")}${files.length > 3 ? " and more" : ""} saved: drawn anew`;
    note.classList.add("fresh");
    clearTimeout(fading);
    fading = setTimeout(() => note.classList.remove("fresh"), 4000);
    for (const { view } of mounted.values()) view.redraw?.(files);
  };
  source.onerror = () => {
    if (source.readyState !== EventSource.OPEN) note.textContent = "the server has ended";
  };
  source.onopen = () => {
    if (note.textContent === "the server has ended") note.textContent = "";
  };
}

function begin() {
  const bar = document.querySelector(".tabs");
  for (const tab of TABS)
    bar.append(html("button", { role: "tab", id: `button-${tab.id}`, "data-tab": tab.id, "aria-controls": `tab-${tab.id}`, onclick: () => current !== tab && show(tab, mounted.has(tab) ? null : {}) }, tab.title));
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const buttons = [...bar.children];
    const next = buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length];
    next.focus();
    next.click();
  });
  const { tab, values } = addressed();
  show(tab, values);
  window.addEventListener("hashchange", () => {
    if (location.hash === written) return;
    const asked = addressed();
    show(asked.tab, asked.values);
  });
  listen();
}

begin();
