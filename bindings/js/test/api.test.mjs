// What a program can ask for, and what it is told when something goes wrong. Each test has a broker of its own.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { once } from "node:events";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Body, BuslaneError, ERROR_CODES, connect } from "buslane";
import { Broker } from "./stage/broker.mjs";

process.on("unhandledRejection", (error) => {
  console.error("unhandled rejection", error);
  process.exitCode = 1;
});

/** Gives a test a broker and clients, and takes them away again. */
async function withBus(context, count = 1, options = {}) {
  const broker = await Broker.start();
  const clients = await Promise.all(Array.from({ length: count }, () => connect(broker.url, { timeout: 60_000, requestTimeout: 600_000, firstRetry: 5, longestRetry: 50, ...options })));
  context.after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await broker.end();
  });
  return [broker, ...clients];
}

const failing = (code) => (error) => error instanceof BuslaneError && error.code === code;

test("the table of error codes is that of schemas/errors.json", () => {
  const script = fileURLToPath(new URL("../scripts/error-codes.mjs", import.meta.url));
  execFileSync(process.execPath, [script, "--check"]);
  assert.ok(ERROR_CODES.includes("no_instance"));
});

test("the package can be required as well as imported", () => {
  const required = createRequire(import.meta.url)("buslane");
  assert.equal(typeof required.connect, "function");
});

test("a broker that is not there is told as unreachable", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  for (const host of ["127.0.0.1", "localhost"]) {
    await assert.rejects(connect(`buslane://${host}:${port}`, { timeout: 1000 }), (error) => failing("unreachable")(error) && /ECONNREFUSED/.test(error.detail));
  }
  // Whether the machine has IPv6 or not, the brackets are no part of the host.
  await assert.rejects(connect(`buslane://[::1]:${port}`, { timeout: 1000 }), ({ detail }) => / ::1:/.test(detail));
  await assert.rejects(connect(`ws://127.0.0.1:${port}`, { timeout: 1000 }), failing("unreachable"));
});

test("a URL that cannot be used says why", async () => {
  for (const bad of ["127.0.0.1:5959", "http://bus", "buslane://", "buslane://bus:0", "buslane://u@bus", "buslane+unix://bus"]) {
    await assert.rejects(connect(bad), failing("invalid_address"), bad);
  }
  await assert.rejects(connect("buslanes://bus"), failing("not_supported"));
});

test("a server that sends what is no frame is left and dialled again", async (context) => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n".repeat(50)));
  }).listen(0, "127.0.0.1");
  context.after(() => server.close());
  await once(server, "listening");
  await assert.rejects(connect(`buslane://127.0.0.1:${server.address().port}`, { timeout: 300, firstRetry: 5 }), failing("unreachable"));
});

test("a hostile WebSocket server does no harm", async (context) => {
  const { createServer: createHttpServer } = await import("node:http");
  const server = createHttpServer((_request, response) => response.writeHead(500).end("no")).listen(0, "127.0.0.1");
  context.after(() => server.close());
  await once(server, "listening");
  await assert.rejects(
    connect(`ws://127.0.0.1:${server.address().port}`, { timeout: 1000, firstRetry: 5 }),
    (error) => failing("unreachable")(error) && /HTTP 500/.test(error.detail),
  );
});

test("values that are not JSON are refused with their place", async (context) => {
  const [, bus] = await withBus(context);
  const circle = {};
  circle.itself = circle;
  for (const bad of [1n, circle, { a: [NaN] }, { a: Infinity }, [undefined], [() => 1], () => 1, Symbol("x")]) {
    await assert.rejects(bus.publish("a", bad), failing("invalid_payload"));
    await assert.rejects(bus.request("a:b", bad), failing("invalid_payload"));
  }
  for (const [deep, why] of [[NaN, /NaN at "\/deep\/1"/], [5n, /5 at "\/deep\/1"/], [circle, /"\/deep\/1\/itself" holds itself/]]) {
    await assert.rejects(bus.publish("a", { deep: [circle === deep ? {} : 1, deep] }), why);
  }
  assert.throws(() => Body.json("{"), failing("invalid_payload"));
});

test("an undefined member is left out, and undefined alone is no payload", async (context) => {
  const [, bus] = await withBus(context);
  await bus.register({ name: "echo", version: "1.0.0", methods: { text: (_payload, request) => request.text ?? "none" } });
  assert.equal(await bus.request("echo:text", { a: undefined, b: null }), '{"b":null}');
  assert.equal(await bus.request("echo:text"), "none");
});

test("bytes travel as they are", async (context) => {
  const [, bus] = await withBus(context);
  await bus.register({ name: "echo", version: "1.0.0", methods: { back: (payload) => payload } });
  const reply = await bus.call("echo:back", Uint8Array.of(0, 255, 10));
  assert.deepEqual([...reply.payload], [0, 255, 10]);
  assert.equal(reply.contentType, "application/octet-stream");
});

