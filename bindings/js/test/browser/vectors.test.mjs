// The vectors of schemas/vectors, with clients in a page of a real browser and a server that means what they say.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Page } from "../scenarios/page.mjs";
import { testVectors } from "../scenarios/vectors.mjs";

let page;
before(async () => {
  page = await Page.open();
});
after(() => page.close());

testVectors((...given) => page.join(...given), { webSocket: true });

test("nothing of all that was left unhandled in the page", async () => {
  assert.deepEqual(await page.unhandled(), []);
});
