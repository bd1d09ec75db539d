// The package as it is shipped, installed in blank projects: imported, required, checked by strict TypeScript.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { before, after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { Broker } from "./stage/broker.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const project = mkdtempSync(join(tmpdir(), "buslane-project-"));
let broker;

before(async () => {
  broker = await Broker.start();
  const archive = readdirSync(join(root, "dist")).find((name) => /^buslane-.*\.tgz$/.test(name));
  writeFileSync(join(project, "package.json"), '{ "private": true }');
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", join(root, "dist", archive)], { cwd: project });
});

after(async () => {
  await broker.end();
  rmSync(project, { recursive: true, force: true });
});

const program = (first) => `${first}
(async () => {
  const bus = await connect(process.argv[2]);
  await bus.register({ name: "echo", version: "1.0.0", methods: { back: (payload) => payload } });
  console.log(await bus.request("echo:back", "hello"));
  await bus.close();
})();
`;

test("a module imports it", async () => {
  writeFileSync(join(project, "program.mjs"), program('import { connect } from "buslane";'));
  const { stdout } = await run(process.execPath, ["program.mjs", broker.url], { cwd: project });
  assert.equal(stdout, "hello\n");
});

test("a CommonJS program requires it, and joins by a WebSocket", async () => {
  writeFileSync(join(project, "program.cjs"), program('const { connect } = require("buslane");'));
  const { stdout } = await run(process.execPath, ["program.cjs", broker.webSocketUrl], { cwd: project });
  assert.equal(stdout, "hello\n");
});

test("strict TypeScript takes what is right and refuses what is wrong", async () => {
  const source = `
import { connect, BuslaneError, Gap, type Context, type ErrorCode } from "buslane";
export async function main(): Promise<void> {
  const bus = await connect("buslane://127.0.0.1", { lazy: true, signal: AbortSignal.timeout(1) });
  const value: unknown = await bus.request("a:b", { c: 1 }, { timeout: 5 });
  const receivers: number = await bus.publish("a", value, { ack: true });
  for await (const event of bus.subscribe("a").events()) {
    if (event instanceof Gap) console.log(event.count, receivers);
    else console.log(event.topic);
  }
  await bus.register({ name: "a", version: "1", methods: { get: async ({ key }, context: Context) => [key, context.signal] } });
  try { await bus.flush(); } catch (error) {
    if (error instanceof BuslaneError) { const code: ErrorCode | (string & {}) = error.code; console.log(code); }
  }
  // @ts-expect-error an overflow is one of three words
  bus.subscribe("a", { overflow: "never" });
  // @ts-expect-error a service has a version
  await bus.register({ name: "a" });
  const { key } = await bus.request<{ key: string }>("a:b");
  const unknown = await bus.request("a:b");
  // @ts-expect-error what a request replies is not known unless it is said
  console.log(key, unknown.key);
  // @ts-expect-error only an acknowledged publish counts receivers
  const none: number = await bus.publish("a", value);
  for await (const event of bus.presence()) {
    // @ts-expect-error the end of the snapshot has no service
    if (event.kind === "snapshot_end") console.log(event.service, none);
    if (event.kind === "connect") console.log(event.instance.methods.length, event.snapshot);
  }
  // @ts-expect-error a state without a connection has no node
  if (bus.state.kind === "disconnected") console.log(bus.state.node);
}
`;
  writeFileSync(join(project, "program.mts"), source);
  const compiler = join(root, "bindings/js/node_modules/typescript/bin/tsc");
  const options = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2023,dom,esnext.disposable", "program.mts"];
  for (const module of [["--module", "nodenext"], ["--module", "esnext", "--moduleResolution", "bundler"]]) {
    await run(process.execPath, [compiler, ...module, ...options], { cwd: project }).catch((error) => assert.fail(error.stdout));
  }
});

test("a bundler for browsers finds the module", async () => {
  writeFileSync(join(project, "page.mjs"), 'export { connect } from "buslane";');
  const { build } = await import("esbuild");
  const { metafile } = await build({ entryPoints: [join(project, "page.mjs")], bundle: true, format: "esm", platform: "browser", write: false, metafile: true });
  assert.deepEqual(Object.keys(metafile.inputs).filter((path) => /node\.c?js$/.test(path)), []);
  assert.ok(Object.keys(metafile.inputs).some((path) => path.endsWith("buslane/dist/web.js")));
});

test("what a browser loads stays within its bound", () => {
  const size = (name) => gzipSync(readFileSync(join(project, "node_modules/buslane/dist", name)), { level: 9 }).length;
  const loaded = size("web.js") + size("buslane.wasm");
  assert.ok(loaded <= LARGEST, `${loaded} bytes`);
});

/** Bytes of gzip that a page may have to load. */
const LARGEST = 166 * 1024;