test("JSON text of the program's own keeps every digit", async (context) => {
  const [, bus] = await withBus(context);
  await bus.register({ name: "echo", version: "1.0.0", methods: { back: (_payload, request) => Body.json(request.text) } });
  assert.equal((await bus.call("echo:back", Body.json("[12345678901234567890.0]"))).text, "[12345678901234567890.0]");
});

test("a handler that throws, rejects or answers what is no JSON fails its caller with a code", async (context) => {
  const [, bus] = await withBus(context);
  const methods = {
    throws: () => {
      throw new BuslaneError("not_found", "nothing there", { data: { key: 1 } });
    },
    rejects: async () => Promise.reject(Object.assign(new Error("full"), { code: "store_full" })),
    plain: () => {
      throw new Error("oops");
    },
    bigint: () => 1n,
  };
  await bus.register({ name: "bad", version: "1.0.0", methods });
  await assert.rejects(bus.request("bad:throws"), (error) => failing("not_found")(error) && error.origin === "service" && error.data.key === 1);
  // Only the service knows whether asking again helps, whatever the table says of the same word.
  await assert.rejects(bus.request("bad:throws"), ({ retry }) => retry === "if_harmless_twice");
  await assert.rejects(bus.request("nobody:there"), ({ retry, origin }) => retry === "later" && origin === "broker");
  await assert.rejects(bus.request("bad:rejects"), failing("store_full"));
  await assert.rejects(bus.request("bad:plain"), (error) => failing("service_error")(error) && error.message === "oops");
  await assert.rejects(bus.request("bad:bigint"), failing("invalid_payload"));
});

test("a handler that never settles costs its caller the deadline, and learns of it", async (context) => {
  const [, bus] = await withBus(context);
  const withdrawn = new Promise((resolve) => {
    const wait = (_payload, request) => new Promise(() => request.signal.addEventListener("abort", () => resolve(request.signal.reason)));
    void bus.register({ name: "slow", version: "1.0.0", methods: { wait } });
  });
  await bus.flush();
  await assert.rejects(bus.request("slow:wait", null, { timeout: 20 }), failing("deadline_exceeded"));
  assert.match((await withdrawn).message, /nobody waits/);
});

test("requests that name no timeout have that of the client", async (context) => {
  const [, bus] = await withBus(context, 1, { requestTimeout: 60_000 });
  await bus.register({ name: "clock", version: "1.0.0", methods: { left: (_payload, { expiresInMs }) => expiresInMs ?? null } });
  const left = [await bus.request("clock:left"), await bus.request("clock:left", null, { timeout: 600_000 })];
  assert.ok(left[0] > 5000 && left[0] <= 60_000 && left[1] > 60_000, String(left));
});

test("a signal withdraws a request, and its reason is what the caller gets", async (context) => {
  const [, bus] = await withBus(context);
  const abort = new AbortController();
  const methods = { wait: (_payload, request) => new Promise((resolve) => (abort.abort("enough"), request.signal.addEventListener("abort", resolve))) };
  await bus.register({ name: "slow", version: "1.0.0", methods });
  await assert.rejects(bus.request("slow:wait", 1, { signal: abort.signal }), (reason) => reason === "enough");
  await assert.rejects(bus.request("slow:wait", 1, { signal: abort.signal }), (reason) => reason === "enough");
});

test("closing during a request ends it with closed", async (context) => {
  const [, bus] = await withBus(context);
  await bus.register({ name: "slow", version: "1.0.0", methods: { wait: () => new Promise(() => {}) } });
  const request = bus.request("slow:wait");
  const subscription = bus.subscribe("a");
  await subscription.ready;
  await bus.close();
  await assert.rejects(request, failing("closed"));
  assert.equal((await subscription.next()).done, true);
  await assert.rejects(bus.request("slow:wait"), failing("closed"));
  await assert.rejects(bus.publish("a", 1), failing("closed"));
  await bus.close();
});

test("a thousand requests at a time are each answered with their own", async (context) => {
  const [, service, bus] = await withBus(context, 2);
  await service.register({ name: "echo", version: "1.0.0", methods: { back: async (payload) => payload } });
  const replies = await Promise.all(Array.from({ length: 1000 }, (_, index) => bus.request("echo:back", index)));
  assert.deepEqual(replies, Array.from({ length: 1000 }, (_, index) => index));
});

