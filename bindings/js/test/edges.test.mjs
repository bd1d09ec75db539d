// The edges of the API: values that JSON has no word for, ends at bad moments, listeners that do not listen, times that are none.
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { inspect } from "node:util";
import { Body, BuslaneError, connect } from "buslane";
import { Broker } from "./stage/broker.mjs";
import { ERROR, Pretender, PUBLISH, rare, REGISTER } from "./stage/pretender.mjs";

const unhandled = [];
process.on("unhandledRejection", (error) => unhandled.push(error));
process.on("uncaughtException", (error) => unhandled.push(error));

async function withBus(context, options = {}) {
  const broker = await Broker.start();
  const bus = await connect(broker.url, { timeout: 60_000, requestTimeout: 600_000, firstRetry: 5, longestRetry: 50, ...options });
  context.after(async () => {
    await bus.close();
    await broker.end();
    assert.deepEqual(unhandled, []);
  });
  return [broker, bus];
}

const failing = (code) => (error) => error instanceof BuslaneError && error.code === code;

test("objects that JSON would empty are refused with their place", async (context) => {
  const [, bus] = await withBus(context);
  const strangers = [new Map([[1, 2]]), new Set([1]), /a/, new Error("no"), new ArrayBuffer(2), new Float64Array([1]), Promise.resolve(1), new Date(NaN)];
  for (const stranger of strangers) {
    await assert.rejects(bus.publish("a", { deep: { "a/b": stranger } }), (error) => failing("invalid_payload")(error) && /"\/deep\/a~1b"/.test(error.detail), String(stranger));
  }
  await assert.rejects(bus.publish("a", { bytes: Uint8Array.of(1) }), failing("invalid_payload"));
  for (const usual of [{}, [], { a: {} }, null, [null], { 0: 1 }, new Date(0), { toJSON: () => 1 }]) {
    await bus.publish("a", usual);
  }
});

test("a declaration with values that are not JSON is refused", async (context) => {
  const [, bus] = await withBus(context);
  await assert.rejects(bus.register({ name: "a", version: "1.0.0", meta: { count: 1n } }), failing("invalid_payload"));
  await assert.rejects(bus.register({ name: "a", version: "1.0.0", methods: { b: { input: { maximum: NaN }, handler: () => 1 } } }), failing("invalid_payload"));
});

test("a header may have the name of a prototype", async (context) => {
  const [, bus] = await withBus(context);
  await bus.register({ name: "echo", version: "1.0.0", methods: { headers: (_payload, { headers }) => Object.entries(headers) } });
  const headers = Object.fromEntries([["__proto__", "one"], ["constructor", "two"]]);
  assert.deepEqual((await bus.request("echo:headers", 1, { headers })).sort(), [["__proto__", "one"], ["constructor", "two"]]);
});

test("a generator is ended where a part of it cannot be sent, and its caller hears why", async (context) => {
  const [, bus] = await withBus(context);
  let ended = 0;
  const methods = {
    async *parts() {
      try {
        yield 1;
        yield 2n;
      } finally {
        ended += 1;
      }
    },
    *promises() {
      yield Promise.resolve("kept");
    },
  };
  await bus.register({ name: "bad", version: "1.0.0", methods });
  const parts = bus.stream("bad:parts").values();
  assert.equal((await parts.next()).value, 1);
  await assert.rejects(parts.next(), failing("invalid_payload"));
  assert.equal(ended, 1);
  const promises = [];
  for await (const part of bus.stream("bad:promises").values()) promises.push(part);
  assert.deepEqual(promises, ["kept"]);
  // A method that answers in parts is not for a caller who takes one answer.
  await assert.rejects(bus.request("bad:parts"), failing("unexpected_stream"));
});

test("a result that cannot even be looked at fails its caller and nobody else", async (context) => {
  const [, bus] = await withBus(context);
  const trap = {
    get then() {
      throw new Error("do not look");
    },
  };
  await bus.register({ name: "bad", version: "1.0.0", methods: { trap: () => trap, well: () => 1 } });
  await assert.rejects(bus.request("bad:trap"), failing("service_error"));
  assert.equal(await bus.request("bad:well"), 1);
});

