// Everything at once, over a connection that is cut again and again: whatever a program asks for ends, with an answer, an error of
// the table or its signal's reason, and nothing is left unhandled. The seed is in the name of the test.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import process from "node:process";
import { test } from "node:test";
import { BuslaneError, connect, ERROR_CODES } from "buslane";
import { Broker } from "./stage/broker.mjs";
import { Relay } from "./stage/relay.mjs";

const unhandled = [];
for (const event of ["unhandledRejection", "uncaughtException", "warning"]) process.on(event, (what) => unhandled.push(what));

/** Random numbers that are the same for a seed. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const METHODS = {
  back: (payload) => payload,
  later: (payload, { signal }) => new Promise((resolve) => (signal.addEventListener("abort", () => resolve(payload)), setImmediate(resolve, payload))),
  never: (_payload, { signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
  fails: () => {
    throw new BuslaneError("not_found");
  },
  count: async function* (most) {
    for (let part = 0; part < most; part++) yield part;
  },
};

/** Lets everything else go on for so many turns of the event loop. */
async function turns(count) {
  for (; count > 0; count--) await new Promise((resolve) => setImmediate(resolve));
}

/** Takes some of what comes, and leaves. */
async function some(items, most) {
  let taken = 0;
  for await (const _item of items) {
    if (++taken >= most) break;
  }
}

/** What a program may do: each returns a promise that has to settle. */
function acts(bus, below, forever) {
  const abort = new AbortController();
  const signal = [undefined, forever, abort.signal][below(3)];
  if (signal === abort.signal) void turns(below(100)).then(() => abort.abort("enough"));
  const method = `echo:${Object.keys(METHODS)[below(5)]}`;
  const timeout = 50 + below(500);
  return [
    () => bus.request(method, below(100), { signal, timeout }),
    () => bus.request([method, "nobody:there"], below(100), { signal, timeout }),
    () => some(bus.stream(method, below(200), { signal, timeout, credit: 1 + below(5) }), 1 + below(200)),
    () => some(bus.gather(`*:${method.slice(5)}`, 1, { signal, timeout }), 5),
    () => bus.publish(`a/${below(5)}`, "x".repeat(below(10_000)), { signal }),
    () => bus.publish(`a/${below(5)}`, below(100), { signal, ack: true }),
    () => some(bus.subscribe("a/+", { signal, queueBytes: 1000, ...(below(2) ? { credit: 1 + below(3) } : {}) }).events(), 1 + below(5)),
    () => bus.flush({ signal }),
    async () => (await bus.register({ name: `brief-${below(1e6)}`, version: "1.0.0", methods: METHODS }, { signal })).unregister({ drain: below(2) === 1, signal }),
    () => some(bus.presence({ signal }), 1 + below(3)),
  ][below(10)]();
}

for (const seed of [1, 2, 3]) {
  test(`whatever is asked while connections come and go has an end, with the seed ${seed}`, async (context) => {
    const broker = await Broker.start();
    const relay = await Relay.start(broker);
    const below = random(seed);
    const forever = new AbortController().signal;
    const bus = await connect(`buslane://127.0.0.1:${relay.port}`, { firstRetry: 1, longestRetry: 20, offlineBytes: 20_000 });
    const states = some(bus.states(), Infinity);
    context.after(() => broker.end());
    await bus.register({ name: "echo", version: "1.0.0", methods: METHODS });
    const outcomes = [];
    for (let round = 0; round < 60; round++) {
      const mode = ["open", "open", "open", "cut", "half-cut", "frozen"][below(6)];
      relay.set(mode);
      for (let count = 0; count < 20; count++) outcomes.push(acts(bus, below, forever).then(() => "well", (error) => error));
      await turns(below(200));
    }
    relay.set("open");
    await bus.publish("a/0", "the last", { ack: true }).catch(() => {});
    await bus.close();
    relay.end();
    for (const outcome of await Promise.all(outcomes)) {
      const isKnown = outcome === "well" || outcome === "enough" || (outcome instanceof BuslaneError && ERROR_CODES.includes(outcome.code));
      assert.ok(isKnown, String(outcome?.stack ?? outcome));
      assert.notEqual(outcome.code, "internal");
    }
    await states;
    assert.equal(getEventListeners(forever, "abort").length, 0);
    assert.deepEqual(unhandled, []);
  });
}
