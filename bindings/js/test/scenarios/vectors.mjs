// The vectors of schemas/vectors that are about frames, held against an actor, wherever that is: what comes is read as they
// say, what is refused ends the connection with their code, and what can be said by the API is written as they say.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PING, PONG, Pretender, PUBLISH, rare, SUBSCRIBE, SUBSCRIBED } from "../stage/pretender.mjs";

export const vectors = (name) => JSON.parse(readFileSync(new URL(`../../../../schemas/vectors/${name}.json`, import.meta.url), "utf8"));

/** Defines a test for each. `join` makes an actor, which is met over TCP or by a WebSocket. */
export function testVectors(join, { webSocket = false } = {}) {
  const meeting = (context) => meet(context, join, webSocket);
  for (const vector of [...vectors("valid/broker"), ...vectors("valid/liberties")]) {
    if (vector.side === "broker" && vector.binary !== null) {
      test(`a client takes: ${vector.name}`, async (context) => takes(vector, await meeting(context)));
    }
  }
  for (const vector of vectors("invalid/broker")) {
    // A later broker may have types that this version does not know: they are passed over.
    if (vector.binary !== null && vector.error !== "unknown_type") {
      test(`a client refuses: ${vector.name}`, async (context) => refuses(vector, await meeting(context)));
    }
  }
  for (const vector of vectors("valid/client")) {
    const message = JSON.parse(vector.json);
    // An id is the session's choice.
    const isFree = message.id === undefined;
    if (message.type === "publish" && isFree) {
      test(`a client writes: ${vector.name}`, async (context) => writes(vector, message, await meeting(context)));
    }
  }
}

/** Gives a test an actor that is connected to nothing but the test. */
async function meet(context, join, webSocket) {
  const pretender = await Pretender.start({ webSocket });
  const joining = join(pretender.url, { firstRetry: 5, longestRetry: 5 });
  const guest = await pretender.guest();
  await guest.welcome();
  const actor = await joining;
  context.after(async () => {
    guest.leave();
    pretender.end();
    await actor.end();
  });
  return { actor, guest };
}

async function takes(vector, { actor, guest }) {
  const message = JSON.parse(vector.json);
  const isDelivery = message.type === "delivery";
  if (isDelivery) {
    const [, shared, sharedFilter] = /^([^/]+)\/(.*)$/.exec(message.shared ?? "") ?? [];
    const subscribing = actor.act({ do: "subscribe", as: "it", filter: message.filter ?? sharedFilter ?? message.topic, shared });
    const { id, filter } = JSON.parse((await guest.until(SUBSCRIBE)).body.toString());
    guest.send(rare(SUBSCRIBED, { type: "subscribed", id, filter, shared }));
    await subscribing;
  }
  guest.send(Buffer.from(vector.binary, "hex"));
  guest.send(rare(PING, undefined));
  // Whatever it was, the client is still there to answer; but one that has nothing under way leaves a broker that is about to end.
  await Promise.race([guest.until(PONG), guest.closed]);
  assert.ok((await actor.state()).state !== "disconnected" || message.type === "draining");
  if (isDelivery) {
    assert.deepEqual(shown(await actor.next({ expect: "delivery", on: "it" })), expected(message));
  }
}

async function refuses(vector, { actor, guest }) {
  guest.send(Buffer.from(vector.binary, "hex"));
  const { error } = await actor.next({ expect: "state", state: "disconnected" });
  assert.equal(error.code, vector.error);
  await guest.closed;
}

async function writes(vector, message, { actor, guest }) {
  const { topic, payload, encoding, content_type, retain } = message;
  const said = encoding === "base64" ? { payload_base64: payload } : "payload" in message ? { payload } : {};
  await actor.act({ do: "publish", topic, content_type, retain, ...said });
  assert.equal((await guest.until(PUBLISH)).whole.toString("hex"), vector.binary);
}

/** What an actor saw of a delivery; what is absent may be undefined, too. */
function shown(item) {
  const { expect: _expect, payload_text: _text, content_type: _type, content: { content_type: _said, ...content }, ...rest } = item;
  return JSON.parse(JSON.stringify({ ...rest, content }));
}

function expected({ topic, from, id, retained = false, snapshot = false, shared, payload, encoding, headers = {}, ...rest }) {
  const members = ["reply_to", "sent_at", "schema", "signature", "encryption", "attempts", "status"];
  const content = Object.fromEntries(members.filter((name) => name in rest).map((name) => [name, rest[name]]));
  const body = encoding === "base64" ? { payload_base64: payload } : { payload };
  return JSON.parse(JSON.stringify({ topic, from, id, retained, snapshot, shared, ...body, headers, content }));
}
