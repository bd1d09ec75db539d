// Plays every scenario of schemas/scenarios/ with clients in a page of a real browser, over WebSockets.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Page } from "../scenarios/page.mjs";
import { play, scenarios } from "../scenarios/play.mjs";

let page;
before(async () => {
  page = await Page.open();
});
after(() => page.close());

describe("in a page", { concurrency: 8 }, () => {
  for (const [name, scenario] of scenarios()) {
    test(name, () => play(scenario, "websocket", { join: (...given) => page.join(...given), options: { http: { origins: page.origin } } }));
  }
});

test("nothing of all that was left unhandled in the page", async () => {
  assert.deepEqual(await page.unhandled(), []);
});
