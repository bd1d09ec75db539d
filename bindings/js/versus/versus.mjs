// Measures this package beside the npm packages `nats`, `mqtt` and `redis`, each with its own server, in turns, and prints
// a line for each row and peer. `npm install --no-save nats mqtt redis` brings the peers; nats-server, mosquitto and
// redis-server have to be installed, and the broker built.
//
//   node versus/versus.mjs [BROKER] [ROUNDS] [PEER...]
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { buslane, mqtt, nats, redis } from "./peers.mjs";

const [broker = "../../target/release/buslane", rounds = "5", ...names] = process.argv.slice(2);
/** Milliseconds of one measurement. */
const SPAN = 250;
/** What is on its way at most. */
const WINDOW = 1000;

const bytes = new Uint8Array(128).fill(120);
// 128 bytes of JSON.
const value = { sensor: "kitchen/window/3", celsius: 21.5, humidity: 0.41, ok: true, at: 1763740800123, note: "x".repeat(34) };

async function lone(peer) {
  const times = [];
  for (const end = performance.now() + SPAN; performance.now() < end; ) {
    const begun = performance.now();
    await peer.request(bytes);
    times.push(performance.now() - begun);
  }
  return times.sort((one, other) => one - other)[times.length >> 1] * 1000;
}

async function crowd(peer) {
  const begun = performance.now();
  let count = 0;
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      for (; performance.now() < begun + SPAN; count++) await peer.request(bytes);
    }),
  );
  return rate(count, begun);
}

/** Publishes windows of messages, and waits for each in one of two ways. */
function publishing(topic, payload, settle) {
  return async (peer) => {
    const begun = performance.now();
    let count = 0;
    for (; performance.now() < begun + SPAN; count += WINDOW) {
      for (let index = 0; index < WINDOW; index++) peer.publish(topic, payload);
      await settle(peer);
    }
    return rate(count, begun);
  };
}

const rate = (count, begun) => (count / (performance.now() - begun)) * 1000;
const settled = (peer) => peer.settled();
const received = (peer) => peer.received(WINDOW);
const rows = [
  { row: "request, one at a time, p50, us", measure: lone, lessIsBetter: true },
  { row: "request, 64 at a time, 1/s", measure: crowd },
  { row: "publish bytes, nobody receives them, 1/s", measure: publishing("quiet", bytes, settled) },
  { row: "publish JSON, nobody receives it, 1/s", measure: publishing("quiet", value, settled) },
  { row: "publish bytes to one subscriber, 1/s", measure: publishing("busy", bytes, received) },
  { row: "publish JSON to one subscriber, 1/s", measure: publishing("busy", value, received) },
];

const median = (list) => [...list].sort((one, other) => one - other)[list.length >> 1];
const version = (name) => {
  const file = createRequire(import.meta.url).resolve(name);
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const path = join(folder, "package.json"); const found = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
    if (found.name === name) return found.version;
  }
};

const chosen = [nats, mqtt, redis].filter(({ name }) => names.length === 0 || names.includes(name));
const ours = await buslane(broker);
const theirs = await Promise.all(chosen.map((start) => start()));
console.log(JSON.stringify({ node: process.version, ...Object.fromEntries(theirs.map(({ name }) => [name, version(name)])) }));
for (const { row, measure, lessIsBetter } of rows) {
  const results = [ours, ...theirs].map(() => []);
  for (let round = 0; round <= Number(rounds); round++) {
    for (const [index, peer] of [ours, ...theirs].entries()) {
      const result = await measure(peer);
      // The first round is for warming up.
      if (round > 0) results[index].push(result);
    }
  }
  for (const [index, { name }] of theirs.entries()) {
    const ratios = results[0].map((one, round) => one / results[index + 1][round]).sort((one, other) => one - other);
    const said = { ours: median(results[0]), theirs: median(results[index + 1]), ratio: median(ratios), from: ratios[0], to: ratios.at(-1) };
    const rounded = Object.entries(said).map(([key, figure]) => [key, Number(figure.toPrecision(3))]);
    console.log(JSON.stringify({ row, peer: name, ...Object.fromEntries(rounded), better: lessIsBetter ? "less" : "more" }));
  }
}
await Promise.all([ours, ...theirs].map((peer) => peer.end()));
process.exit();
