// Words of an address, or of a command line, and the values that they stand for.

/** Return of which kind the technique in a place is: biases begin by an init too. */
export function kindOf(place) {
  return place === "bias" ? "init" : place;
}

export function isNumber(word) {
  return word !== undefined && word.trim() !== "" && Number.isFinite(Number(word));
}

/** Return the values of words whose keys begin with a prefix, by the rest of their keys. */
export function valuesBehind(prefix, words) {
  const found = Object.entries(words).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(found.map(([key, word]) => [key.slice(prefix.length), valueOf(word)]));
}

function valueOf(word) {
  if (word === "true" || word === "false") return word === "true";
  if (word === "null") return null;
  return isNumber(word) ? Number(word) : word;
}

/** Return the words of values, their keys behind a prefix. */
export function wordsOf(prefix, values) {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [prefix + key, String(value)]));
}
