// Compares what came with what a scenario expects.

/** Whether a value, or the lack of one, is what a matcher asks for. */
export function matches(expected, found) {
  const keys = isObject(expected) ? Object.keys(expected) : [];
  if (keys.length === 1 && keys[0].startsWith("$")) {
    return special(keys[0], expected[keys[0]], found);
  }
  if (isObject(expected)) {
    return isObject(found) && keys.length === Object.keys(found).length && isSubset(expected, found);
  }
  if (Array.isArray(expected)) {
    return Array.isArray(found) && expected.length === found.length && expected.every((each, index) => matches(each, found[index]));
  }
  return expected === found;
}

/** The members that are not as expected. Of some only the members that are given are compared. */
export function differences(expected, found) {
  return Object.entries(expected)
    .filter(([name, value]) => !(SUBSETS.has(name) && isObject(value) && isObject(found[name]) ? isSubset(value, found[name]) : matches(value, found[name])))
    .map(([name, value]) => `${name}: expected ${JSON.stringify(value)}, found ${JSON.stringify(found[name])}`);
}

function special(kind, argument, found) {
  switch (kind) {
    case "$any":
      return true;
    case "$subset":
      return isObject(found) && isSubset(argument, found);
    case "$contains":
      return Array.isArray(found) && found.some((each) => matches(argument, each));
    case "$at_least":
      return typeof found === "number" && found >= argument;
    case "$between":
      return typeof found === "number" && found >= argument[0] && found <= argument[1];
    case "$starts_with":
      return typeof found === "string" && found.startsWith(argument);
    default:
      return false;
  }
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSubset(wanted, found) {
  return Object.entries(wanted).every(([name, value]) => name in found && matches(value, found[name]));
}

const SUBSETS = new Set(["error", "headers", "content"]);
