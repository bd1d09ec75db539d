// The queue of a subscription when its program does not keep up: what gives way, what stands in its place, and that the broker goes
// on sending where credit bounds it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "buslane";
import { Broker } from "./stage/broker.mjs";

const COUNT = 20;

/** Publishes to a subscription from which nobody takes, until all has come. */
async function flood(context, options) {
  const broker = await Broker.start();
  const bus = await connect(broker.url);
  context.after(async () => {
    await bus.close();
    await broker.end();
  });
  const subscription = bus.subscribe("a", options);
  await subscription.ready;
  for (let index = 0; index < COUNT; index++) await bus.publish("a", index);
  // What credit lets come after a message was dropped comes before the answer to the next question.
  for (let index = 0; index < COUNT; index++) await bus.flush();
  return { bus, subscription, events: subscription.events() };
}

const taken = async (events) => {
  const { done, value } = await events.next();
  return done ? "end" : (value.payload ?? { missing: value.count });
};

// Two messages of one or two digits.
const TWO = 2 * 64 + 4;

test("the oldest give way to a gap before those that are left", async (context) => {
  const { events } = await flood(context, { queueBytes: TWO });
  assert.deepEqual([await taken(events), await taken(events), await taken(events)], [{ missing: 18 }, 18, 19]);
});

test("the newest give way to a gap after those that are left", async (context) => {
  const { bus, events } = await flood(context, { queueBytes: TWO, overflow: "drop_newest" });
  assert.deepEqual([await taken(events), await taken(events), await taken(events)], [0, 1, { missing: 18 }]);
  await bus.publish("a", "later");
  assert.equal(await taken(events), "later");
});

test("a subscription that would rather end does so, with a gap for what came too much", async (context) => {
  const { bus, subscription, events } = await flood(context, { queueBytes: TWO, overflow: "disconnect" });
  assert.deepEqual([await taken(events), await taken(events), await taken(events), await taken(events)], [0, 1, { missing: 1 }, "end"]);
  assert.equal((await subscription.next()).done, true);
  assert.equal(await bus.publish("a", "nobody", { ack: true }), 0);
});

for (const overflow of ["drop_oldest", "drop_newest"]) {
  test(`what gives way as ${overflow} does not use credit up`, async (context) => {
    const { events } = await flood(context, { queueBytes: TWO, overflow, credit: 4 });
    const came = [await taken(events), await taken(events), await taken(events)];
    assert.deepEqual(came.find((each) => each.missing !== undefined), { missing: 18 });
  });
}

test("credit bounds what is on its way, and is renewed by taking", async (context) => {
  const { events } = await flood(context, { credit: 3 });
  for (let index = 0; index < COUNT; index++) assert.equal(await taken(events), index);
});
