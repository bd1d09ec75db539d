// The page of examples/js in a real browser: what it shows of a bus, and what becomes of a tab that sleeps. With SCREENSHOT, the
// name of a file, a picture of the page is left there.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { BuslaneError, connect } from "buslane";
import { Broker } from "../stage/broker.mjs";
import { PageServer } from "../stage/browser.mjs";
import { Tab } from "../stage/tab.mjs";

const examples = fileURLToPath(new URL("../../../../examples/js/", import.meta.url));
const dist = fileURLToPath(new URL("../../dist/", import.meta.url));

/** Opens the page beside a broker and a service. */
async function open(context, size) {
  const server = await PageServer.start({}, examples);
  context.after(() => server.end());
  const broker = await Broker.start({ options: { http: { origins: server.origin, client: join(dist, "buslane.js") } } });
  const bus = await connect(broker.url, { name: "test", firstRetry: 5, longestRetry: 50 });
  const values = new Map([["colour", "green"]]);
  const get = ({ key }) => {
    if (!values.has(key)) throw new BuslaneError("not_found", "nothing is kept under this key");
    return { value: values.get(key) };
  };
  const input = { type: "object", properties: { app: { type: "string" }, key: { type: "string" } }, required: ["app", "key"] };
  await bus.register({ name: "attic", version: "1.2.0", instance: "north", groups: ["storage"], methods: { get: { input, handler: get }, set: () => null, watch: () => null } });
  const tab = await Tab.open(`${server.origin}/page.html?broker=http://127.0.0.1:${broker.place.port}`, size);
  context.after(async () => {
    await tab.close();
    await bus.close();
    await broker.end();
  });
  return { tab, bus, broker };
}

const shows = (id, text) => `document.getElementById("${id}")?.textContent.includes(${JSON.stringify(text)})`;

test("the page lists services as they come and go, calls a method, shows errors and hears messages", async (context) => {
  const { tab, bus } = await open(context);
  await tab.until(shows("state", "connected to "));
  await tab.until(shows("services", "attic"));

  const thermometer = await bus.register({ name: "thermometer", version: "1.0.0", groups: ["sensors"], methods: { read: () => ({ celsius: 21.5 }) } });
  await tab.until(shows("services", "thermometer"));

  // Choosing a method fills in what its schema asks for.
  await tab.evaluate('[...document.querySelectorAll("#services button")].find((button) => button.title === "call attic:get").click()');
  assert.equal(await tab.until('document.forms[0].payload.value'), '{\n  "app": "",\n  "key": ""\n}');
  const call = (payload) => tab.evaluate(`document.forms[0].payload.value = ${JSON.stringify(payload)}; document.forms[0].querySelector("button").click()`);
  await call('{"app":"demo","key":"shape"}');
  await tab.until(shows("reply", "not_found"));
  await call("{}");
  await tab.until(shows("reply", "schema_violation"));
  await call('{"app":"demo","key":"colour"}');
  await tab.until(shows("reply", '"value": "green"'));

  for (const celsius of [20.5, 21.25, 21.5]) await bus.publish("room/attic/temperature", { celsius });
  await tab.until(shows("messages", '{"celsius":21.5}'));
  if (process.env.SCREENSHOT) writeFileSync(process.env.SCREENSHOT, await tab.picture());

  await thermometer.unregister();
  await tab.until(`!${shows("services", "thermometer")}`);
});

test("the page fits a narrow window, however long what it shows", async (context) => {
  const { tab, bus } = await open(context, { width: 320, height: 1100 });
  await tab.until(shows("services", "attic"));
  await bus.register({ name: "aServiceOfAVeryLongNameThatNobodyWouldEverChoose", version: "1.0.0", methods: { "a-method-of-a-very-long-name-as-well-and-then-some": () => 1 } });
  await bus.publish("room/attic/a-topic-of-a-very-long-name/temperature", { word: "x".repeat(100) });
  await tab.until(shows("messages", "xxx"));
  await tab.until(shows("services", "a-method"));
  if (process.env.SCREENSHOT) writeFileSync(process.env.SCREENSHOT.replace(/(\.\w+)?$/, "-narrow$1"), await tab.picture());
  assert.ok(await tab.evaluate("document.documentElement.scrollWidth <= innerWidth"));
  assert.deepEqual(await tab.evaluate('[...document.querySelectorAll("section *")].filter((each) => each.getBoundingClientRect().right > 320).map((each) => each.outerHTML)'), []);
});

test("a tab that sleeps has missed nothing when it wakes, or is told that it has", async (context) => {
  const { tab, bus } = await open(context);
  await tab.until(shows("services", "attic"));
  await tab.sleep(true);
  const late = await bus.register({ name: "latecomer", version: "1.0.0", methods: { read: () => 1 } });
  await bus.publish("news", "while you slept");
  await bus.flush();
  await tab.sleep(false);
  await tab.until(shows("services", "latecomer"));
  // Some browsers close the connections of tabs that sleep.
  await tab.until(`${shows("messages", "while you slept")} || ${shows("messages", "some messages are missing here")}`);
  await late.unregister();
  await tab.until(`!${shows("services", "latecomer")}`);
});

test("a tab that sleeps while the broker goes and comes back joins again when it wakes", async (context) => {
  const { tab, bus, broker } = await open(context);
  await tab.until(shows("services", "attic"));
  await tab.sleep(true);
  const { port } = broker.place;
  await broker.kill();
  await broker.start(port);
  await bus.flush();
  await tab.sleep(false);
  await tab.until(shows("messages", "some messages are missing here"));
  await tab.until(shows("state", "connected to "));
  await bus.publish("news", "after all that");
  await tab.until(shows("messages", "after all that"));
  await tab.until(`document.querySelectorAll("#services li").length === 1`);
});
