// Servers that mean harm, met by a page, where the browser reads the frames of WebSockets.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Page } from "../scenarios/page.mjs";
import { Pretender } from "../stage/pretender.mjs";

let page;
before(async () => {
  page = await Page.open();
});
after(() => page.close());

for (const [name, bytes, why] of [
  ["a message longer than any of a broker", Buffer.alloc(129 * 1024 * 1024), /longer than any/],
  ["a frame that claims to be longer than any", Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0a]), /longer|frame/],
  ["what is no frame", Buffer.from("hello, is anybody there?"), /frame/],
]) {
  test(`a page leaves a server that sends ${name}, and dials again`, async (context) => {
    const pretender = await Pretender.start({ webSocket: true });
    const joining = page.join(pretender.url, { firstRetry: 1, longestRetry: 1 });
    const guest = await pretender.guest();
    await guest.welcome();
    const actor = await joining;
    context.after(async () => {
      await actor.end();
      pretender.end();
    });
    guest.send(bytes);
    const { error } = await actor.next({ expect: "state", state: "disconnected" });
    assert.match(`${error.code} ${error.detail}`, why);
    const again = await pretender.guest();
    await again.welcome();
    await actor.next({ expect: "state", state: "connected" });
  });
}

test("nothing of all that was left unhandled in the page", async () => {
  assert.deepEqual(await page.unhandled(), []);
});
