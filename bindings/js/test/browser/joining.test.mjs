// The package in a real browser: the file for pages without a build step, from the page's server and from the broker, the one that
// bundlers take, and what a page makes of it all with Vite.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Broker } from "../stage/broker.mjs";
import { PageServer, visit } from "../stage/browser.mjs";
import { blankProject } from "../stage/project.mjs";

const run = promisify(execFile);
const dist = fileURLToPath(new URL("../../dist/", import.meta.url));

/** What a page does: everything that differs from Node, and tells the server what came of it. */
const program = (connecting) => `
  const report = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
  try {
    const bus = await ${connecting};
    await bus.register({ name: "page", version: "1.0.0", methods: {
      back: (payload) => payload,
      count: async function* (n) { for (let i = 0; i < n; i++) yield i; },
    } });
    const back = await bus.request("page:back", { text: "ü😀" });
    const parts = [];
    for await (const part of bus.stream("page:count", 200).values()) parts.push(part);
    const messages = bus.subscribe("a/+");
    await messages.ready;
    const published = bus.publish("a/b", new Uint8Array(300_000).fill(7));
    const { value } = await messages.next();
    await published;
    const code = await bus.request("nobody:there").catch((error) => error instanceof BuslaneError && error.stack.startsWith("BuslaneError: ") && error.code);
    const many = await Promise.all(Array.from({ length: 1000 }, (_, index) => bus.request("page:back", index)));
    await bus.close();
    await report({ back, parts: parts.length, bytes: value.payload.length, code, many: many.every((each, index) => each === index), state: bus.state.kind });
  } catch (error) {
    await report({ error: String(error?.code ?? ""), text: String(error?.stack ?? error) });
  }
`;
const page = (module, connecting) => `<!doctype html><script type="module">
  import { connect, BuslaneError } from "${module}";
  ${program(connecting)}
</script>`;
const EXPECTED = { back: { text: "ü😀" }, parts: 200, bytes: 300_000, code: "no_instance", many: true, state: "ended" };

/** Opens the page at / with a broker beside it, and returns what it reports. */
async function open(context, { text, headers, folder = dist, lists = true, more = {} }) {
  const pages = { ...more };
  const server = await PageServer.start(pages, folder);
  const http = { client: join(dist, "buslane.js"), ...(lists ? { origins: server.origin } : {}) };
  const broker = await Broker.start({ options: { http } });
  context.after(async () => {
    server.end();
    await broker.end();
  });
  pages["/"] = { text: text(broker), headers };
  return visit(`${server.origin}/?bus=${encodeURIComponent(broker.webSocketUrl)}`, server.result);
}

for (const module of ["buslane.js", "web.js"]) {
  test(`a page joins the bus with ${module}`, async (context) => {
    const text = (broker) => page(`/${module}`, `connect("${broker.webSocketUrl}", { name: "page" })`);
    assert.deepEqual(await open(context, { text }), EXPECTED);
  });
}

test("a page joins with what the broker serves, and needs no address but that", async (context) => {
  const text = (broker) => page(`http://127.0.0.1:${broker.place.port}/buslane.js`, "connect()");
  assert.deepEqual(await open(context, { text }), EXPECTED);
});

test("a worker joins the bus as a page does", async (context) => {
  const text = () => '<!doctype html><script>new Worker("/worker.js" + location.search, { type: "module" });</script>';
  const source = `import { connect, BuslaneError } from "/web.js"; ${program('connect(new URL(location).searchParams.get("bus"))')}`;
  const worker = { text: source, headers: { "Content-Type": "text/javascript" } };
  assert.deepEqual(await open(context, { text, more: { "/worker.js": worker } }), EXPECTED);
});

test("a page loads the WebAssembly file when it connects, and not before", async (context) => {
  const text = (broker) => `<!doctype html><script type="module">
    import { connect } from "/web.js";
    const loaded = () => performance.getEntriesByType("resource").filter(({ name }) => name.endsWith(".wasm")).length;
    const before = loaded();
    const bus = await connect("${broker.webSocketUrl}");
    await fetch("/result", { method: "POST", body: JSON.stringify({ before, after: loaded() }) });
  </script>`;
  assert.deepEqual(await open(context, { text }), { before: 0, after: 1 });
});

test("a page does not wait longer for the WebAssembly file than its signal says", async (context) => {
  const text = (broker) => page("/web.js", `connect("${broker.webSocketUrl}", { signal: AbortSignal.timeout(50) })`);
  const { text: why } = await open(context, { text, more: { "/buslane.wasm": null } });
  assert.match(why, /TimeoutError/);
});

test("a page joins under a policy that lets WebAssembly and the broker be", async (context) => {
  const text = (broker) => page("/buslane.js", `connect("${broker.webSocketUrl}")`);
  const policy = "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; connect-src 'self' ws://127.0.0.1:*";
  assert.deepEqual(await open(context, { text, headers: { "Content-Security-Policy": policy } }), EXPECTED);
});

test("a page whose policy forbids WebAssembly is told so", async (context) => {
  const text = (broker) => page("/buslane.js", `connect("${broker.webSocketUrl}")`);
  const policy = "default-src 'self'; script-src 'self' 'unsafe-inline'";
  const { error, text: why } = await open(context, { text, headers: { "Content-Security-Policy": policy } });
  assert.equal(error, "internal");
  assert.match(why, /WebAssembly/);
});

test("a page that names no broker dials the server that it comes from", async (context) => {
  const { error, text: why } = await open(context, { text: () => page("/web.js", "connect(undefined, { timeout: 300 })") });
  assert.equal(error, "unreachable");
  assert.doesNotMatch(why, /:5959/);
  assert.match(why, /no broker answers at ws:\/\/127\.0\.0\.1:\d+\/ws/);
});

test("a page of an origin that the broker does not list cannot join", async (context) => {
  const text = (broker) => page("/buslane.js", `connect("${broker.webSocketUrl}", { timeout: 300 })`);
  const { error, text: why } = await open(context, { text, lists: false });
  assert.equal(error, "unreachable");
  assert.match(why, /http\.origins/);
});

test("a page that Vite has bundled joins the bus", async (context) => {
  const project = await blankProject(context);
  writeFileSync(join(project, "index.html"), '<!doctype html><script type="module" src="/main.js"></script>');
  writeFileSync(join(project, "main.js"), `import { connect, BuslaneError } from "buslane";${program('connect(new URLSearchParams(location.search).get("bus"))')}`);
  writeFileSync(join(project, "vite.config.mjs"), 'export default { build: { target: "es2022", assetsInlineLimit: 0 } };');
  const vite = fileURLToPath(new URL("../../../../.tools/vite/node_modules/vite/bin/vite.js", import.meta.url));
  await run(process.execPath, [vite, "build", "--logLevel", "warn"], { cwd: project });
  const server = await PageServer.start({}, join(project, "dist"));
  const broker = await Broker.start({ options: { http: { origins: server.origin } } });
  context.after(async () => {
    server.end();
    await broker.end();
  });
  const outcome = await visit(`${server.origin}/index.html?bus=${encodeURIComponent(broker.webSocketUrl)}`, server.result);
  assert.deepEqual(outcome, EXPECTED);
});
