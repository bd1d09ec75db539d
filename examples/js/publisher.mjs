// Declares the contract of a topic and publishes readings on it, of which the bus keeps the last.
import { askedToEnd, join } from "./join.mjs";

const TOPIC = "room/kitchen/temperature";
const READING = { type: "object", properties: { celsius: { type: "number" } }, required: ["celsius"] };
const readings = [20.5, 21.25, 22.75];

const bus = await join();
await bus
  .service("thermometer", "1.0.0")
  .topic(TOPIC, { schema: READING, retain: true })
  .handle("read", undefined, () => ({ celsius: readings.at(-1) }))
  .register();
console.log("thermometer is registered");
for (const celsius of readings) {
  await bus.publish(TOPIC, { celsius }, { ack: true });
  console.log(`published ${celsius}`);
}
// What breaks the contract reaches nobody.
await bus.publish(TOPIC, { celsius: "warm" }, { ack: true }).catch(({ code, pointer }) => console.log(`refused: ${code} at "${pointer}"`));
await askedToEnd;
await bus.close();
console.log("thermometer has left");
