// The vectors of schemas/vectors: those about frames, and how brokers of other versions are met.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { BuslaneError, connect } from "buslane";
import { Actor } from "./scenarios/actor.mjs";
import { testVectors, vectors } from "./scenarios/vectors.mjs";
import { CONNECTED, ERROR, PREAMBLE, Pretender, rare } from "./stage/pretender.mjs";

const failing = (code) => (error) => error instanceof BuslaneError && error.code === code;

testVectors(Actor.join);

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
