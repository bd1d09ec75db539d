// Sees services come and go, and listens to the readings.
import { setImmediate as turn } from "node:timers/promises";
import { askedToEnd, join } from "./join.mjs";

const bus = await join();
const presence = bus.presence();
// Who is there comes first, then the readings.
for (let kind; kind !== "snapshot_end"; ) {
  const { value: event } = await presence.next();
  show(event);
  kind = event?.kind ?? "snapshot_end";
}
await Promise.race([see(), hear(), askedToEnd]);
await bus.close();
console.log("watcher has left");

function show(event) {
  if (event?.kind === "online") console.log(`${event.service} ${event.snapshot ? "is there" : "came"}`);
  if (event?.kind === "offline") console.log(`${event.service} went`);
  if (event?.kind === "snapshot_end") console.log("nobody else is there");
}

async function see() {
  for await (const event of presence) show(event);
}

async function hear() {
  for await (const { topic, payload, retained } of bus.subscribe("room/+/temperature")) {
    await turn(); // a service that came before its reading is shown before it, by the loop above
    console.log(`${topic}: ${payload.celsius}${retained ? " (kept)" : ""}`);
  }
}
