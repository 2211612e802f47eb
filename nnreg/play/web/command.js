// A command line as it is shown, with a button that copies it.
import { html } from "./elements.js";

/** Return a command line with its button.
 * @param {string} text the command.
 * @param {string} of whose it is, where there are several.
 */
export function commandLine(text, of = "") {
  const named = of ? { "aria-label": `copy the command for ${of}` } : {};
  const copy = html("button", { class: "button", type: "button", ...named }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Select it";
    }
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  });
  return html("div", { class: "command" }, html("code", {}, ...broken(text)), copy);
}

/** Return a command in parts that lines are not broken in: short words, and the members of long lists. */
function broken(text) {
  return text.split(/(?<=[ ,])/).flatMap((part) => (part.length < 24 ? [html("span", { class: "whole" }, part), html("wbr")] : [part]));
}
