// What crosses into the WebAssembly half: texts of every length and alphabet, bytes that make its memory grow, addresses
// with and without room in their place.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Body, connect } from "buslane";
import { Broker } from "./stage/broker.mjs";

let broker;
let bus;
before(async () => {
  broker = await Broker.start();
  bus = await connect(broker.url, { requestTimeout: 600_000 });
  const back = (payload, { headers }) => new Body(payload, { headers });
  for (let index = 0; index < 64; index++) {
    await bus.register({ name: `echo-of-a-long-name-${index}`, version: "1.0.0", methods: { back } });
  }
});
after(async () => {
  await bus.close();
  await broker.end();
});

const lengths = [0, 1, 47, 48, 49, 1000, 16 * 1024, 16 * 1024 + 1, 70_000, 170_000];

test("texts of every length and alphabet come back as they went", async () => {
  for (const letter of ["a", "ü", "€", "😀", "\u0000"]) {
    for (const length of [...lengths, ...lengths.toReversed()]) {
      const text = "b" + letter.repeat(length);
      assert.ok((await bus.request("echo-of-a-long-name-0:back", text)) === text, `${length} times ${letter}`);
    }
  }
});

test("bytes that make the memory grow leave nothing stale behind", async () => {
  for (const length of [...lengths, 900_000, 10, 900_000]) {
    const bytes = new Uint8Array(length).map((_, index) => index);
    assert.deepEqual(await bus.request("echo-of-a-long-name-1:back", bytes), bytes);
    assert.equal(await bus.request("echo-of-a-long-name-0:back", "between"), "between");
  }
});

test("headers travel with their names, whatever their values hold", async () => {
  const headers = { empty: "", text: "a, b; c=\"d\"", alphabet: "ü€😀", long: "x".repeat(300) };
  const reply = await bus.call("echo-of-a-long-name-2:back", { a: 1 }, { headers });
  assert.deepEqual([reply.headers, reply.payload], [headers, { a: 1 }]);
});

test("an address longer than its place is written as well, and forgotten after", async () => {
  const all = Array.from({ length: 64 }, (_, index) => `echo-of-a-long-name-${index}:back`);
  const gather = bus.gather(all, "everybody");
  const seen = new Set();
  for await (const { reply } of gather) seen.add(reply.from.split("#")[0] + reply.payload);
  assert.equal(seen.size, 64);
  assert.equal(await bus.request(all[5], 1), 1);
  assert.equal(await bus.request(all[5], 2), 2);
  await assert.rejects(bus.request("no address", 3), { code: "invalid_address" });
  assert.equal(await bus.request(all[6], 4), 4);
});

test("topics of every length lead where they say, whatever was written before them", async () => {
  const topics = [];
  for (const length of [1, 300, 341, 342, 343, 400, 511, 512]) topics.push("t".repeat(length));
  for (const length of [150, 170, 171, 256]) topics.push("ü".repeat(length));
  const messages = bus.subscribe("#");
  await messages.ready;
  for (const topic of [...topics, ...topics.toReversed()]) {
    await bus.publish("between", 0);
    await bus.publish(topic, topic.length);
    assert.equal((await messages.next()).value.topic, "between");
    const { value } = await messages.next();
    assert.deepEqual([value.topic, value.payload], [topic, topic.length]);
  }
  messages.unsubscribe();
});

test("several addresses of about a thousand bytes lead where they say", async () => {
  // 36 addresses with line breaks between them take 1,000 bytes and some; the last one is nobody's, and only has a length.
  const all = Array.from({ length: 36 }, (_, index) => `echo-of-a-long-name-${index}:back`);
  for (let length = 1; length < 100; length++) {
    const gather = bus.gather([...all, `${"n".repeat(length)}:back`], length);
    const seen = new Set();
    for await (const { reply } of gather) if (reply?.payload === length) seen.add(reply.from);
    assert.equal(seen.size, all.length, `with one of ${length} letters`);
  }
});

test("an option that is no length of time is refused", async () => {
  await assert.rejects(connect(broker.url, { pingAfter: -1 }), { code: "invalid_message" });
  await assert.rejects(connect(broker.url, { name: "no name" }), { code: "invalid_name" });
});