test("a handler may close its own client", async (context) => {
  const [broker, bus] = await withBus(context);
  const other = await connect(broker.url);
  let closed;
  await other.register({ name: "brief", version: "1.0.0", methods: { last: () => ((closed = other.close()), 1) } });
  await assert.rejects(bus.request("brief:last"), failing("outcome_unknown"));
  await closed;
  assert.equal(other.state.kind, "ended");
});

test("an answer that came while the program was held up is in time", async (context) => {
  const [, bus] = await withBus(context);
  const answer = bus.request("$bus:ping", undefined, { timeout: 50 });
  await new Promise((resolve) => setImmediate(resolve));
  // Far beyond the deadline, and what the session adds to it, nothing of the program runs.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  await answer;
});

test("without a connection a registration and a subscription are remembered at once", { timeout: 60_000 }, async (context) => {
  const broker = await Broker.start();
  const bus = await connect(broker.url, { firstRetry: 3_600_000, longestRetry: 3_600_000 });
  const states = bus.states();
  await broker.end();
  while ((await states.next()).value.kind !== "disconnected");
  const registration = await bus.register({ name: "attic", version: "1.0.0", methods: { get: () => 1 } });
  const subscription = bus.subscribe("a");
  await subscription.ready;
  await bus.close();
  await assert.rejects(registration.unregister(), failing("closed"));
  assert.equal((await subscription.next()).done, true);
  assert.deepEqual(unhandled, []);
});

test("a client says how long it waits before it tries again, from then on", async () => {
  const bus = await connect("buslane+unix:///nowhere/at/all", { lazy: true, firstRetry: 1, longestRetry: 1 });
  let losses = 0;
  for await (const state of bus.states()) {
    if (state.kind === "disconnected") {
      assert.ok(state.retryInMs >= 0 && state.retryInMs <= 1, String(state.retryInMs));
      if (++losses === 20) break;
    }
  }
  await bus.close();
});

test("what ends before it begins says that it is closed", async (context) => {
  const [broker, bus] = await withBus(context);
  const early = bus.subscribe("a");
  early.unsubscribe();
  await assert.rejects(early.ready, failing("closed"));
  const other = await connect(broker.url);
  const registration = await other.register({ name: "brief", version: "1.0.0", methods: { last: () => 1 } });
  const late = other.subscribe("a");
  const closing = other.close();
  await assert.rejects(late.ready, failing("closed"));
  await closing;
  await assert.rejects(registration.unregister(), failing("closed"));
  late.unsubscribe();
  await assert.rejects(other.flush(), failing("closed"));
});

test("a registration that was refused is not made behind its program's back, once the broker is there again", async (context) => {
  const pretender = await Pretender.start();
  const connecting = connect(pretender.url, { firstRetry: 1, longestRetry: 1 });
  let guest = await pretender.guest();
  context.after(() => (guest.leave(), pretender.end()));
  await guest.welcome();
  const bus = await connecting;
  const registering = bus.register({ name: "attic", version: "1.0.0", methods: { get: () => 1 } });
  const { id } = JSON.parse((await guest.until(REGISTER)).body.toString());
  guest.send(rare(ERROR, { type: "error", id, error: { code: "draining", title: "the broker shuts down", status: 503 } }));
  await assert.rejects(registering, failing("draining"));
  guest.leave();
  guest = await pretender.guest();
  await guest.welcome();
  void bus.publish("a", 1);
  const types = [];
  while (types.at(-1) !== PUBLISH) types.push((await guest.frame()).type);
  assert.ok(!types.includes(REGISTER));
  await bus.close();
});

test("reports that nobody takes give way to newer ones", async (context) => {
  const [, bus] = await withBus(context);
  await bus.service("thermometer", "1.0.0").topic("room/temperature", { schema: { type: "number" } }).register();
  const reports = bus.reports();
  for (let count = 0; count < 1500; count++) await bus.publish("room/temperature", `warm ${count}`);
  await bus.flush();
  await bus.close();
  let taken = 0;
  for await (const { error } of reports) {
    assert.equal(error.code, "schema_violation");
    taken += 1;
  }
  assert.equal(taken, 1000);
});

