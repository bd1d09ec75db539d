// The package in a real browser: the file for pages without a build step, and the one that bundlers take.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Broker } from "./stage/broker.mjs";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const TYPES = { ".js": "text/javascript", ".wasm": "application/octet-stream" };

/** What the page does: everything that differs from Node, and tells the server what came of it. */
const page = (module, url) => `<!doctype html><script type="module">
  const report = (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) });
  try {
    const { connect, BuslaneError } = await import("/${module}");
    const bus = await connect(${JSON.stringify(url)}, { name: "page" });
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
    const code = await bus.request("nobody:there").catch((error) => error instanceof BuslaneError && error.code);
    const many = await Promise.all(Array.from({ length: 1000 }, (_, index) => bus.request("page:back", index)));
    await bus.close();
    await report({ back, parts: parts.length, bytes: value.payload.length, code, many: many.every((each, index) => each === index), state: bus.state.kind });
  } catch (error) {
    await report({ error: String(error?.stack ?? error) });
  }
</script>`;

async function open(module) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${server.address().port}`;
  const broker = await Broker.start({ options: { http: { origins: origin } } });
  const profile = mkdtempSync(join(tmpdir(), "buslane-browser-"));
  const result = new Promise((resolve) => {
    server.on("request", async (request, response) => {
      const name = request.url.slice(1);
      if (request.method === "POST") {
        let body = "";
        for await (const part of request) body += part;
        response.end();
        resolve(JSON.parse(body));
      } else if (name === "") {
        response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(page(module, broker.webSocketUrl));
      } else if (/^[a-z]+\.(js|wasm)$/.test(name)) {
        response.writeHead(200, { "Content-Type": TYPES[extname(name)] }).end(readFileSync(join(dist, name)));
      } else {
        response.writeHead(404).end();
      }
    });
  });
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
  const browser = spawn(process.env.CHROMIUM ?? "chromium", [...flags, `--user-data-dir=${profile}`, "--remote-debugging-port=0", `${origin}/`], { stdio: "ignore" });
  const exited = once(browser, "exit").then(([code]) => ({ error: `the browser ended with ${code}` }));
  const failed = once(browser, "error").then(([error]) => ({ error: `the browser cannot be started: ${error.message}` }));
  try {
    return await Promise.race([result, exited, failed]);
  } finally {
    browser.kill("SIGKILL");
    await Promise.race([exited, failed]);
    server.closeAllConnections();
    server.close();
    await broker.end();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

for (const module of ["buslane.js", "web.js"]) {
  test(`a page joins the bus with ${module}`, async () => {
    assert.deepEqual(await open(module), { back: { text: "ü😀" }, parts: 200, bytes: 300_000, code: "no_instance", many: true, state: "ended" });
  });
}
