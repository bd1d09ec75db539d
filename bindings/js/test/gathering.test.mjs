// Publishes that cross into the WebAssembly half together: nothing of it may be seen but the speed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "buslane";
import { Broker } from "./stage/broker.mjs";

/** Gives a test a broker, clients that publish and one that receives all. */
async function withBus(context, { publishers = 1, options } = {}) {
  const broker = await Broker.start({ options });
  const [listener, ...clients] = await Promise.all(Array.from({ length: publishers + 1 }, () => connect(broker.url)));
  context.after(async () => {
    await Promise.all([listener, ...clients].map((client) => client.close()));
    await broker.end();
  });
  const messages = listener.subscribe("#", { queueBytes: 1e9 });
  await messages.ready;
  return { messages, listener, clients };
}

async function taken(messages, count) {
  const found = [];
  for (let index = 0; index < count; index++) {
    found.push((await messages.next()).value);
  }
  return found;
}

test("publishes arrive in the order in which they were made, whether they cross together or not", async (context) => {
  const { messages, clients: [bus] } = await withBus(context);
  const indexes = Array.from({ length: 3000 }, (_, index) => index);
  for (const index of indexes) {
    void bus.publish("load", index, index % 7 === 3 ? { headers: { index: String(index) } } : {});
  }
  const received = await taken(messages, indexes.length);
  assert.deepEqual(received.map(({ payload }) => payload), indexes);
});

test("what was published before a request is there when the request is answered", async (context) => {
  const { messages, listener, clients: [bus] } = await withBus(context);
  let newest;
  void (async () => {
    for await (const { topic, payload } of messages) if (topic === "load") newest = payload;
  })();
  // What came together is taken by the loop when the event that brought it is over.
  const last = async () => (await new Promise(setImmediate), newest);
  await listener.register({ name: "order", version: "1.0.0", methods: { last } });
  for (let index = 0; index < 100; index++) {
    void bus.publish("load", index);
    void bus.publish("load", index + 0.5);
    assert.equal(await bus.request("order:last"), index + 0.5);
  }
});

test("what differs in topic, kind and length arrives as it was", async (context) => {
  const { messages, clients: [bus] } = await withBus(context);
  const topics = ["a", "room/über/Küche", `long/${"x".repeat(200)}`];
  const payloads = [undefined, 1, "ü€😀", { text: "y".repeat(47) }, { text: "y".repeat(300) }, new Uint8Array(0), Uint8Array.of(0, 255), "z".repeat(30_000), "€".repeat(30_000), new Uint8Array(70_000).fill(7)];
  // Twice: a topic crosses by itself the first time.
  const sent = [0, 1].flatMap(() => topics.flatMap((topic) => payloads.map((payload) => ({ topic, payload }))));
  for (const { topic, payload } of sent) {
    void bus.publish(topic, payload);
  }
  const received = await taken(messages, sent.length);
  assert.deepEqual(received.map(({ topic, payload }) => ({ topic, payload })), sent);
});

test("what the program changes after a publish is not what was published", async (context) => {
  const { messages, clients: [bus] } = await withBus(context);
  const [bytes, value] = [Uint8Array.of(0), { count: 0 }];
  for (let count = 0; count < 100; count++) {
    [bytes[0], value.count] = [count, count];
    void bus.publish("bytes", bytes);
    void bus.publish("value", value);
  }
  const received = await taken(messages, 200);
  assert.deepEqual(received.map(({ payload }) => (payload instanceof Uint8Array ? payload[0] : payload.count)), Array.from({ length: 200 }, (_, index) => index >> 1));
});

test("clients of one program publish in turns, each in its own order", async (context) => {
  const { messages, clients } = await withBus(context, { publishers: 3 });
  for (let index = 0; index < 500; index++) {
    clients.forEach((client, number) => void client.publish(`by/${number}`, index));
  }
  const received = await taken(messages, 1500);
  for (const number of clients.keys()) {
    const own = received.filter(({ topic }) => topic === `by/${number}`).map(({ payload }) => payload);
    assert.deepEqual(own, Array.from({ length: 500 }, (_, index) => index));
  }
});

test("what cannot be published is refused at the call, and what stands around it arrives", async (context) => {
  const { messages, clients: [bus] } = await withBus(context, { options: { limits: { payload: 2000 } } });
  const outcomes = [];
  const publish = (topic, payload) => outcomes.push(bus.publish(topic, payload).then(() => "sent", (error) => error.code));
  for (let round = 0; round < 3; round++) {
    publish("load", "before");
    publish("load", "x".repeat(2000));
    publish("load", "x".repeat(1000));
    publish("no//topic", 1);
    publish("load", 1n);
    publish("load", "after");
  }
  assert.deepEqual(await Promise.all(outcomes), Array.from({ length: 3 }, () => ["sent", "payload_too_large", "sent", "invalid_topic", "invalid_payload", "sent"]).flat());
  const received = await taken(messages, 9);
  assert.deepEqual(received.map(({ payload }) => payload.length), [6, 1000, 5, 6, 1000, 5, 6, 1000, 5]);
});

test("a program that awaits each publish lets its own messages come in", async (context) => {
  const { messages, clients: [bus] } = await withBus(context);
  let received = 0;
  const receiving = (async () => {
    for await (const { payload } of messages) {
      received += 1;
      if (payload === "end") return;
    }
  })();
  let sent = 0;
  for (; sent < 200_000 && received < 1000; sent++) {
    await bus.publish("load", sent);
  }
  await bus.publish("load", "end");
  await receiving;
  assert.ok(sent < 200_000, `nothing came in while ${sent} went out`);
});

test("nothing is published any more after the program has left", async (context) => {
  const { clients: [bus] } = await withBus(context);
  await bus.publish("load", 1);
  await bus.publish("load", 2);
  const closing = bus.close();
  await assert.rejects(bus.publish("load", 3), { code: "closed" });
  await closing;
});

test("a handler that leaves publishes nothing any more, and harms no other client", async (context) => {
  const { clients: [bus, other] } = await withBus(context, { publishers: 2 });
  await bus.publish("load", 1);
  await bus.flush();
  let left;
  const leave = () => {
    const closing = bus.close();
    left = Promise.all([closing, assert.rejects(bus.publish("load", 2), { code: "closed" })]);
  };
  await bus.register({ name: "leaver", version: "1.0.0", methods: { leave } });
  await assert.rejects(other.request("leaver:leave"));
  await left;
  await other.flush();
});
