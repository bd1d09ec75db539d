// Run by a test in a process of its own: a million messages come to one client, while another one publishes, asks and takes
// streams. What the program holds at the end is printed beside what it held after a tenth. The million comes from a server that
// is none, which has nothing else to do than to be fast.
import process from "node:process";
import { connect } from "buslane";

const [broker, source] = process.argv.slice(2);
const [bus, flooded] = [await connect(broker), await connect(source)];
const methods = { back: (payload) => payload, count: function* (most) { for (let part = 0; part < most; part++) yield part; } };
await bus.register({ name: "echo", version: "1.0.0", methods });
const messages = flooded.subscribe("host/a/cpu", { queueBytes: 1 << 30 });
await messages.ready;
let received = 0;

/** Has so many messages sent, and takes each. */
async function round(count) {
  await flooded.publish("go");
  for (let taken = 0; taken < count; taken++, received++) {
    const { value } = await messages.next();
    if (value.payload.load !== 0.25) throw new Error("another message came");
  }
  for (let sent = 0; sent < 200; sent++) await bus.publish("load", sent);
  await Promise.all(Array.from({ length: 100 }, (_, index) => bus.request("echo:back", index)));
  for await (const _part of bus.stream("echo:count", 10));
}

function held() {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const ROUNDS = 100;
let first;
for (let count = 1; count <= ROUNDS; count++) {
  await round(1_000_000 / ROUNDS);
  if (count === ROUNDS / 10) first = held();
}
console.log(JSON.stringify({ received, first, last: held() }));
await Promise.all([bus.close(), flooded.close()]);
