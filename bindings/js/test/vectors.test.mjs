// The vectors of schemas/vectors: what comes is read as they say, what is refused ends the connection with their code, what
// can be said by the API is written as they say, and brokers of other versions are met as they say.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { Body, BuslaneError, connect } from "buslane";
import { CONNECTED, ERROR, PING, PONG, PREAMBLE, Pretender, PUBLISH, rare, SUBSCRIBE, SUBSCRIBED } from "./stage/pretender.mjs";

const vectors = (name) => JSON.parse(readFileSync(new URL(`../../../schemas/vectors/${name}.json`, import.meta.url), "utf8"));
const bytesOf = (vector) => Buffer.from(vector.binary, "hex");
const failing = (code) => (error) => error instanceof BuslaneError && error.code === code;

/** Gives a test a client that is connected to nothing but the test. */
async function meeting(context, answer) {
  const pretender = await Pretender.start();
  const connecting = connect(pretender.url, { firstRetry: 5, longestRetry: 5 });
  const guest = await pretender.guest();
  await guest.welcome(answer);
  const bus = await connecting;
  context.after(async () => {
    guest.leave();
    pretender.end();
    await bus.close();
  });
  return { bus, guest, pretender };
}

for (const vector of [...vectors("valid/broker"), ...vectors("valid/liberties")]) {
  if (vector.side === "broker" && vector.binary !== null) {
    test(`a client takes: ${vector.name}`, async (context) => {
      const { bus, guest } = await meeting(context);
      const message = JSON.parse(vector.json);
      let subscription;
      if (message.type === "delivery") {
        const [, shared, sharedFilter] = /^([^/]+)\/(.*)$/.exec(message.shared ?? "") ?? [];
        subscription = bus.subscribe(message.filter ?? sharedFilter ?? message.topic, { shared });
        const { id, filter } = JSON.parse((await guest.until(SUBSCRIBE)).body.toString());
        guest.send(rare(SUBSCRIBED, { type: "subscribed", id, filter, shared }));
        await subscription.ready;
      }
      guest.send(bytesOf(vector));
      guest.send(rare(PING, undefined));
      // Whatever it was, the client is still there to answer.
      await guest.until(PONG);
      // One that has nothing under way leaves a broker that is about to end.
      assert.ok(bus.state.kind !== "disconnected" || message.type === "draining");
      if (subscription !== undefined) {
        assert.deepEqual(shown((await subscription.next()).value), expected(message));
      }
    });
  }
}

function shown({ topic, from, id, retained, snapshot, shared, payload, bytes, content: { headers, contentType, ...content } }) {
  const value = bytes === undefined ? payload : Buffer.from(bytes).toString("base64");
  return { topic, from, id, retained, snapshot, shared, payload: value, headers, content };
}

function expected({ topic, from, id, retained = false, snapshot = false, shared, payload, headers = {}, ...rest }) {
  const content = {};
  for (const [member, name] of [["reply_to", "replyTo"], ["sent_at", "sentAt"], ["schema", "schema"], ["signature", "signature"], ["encryption", "encryption"], ["attempts", "attempts"], ["status", "status"]]) {
    if (rest[member] !== undefined) content[name] = rest[member];
  }
  return { topic, from, id, retained, snapshot, shared, payload, headers, content };
}

for (const vector of vectors("invalid/broker")) {
  // A later broker may have types that this version does not know: they are passed over.
  if (vector.binary !== null && vector.error !== "unknown_type") {
    test(`a client refuses: ${vector.name}`, async (context) => {
      const { bus, guest } = await meeting(context);
      guest.send(bytesOf(vector));
      for await (const state of bus.states()) {
        if (state.kind === "disconnected") {
          assert.equal(state.error.code, vector.error);
          break;
        }
      }
      await guest.closed;
    });
  }
}

for (const vector of vectors("valid/client")) {
  const message = JSON.parse(vector.json);
  // An id is the session's choice, and of bytes the API always says that they are bytes.
  const isFree = message.id === undefined && (message.encoding === undefined || message.content_type !== undefined);
  if (message.type === "publish" && isFree) {
    test(`a client writes: ${vector.name}`, async (context) => {
      const { bus, guest } = await meeting(context);
      const { topic, encoding, content_type: contentType, retain, payload } = message;
      const value = encoding === "base64" ? new Uint8Array(Buffer.from(payload, "base64")) : payload;
      const content = contentType === undefined ? {} : { contentType };
      await bus.publish(topic, new Body(value, content), { retain });
      assert.equal((await guest.until(PUBLISH)).whole.toString("hex"), vector.binary);
    });
  }
}

for (const vector of vectors("versions/client")) {
  test(`a client meets over ${vector.road}: ${vector.name}`, async (context) => {
    const pretender = await Pretender.start();
    const connecting = connect(pretender.url, { firstRetry: 5, longestRetry: 5 });
    const guest = await pretender.guest();
    context.after(() => (guest.leave(), pretender.end()));
    const id = await guest.begin();
    const welcome = vectors("versions/client").find(({ road, accepted }) => road === "lines" && accepted).answer;
    const [preamble, answer] = vector.road === "binary" ? [Buffer.from(vector.answer, "hex"), welcome] : [PREAMBLE, vector.answer];
    const said = answer.id === undefined ? answer : { ...answer, id };
    guest.send(Buffer.concat([preamble, rare(answer.type === "error" ? ERROR : CONNECTED, said)]));
    if (vector.accepted) {
      await (await connecting).close();
    } else {
      await assert.rejects(connecting, failing("unsupported_version"));
      await guest.closed;
      assert.equal(pretender.count, 1);
    }
  });
}

test("a WebSocket of a later version only ends the client", async (context) => {
  let count = 0;
  const server = createServer((_request, response) => {
    count += 1;
    response.writeHead(400, { "Content-Type": "application/problem+json" }).end('{"code":"unsupported_version","status":400}');
  }).listen(0, "127.0.0.1");
  context.after(() => server.close());
  await once(server, "listening");
  await assert.rejects(connect(`ws://127.0.0.1:${server.address().port}`, { firstRetry: 5 }), failing("unsupported_version"));
  assert.equal(count, 1);
});
