// Who goes by keys keeps the place where they are, though what is around it is built anew.

/** Let `change` replace what is in a place; what had the focus there has it again, in its new form. */
export function keepingFocus(place, change) {
  const active = document.activeElement;
  const said = active && place.contains(active) ? signOf(active) : null;
  change();
  if (said === null || place.contains(document.activeElement)) return;
  const same = [...place.querySelectorAll(active.tagName)].find((each) => signOf(each) === said);
  if (same) same.focus({ preventScroll: true });
}

/** Return what tells an element from its neighbours and survives its being built anew. */
function signOf(element) {
  const [choice, rule, knob] = ["choice", "rule", "key"].map((name) => element.closest(`[data-${name}]`));
  return [choice && choice.dataset.choice, rule && rule.dataset.rule, knob && knob.dataset.key, element.getAttribute("aria-label"), element.type, element.parentElement.dataset.kind].join("|");
}
