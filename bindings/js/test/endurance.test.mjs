// What takes long or goes deep: a million messages, a program that sleeps as a tab does, and a session that fails inside.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect } from "buslane";
import { Broker } from "./stage/broker.mjs";
import { Pretender, PUBLISH, rare, SUBSCRIBE, SUBSCRIBED } from "./stage/pretender.mjs";

/** Starts a program of stage/ beside a broker; its lines are what it says. */
async function beside(context, name, { flags = [], more = [], options } = {}) {
  const broker = await Broker.start({ options });
  const path = fileURLToPath(new URL(`stage/${name}.mjs`, import.meta.url));
  // The program imports the package by its own name, from the folder that it stands in.
  const child = spawn(process.execPath, [...flags, path, broker.url, ...more], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  context.after(async () => {
    child.kill("SIGKILL");
    await exited;
    await broker.end();
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const said = async () => {
    const { done, value } = await lines.next();
    return done ? undefined : JSON.parse(value);
  };
  return { broker, child, said };
}

test("a million messages leave nothing behind", async (context) => {
  const source = await Pretender.start();
  const { said } = await beside(context, "growth", { flags: ["--expose-gc"], more: [source.url] });
  const guest = await source.guest();
  context.after(() => (guest.leave(), source.end()));
  await guest.welcome();
  const { id, filter } = JSON.parse((await guest.until(SUBSCRIBE)).body.toString());
  guest.send(rare(SUBSCRIBED, { type: "subscribed", id, filter }));
  const delivery = JSON.parse(readFileSync(new URL("../../../schemas/vectors/valid/broker.json", import.meta.url), "utf8")).find(({ name }) => name === "delivery");
  const many = Buffer.concat(new Array(10_000).fill(Buffer.from(delivery.binary, "hex")));
  void (async () => {
    for (;;) {
      await guest.until(PUBLISH);
      guest.send(many);
    }
  })();
  const { received, first, last } = await said();
  assert.equal(received, 1_000_000);
  assert.ok(last - first < MOST_GROWTH, `${first} bytes were held after 100,000 messages, ${last} at the end`);
});

test("clients that have gone leave nothing in the module's memory", async (context) => {
  const { said } = await beside(context, "crowd");
  const [early, late] = await said();
  assert.equal(late, early);
});

test("a session that fails inside ends its clients with internal, and the next client has another one", async (context) => {
  const { said } = await beside(context, "trap");
  assert.deepEqual(await said(), {
    publish: "internal",
    answer: "internal",
    ended: "internal",
    states: ["ended", "ended"],
    later: "closed",
    again: "well",
  });
});

test("a program that slept a short while has missed nothing", async (context) => {
  const { broker, child, said } = await beside(context, "sleeper");
  assert.deepEqual(await said(), ["ready"]);
  const bus = await connect(broker.url);
  child.kill("SIGSTOP");
  for (let count = 0; count < 10; count++) assert.equal(await bus.publish("a", count, { ack: true }), 1);
  child.kill("SIGCONT");
  for (let count = 0; count < 10; count++) assert.deepEqual(await said(), ["message", count]);
  await bus.close();
});

test("a program that slept until the broker gave it up comes back with all it had, and is told that messages are missing", async (context) => {
  const { broker, child, said } = await beside(context, "sleeper", { options: { limits: { ping_after: "100ms", gone_after: "300ms" } } });
  assert.deepEqual(await said(), ["ready"]);
  const bus = await connect(broker.url, { pingAfter: 50 });
  const presence = bus.presence();
  const until = async (kind) => {
    while ((await presence.next()).value.kind !== kind);
  };
  await until("snapshot_end");
  child.kill("SIGSTOP");
  await until("offline");
  assert.equal(await bus.publish("a", "unheard", { ack: true }), 0);
  child.kill("SIGCONT");
  await until("online");
  assert.equal(await bus.request("sleeper:back", "awake"), "awake");
  assert.deepEqual(await said(), ["gap", true]);
  await bus.publish("a", "heard");
  // A machine that is held up itself may lose the connection once more.
  let heard;
  do heard = await said(); while (heard[0] === "gap");
  assert.deepEqual(heard, ["message", "heard"]);
  await bus.close();
});

/** Bytes that a program may hold more after ten times the messages. */
const MOST_GROWTH = 8 * 1024 * 1024;
