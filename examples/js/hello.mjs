// The first program of docs/javascript.md.
import { connect } from "buslane";

const bus = await connect(); // BUSLANE_URL, else 127.0.0.1:5959

const { value } = await bus.request("attic:get", { app: "demo", key: "colour" });
console.log(`the colour is ${value}`);

const temperatures = bus.subscribe("room/+/temperature");
await bus.publish("room/attic/temperature", { celsius: 19 });
for await (const { topic, payload } of temperatures) {
  console.log(topic, payload);
  break;
}

await bus.close();