test("times that are none are refused, and Infinity waits as long as it takes", async (context) => {
  const [broker] = await withBus(context);
  for (const options of [{ timeout: NaN }, { pingAfter: -1 }, { goneAfter: Infinity }, { requestTimeout: "5s" }]) {
    await assert.rejects(connect(broker.url, options), failing("invalid_message"), JSON.stringify(options));
  }
  const { port } = broker.place;
  await broker.kill();
  const connecting = connect(`buslane://127.0.0.1:${port}`, { timeout: Infinity, firstRetry: 5, longestRetry: 20 });
  await broker.start(port);
  await (await connecting).close();
});

test("a body keeps what is said of its payload", async (context) => {
  const [, bus] = await withBus(context);
  await bus.register({ name: "echo", version: "1.0.0", methods: { back: (_payload, { content }) => new Body({ saw: content.contentType }, { status: 207 }) } });
  const reply = await bus.call("echo:back", new Body("text", { contentType: "application/note+json" }));
  assert.deepEqual([reply.payload, reply.content.status], [{ saw: "application/note+json" }, 207]);
});

test("what no compiler has checked is refused, and hurts no other client", async (context) => {
  const [, bus] = await withBus(context);
  const gone = new Uint8Array(10);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  const attempts = [
    () => bus.publish(undefined, 1),
    () => bus.publish({}, 1),
    () => bus.publish("a", 1, { retain: "set", retainMs: 5n }),
    () => bus.publish("a", gone),
    () => bus.request(5),
    () => bus.request("a:b", 1, { timeout: {} }),
    () => bus.request([undefined]),
    () => bus.stream("a:b", 1, { credit: 5n }).next(),
    () => bus.subscribe(null).next(),
    () => bus.subscribe("a", { shared: 5 }).next(),
    () => bus.register(),
    () => bus.register({ name: "a", version: "1.0.0", methods: { b: {} } }),
    () => bus.register({ name: "a", version: "1.0.0", methods: { b: undefined } }),
  ];
  for (const attempt of attempts) {
    await assert.rejects(async () => attempt(), (error) => error instanceof Error && error.code !== "internal", String(attempt));
  }
  assert.equal(bus.state.kind, "connected");
  await bus.flush();
});

test("a payload over every limit is refused before it is copied", async (context) => {
  const [, bus] = await withBus(context);
  await assert.rejects(bus.publish("a", new Uint8Array(300 * 1024 * 1024)), failing("payload_too_large"));
  await assert.rejects(bus.publish("a", "x".repeat(2 * 1024 * 1024), { ack: true }), failing("payload_too_large"));
  await bus.flush();
});

test("what a handler throws may be anything, even what cannot be looked at", async (context) => {
  const [, bus] = await withBus(context);
  const trap = {
    get code() {
      throw new Error("do not look");
    },
  };
  const thrown = { trap, nothing: undefined, none: null, text: "full", number: 5, frozen: Object.freeze(new Error("cold")) };
  const methods = Object.fromEntries(Object.entries(thrown).flatMap(([name, what]) => [
    [name, () => { throw what; }],
    [`${name}_later`, async () => { throw what; }],
  ]));
  await bus.register({ name: "bad", version: "1.0.0", methods });
  const told = await Promise.all(Object.keys(methods).map((name) => bus.request(`bad:${name}`).catch(({ code, message }) => [code, message])));
  const usual = ["service_error", ERROR_TITLE];
  const expected = [usual, usual, usual, ["service_error", "full"], usual, ["service_error", "cold"]];
  assert.deepEqual(told, expected.flatMap((each) => [each, each]));
});

test("values nested deeper than JSON is written are refused", async (context) => {
  const [, bus] = await withBus(context);
  let deep = null;
  for (let depth = 0; depth < 100_000; depth++) deep = [deep];
  await assert.rejects(bus.publish("a", deep), failing("invalid_payload"));
  await assert.rejects(bus.publish("a", { bytes: Buffer.from("x") }), failing("invalid_payload"));
});

/** What a caller is told of an error that says nothing. */
const ERROR_TITLE = new BuslaneError("service_error").message;

test("an error is shown by its name", () => {
  const error = new BuslaneError("no_such_key", "there is no such key");
  assert.match(error.stack, /^BuslaneError: there is no such key/);
  assert.match(inspect(error), /^BuslaneError: there is no such key/);
});