test("a stream goes no faster than it is taken, and ends when the program leaves it", async (context) => {
  const [, bus] = await withBus(context);
  let sent = 0;
  let left;
  const ended = new Promise((resolve) => (left = resolve));
  async function* count() {
    try {
      for (;;) yield sent++;
    } finally {
      left();
    }
  }
  await bus.register({ name: "counter", version: "1.0.0", methods: { count } });
  const taken = [];
  for await (const value of bus.stream("counter:count", null, { credit: 4 }).values()) {
    taken.push(value);
    assert.ok(sent <= taken.length + 8, `${sent} were sent when ${taken.length} were taken`);
    if (taken.length === 100) break;
  }
  await ended;
  assert.deepEqual(taken, Array.from({ length: 100 }, (_, index) => index));
});

test("a queue that is full gives way to a gap", async (context) => {
  const [, bus] = await withBus(context);
  const subscription = bus.subscribe("a", { queueBytes: 1000 });
  await subscription.ready;
  for (let index = 0; index < 100; index++) {
    await bus.publish("a", index);
  }
  await bus.flush();
  const events = subscription.events();
  const gap = (await events.next()).value;
  const first = (await events.next()).value;
  assert.equal(gap.count, first.payload);
  assert.ok(gap.count > 50);
});

test("registrations and subscriptions come back after the broker was restarted", async (context) => {
  const [broker, service, bus] = await withBus(context, 2);
  await service.register({ name: "echo", version: "1.0.0", methods: { back: (payload) => payload } });
  const subscription = bus.subscribe("a");
  await subscription.ready;
  const { port } = broker.place;
  await broker.kill();
  await broker.start(port);
  await Promise.all([service, bus].map((client) => client.flush()));
  assert.equal(await bus.request("echo:back", 1, { timeout: 5000 }), 1);
  const events = subscription.events();
  await bus.publish("a", 2);
  const gap = (await events.next()).value;
  assert.equal(gap.unknown, true);
  assert.equal((await events.next()).value.payload, 2);
});

test("a lazy client works alone, and what it queued arrives when there is a broker", async (context) => {
  const broker = await Broker.start();
  const { port } = broker.place;
  await broker.kill();
  const bus = await connect(`buslane://127.0.0.1:${port}`, { lazy: true, firstRetry: 5, longestRetry: 20 });
  context.after(async () => {
    await bus.close();
    await broker.end();
  });
  await assert.rejects(bus.request("a:b", 1, { timeout: 20 }), failing("not_sent"));
  const receivers = bus.publish("a", 1, { ack: true });
  await broker.start(port);
  assert.equal(await receivers, 0);
});

test("promises that nobody awaits cause no unhandled rejection", async (context) => {
  const [broker, bus] = await withBus(context);
  void connect("no URL");
  void connect(broker.url, { name: "no name" });
  void bus.request("nobody:there");
  // Whoever waits for the next one may await that later.
  const aborted = { signal: AbortSignal.abort("enough") };
  for (const items of [bus.stream("nobody:there"), bus.stream("nobody:there").values(), bus.gather("@nobody:there"), bus.subscribe("#/bad"), bus.subscribe("a", aborted).events(), bus.presence(aborted), bus.states(aborted)]) {
    void items.next();
  }
  void bus.publish("bad//topic", 1);
  void bus.register({ name: "bad name", version: "1" });
  bus.subscribe("#/bad");
  await bus.flush();
});

test("services are seen to come and go", async (context) => {
  const [, bus, service] = await withBus(context, 2);
  const presence = bus.presence();
  assert.deepEqual((await presence.next()).value, { kind: "snapshot_end" });
  const registration = await service.service("attic", "1.0.0").handle("get", { type: "object" }, () => 1).register();
  const kinds = [(await presence.next()).value.kind, (await presence.next()).value.kind];
  assert.deepEqual(kinds.sort(), ["connect", "online"]);
  // Whoever comes later is told the same, as what was so before.
  const late = bus.presence();
  const before = [(await late.next()).value, (await late.next()).value];
  assert.deepEqual(before.map(({ kind, snapshot }) => [kind, snapshot]).sort(), [["connect", true], ["online", true]]);
  assert.deepEqual((await late.next()).value, { kind: "snapshot_end" });
  await assert.rejects(bus.request("attic:get", 5), failing("schema_violation"));
  await registration.unregister();
  const gone = [(await presence.next()).value.kind, (await presence.next()).value.kind];
  assert.deepEqual(gone.sort(), ["disconnect", "offline"]);
});

test("a publish that is refused later is reported", async (context) => {
  const [, bus] = await withBus(context);
  await bus.service("thermometer", "1.0.0").topic("room/temperature", { schema: { type: "number" } }).register();
  const reports = bus.reports();
  await bus.publish("room/temperature", "warm");
  const { kind, error } = (await reports.next()).value;
  assert.deepEqual([kind, error.code], ["refused", "schema_violation"]);
});

test("a client ends with its scope", async (context) => {
  const [broker] = await withBus(context);
  const bus = await connect(broker.url);
  await bus[Symbol.asyncDispose]();
  assert.equal(bus.state.kind, "ended");
});
