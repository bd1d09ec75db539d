// A key-value service: methods with schemas, an error of its own, an answer in parts that follows what changes.
import { EventEmitter, on } from "node:events";
import { BuslaneError } from "buslane";
import { askedToEnd, join } from "./join.mjs";

const strings = (...names) => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
  required: names,
});

const values = new Map();
const changes = new EventEmitter();

function get({ app, key }) {
  const value = values.get(app)?.get(key);
  console.log(`get ${app}/${key}: ${value ?? "nothing"}`);
  if (value === undefined) {
    throw new BuslaneError("not_found", "nothing is kept under this key");
  }
  return { value };
}

function set({ app, key, value }) {
  console.log(`set ${app}/${key}: ${value}`);
  values.set(app, (values.get(app) ?? new Map()).set(key, value));
  changes.emit(app, { key, value });
  return null;
}

// Answers with what is there, then with each change, until nobody listens any more.
async function* watch({ app }, { signal }) {
  console.log(`watch ${app}: begins`);
  try {
    const later = on(changes, app, { signal });
    for (const [key, value] of values.get(app) ?? []) yield { key, value };
    for await (const [change] of later) yield change;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    console.log(`watch ${app}: ends`);
  }
}

const bus = await join();
await bus
  .service("attic", "1.0.0")
  .handle("get", strings("app", "key"), get, { output: strings("value") })
  .handle("set", strings("app", "key", "value"), set)
  .handle("watch", strings("app"), watch, { output: strings("key", "value") })
  .register();
console.log("attic is registered");
await askedToEnd;
await bus.close();
console.log("attic has left");
