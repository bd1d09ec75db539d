// What an AbortSignal does: it ends whatever waits, with its reason, and nothing of what has ended is left on it.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import process from "node:process";
import { test } from "node:test";
import { BuslaneError, connect } from "buslane";
import { Broker } from "./stage/broker.mjs";

const wrong = [];
for (const event of ["unhandledRejection", "uncaughtException", "warning"]) process.on(event, (what) => wrong.push(what));

/** Gives a test a client, with a service whose `wait` answers nobody and whose `count` answers in parts. */
async function withBus(context) {
  const broker = await Broker.start();
  const bus = await connect(broker.url, { timeout: 60_000, requestTimeout: 600_000 });
  const methods = {
    back: (payload) => payload,
    wait: (_payload, { signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
    count: function* (most) {
      for (let part = 0; part < most; part++) yield part;
    },
  };
  const registration = await bus.register({ name: "slow", version: "1.0.0", methods });
  context.after(async () => {
    await bus.close();
    await broker.end();
    assert.deepEqual(wrong, []);
  });
  return { broker, bus, registration };
}

const enough = (reason) => reason === "enough";

test("a signal that is aborted already ends everything before it begins", async (context) => {
  const { broker, bus } = await withBus(context);
  const signal = AbortSignal.abort("enough");
  const attempts = [
    connect(broker.url, { signal }),
    bus.request("slow:back", 1, { signal }),
    bus.publish("a", 1, { signal }),
    bus.publish("a", 1, { ack: true, signal }),
    bus.flush({ signal }),
    bus.register({ name: "a", version: "1.0.0" }, { signal }),
    bus.stream("slow:count", 1, { signal }).next(),
    bus.gather("*:back", 1, { signal }).next(),
    bus.subscribe("a", { signal }).next(),
    bus.subscribe("a", { signal }).ready,
    bus.presence({ signal }).next(),
    bus.states({ signal }).next(),
    bus.reports({ signal }).next(),
  ];
  for (const attempt of attempts) await assert.rejects(attempt, enough);
});

test("a signal ends whatever waits, with its reason", async (context) => {
  const { bus, registration } = await withBus(context);
  const abort = new AbortController();
  const { signal } = abort;
  const states = bus.states({ signal });
  assert.equal((await states.next()).value.kind, "connected");
  const presence = bus.presence({ signal });
  while ((await presence.next()).value.kind !== "snapshot_end");
  const waiting = [
    bus.request("slow:wait", 1, { signal }),
    bus.stream("slow:wait", 1, { signal }).next(),
    bus.gather("*:wait", 1, { signal }).next(),
    bus.subscribe("a", { signal }).next(),
    presence.next(),
    states.next(),
    bus.reports({ signal }).next(),
    registration.unregister({ drain: true, signal }),
  ];
  await bus.flush();
  abort.abort("enough");
  for (const each of waiting) await assert.rejects(each, enough);
});

test("a thousand requests share one signal without a warning, and leave nothing on it", async (context) => {
  const { broker, bus } = await withBus(context);
  const { signal } = new AbortController();
  await (await connect(broker.url, { signal })).close();
  assert.equal(getEventListeners(signal, "abort").length, 0);
  const requests = Array.from({ length: 1000 }, (_, index) => bus.request("slow:back", index, { signal }));
  assert.equal(getEventListeners(signal, "abort").length, 1);
  await Promise.all(requests);
  for await (const _part of bus.stream("slow:count", 3, { signal }));
  for await (const _part of bus.stream("slow:count", 3, { signal })) break;
  for await (const _answer of bus.gather("*:back", 3, { signal }));
  await assert.rejects(bus.stream("nobody:there", 3, { signal }).next(), { code: "no_instance" });
  await assert.rejects(bus.request("slow:wait", 3, { signal, timeout: 1 }), { code: "deadline_exceeded" });
  await bus.publish("a", 1, { ack: true, signal });
  await bus.flush({ signal });
  await (await bus.register({ name: "a", version: "1.0.0" }, { signal })).unregister({ signal });
  bus.subscribe("a", { signal }).unsubscribe();
  await bus.states({ signal }).return();
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("what listens with a signal leaves nothing on it when the client ends", async (context) => {
  const { broker } = await withBus(context);
  const bus = await connect(broker.url);
  const { signal } = new AbortController();
  const heard = [bus.states({ signal }), bus.reports({ signal }), bus.subscribe("a", { signal }), bus.presence({ signal })];
  assert.equal(heard.length, 4);
  await bus.close();
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("a signal ends the wait for room, and so does the end of the client", async (context) => {
  const { broker } = await withBus(context);
  const bus = await connect(broker.url);
  const abort = new AbortController();
  const large = "x".repeat(500_000);
  // Nothing leaves before this is over, so that the second finds no room.
  const [, withdrawn, closed] = [bus.publish("a", large), bus.publish("a", large, { signal: abort.signal }), bus.publish("a", large)];
  abort.abort("enough");
  const closing = bus.close();
  await assert.rejects(withdrawn, enough);
  await assert.rejects(closed, (error) => error instanceof BuslaneError && error.code === "closed");
  await closing;
});

test("a registration that is given up is not there", async (context) => {
  const { bus } = await withBus(context);
  const abort = new AbortController();
  const registering = bus.register({ name: "brief", version: "1.0.0", methods: { back: (payload) => payload } }, { signal: abort.signal });
  abort.abort("enough");
  await assert.rejects(registering, enough);
  await bus.flush();
  await assert.rejects(bus.request("brief:back"), { code: "no_instance" });
});

test("a client that has ended leaves no timer behind that would keep the program", async (context) => {
  const { broker } = await withBus(context);
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  const bus = await connect(broker.url, { timeout: 3_600_000 });
  await bus.flush();
  await bus.close();
  assert.equal(timers(), before);
});
