// Calls the service, watches it, and shows what errors look like, the broker's and the service's.
import { askedToEnd, join } from "./join.mjs";

const bus = await join();
await Promise.race([call(), askedToEnd]);
await bus.close();
console.log("consumer has left");

async function call() {
  await set("green");
  await get("colour", { app: "demo", key: "colour" });
  await get("shape", { app: "demo", key: "shape" }); // of which the service has none
  await get("without a key", { app: "demo" }); // which the broker refuses by the schema
  await get("with a wrong key", { app: "demo", key: 7 });

  for await (const { key, value } of bus.stream("attic:watch", { app: "demo" }).values()) {
    console.log(`watch demo: ${key} is ${value}`);
    if (value !== "green") break; // which the service hears of
    await set("blue");
  }

  await bus.request("cellar:get", {}).catch((error) => console.log(`cellar: ${shown(error)}`));
}

async function set(colour) {
  await bus.request("attic:set", { app: "demo", key: "colour", value: colour });
  console.log(`set colour: ${colour}`);
}

async function get(what, input) {
  try {
    const { value } = await bus.request("attic:get", input);
    console.log(`get ${what}: ${value}`);
  } catch (error) {
    console.log(`get ${what}: ${shown(error)}`);
  }
}

function shown({ code, pointer, detail, message }) {
  const place = pointer === undefined ? "" : ` at "${pointer}"`;
  return `${code}${place}: ${detail ?? message}`;
}
