// What came of some descents, in one sentence: who arrived and when, who is how far away, who was lost and why.
import { number } from "./numerals.js";

const HARDLY = 0.02; // of the way that is left: who has come less far has hardly moved

/** Return the sentence for rules as the server answers them, after so many updates. */
export function outcome(rules, steps) {
  const called = names(rules, (name, rate) => `${name} (lr ${rate})`);
  const each = rules.map((rule, place) => ({ ...rule, called: called[place] }));
  const well = each.filter((rule) => !rule.error);
  const parts = [];
  const arrived = well.filter((rule) => rule.arrived_at !== null).sort((one, other) => one.arrived_at - other.arrived_at);
  if (arrived.length) parts.push(ofArrivals(arrived, well.length > 1));
  const still = well.filter((rule) => rule.arrived_at === null && rule.diverged_at === null);
  if (still.length) parts.push(`after ${steps} updates ${ofTravels(still)}`);
  for (const rule of well) if (rule.diverged_at !== null) parts.push(`${rule.called} is thrown out of the valley by update ${rule.diverged_at}${why(rule)}`);
  for (const rule of each) if (rule.error) parts.push(`${rule.called} could not descend`);
  return `${parts.join("; ")}.`.replace(/^after/, "After");
}

/** Return what the rules are called, two of one name told apart by their learning rates, or their places. */
export function names(rules, both = (name, rate) => `${name} ${rate}`) {
  const shown = rules.map((rule) => (rules.filter((other) => other.name === rule.name).length > 1 && rule.rate != null ? both(rule.name, number(rule.rate)) : rule.name));
  return shown.map((name, place) => (shown.indexOf(name) !== place || shown.lastIndexOf(name) !== place ? `${name} (${place + 1})` : name));
}

function ofArrivals([first, ...others], isRace) {
  if (first.arrived_at === 0) return `${listed([first, ...others].map((rule) => rule.called))} ${others.length ? "begin" : "begins"} at the minimum`;
  const said = `${first.called} arrives ${isRace ? "first, " : ""}after ${first.arrived_at} ${first.arrived_at === 1 ? "update" : "updates"}`;
  return said + (others.length ? `, ${listed(others.map((rule) => `${rule.called} after ${rule.arrived_at}`))}` : "");
}

function ofTravels(rules) {
  if (rules[0].distance === null) return listed(rules.map((rule, place) => `${rule.called} is ${place ? "" : "at height "}${number(rule.heights.at(-1))}`));
  const groups = { still: [], hardly: [], away: [] };
  for (const rule of rules) groups[courseOf(rule)].push(rule);
  const said = [];
  const each = (group, verb) => listed(group.map((rule, place) => `${rule.called} ${place ? "" : verb}${number(rule.distance.at(-1))}`));
  if (groups.still.length) said.push(`${each(groups.still, "is still ")} from the minimum`);
  if (groups.hardly.length) said.push(`${listed(groups.hardly.map((rule) => rule.called))} ${groups.hardly.length > 1 ? "have" : "has"} hardly moved`);
  if (groups.away.length) said.push(`${each(groups.away, "has moved away, to ")} from the minimum`);
  return listed(said);
}

function courseOf(rule) {
  const left = rule.distance.at(-1);
  if (left > 1.5 * rule.distance[0]) return "away";
  const travelled = rule.path.slice(1).reduce((sum, point, index) => sum + Math.hypot(...point.map((value, axis) => value - rule.path[index][axis])), 0);
  return travelled < HARDLY * left ? "hardly" : "still";
}

function why(rule) {
  return rule.bound != null && rule.rate > rule.bound ? `, its learning rate beyond ${number(rule.bound)}, up to which theory has it stable` : "";
}

function listed(parts) {
  return parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : parts[0];
}
