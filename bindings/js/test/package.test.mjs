// The package as it is shipped, installed in blank projects: imported, required, checked by strict TypeScript.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
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

test("a program uses every name that the package exports, so that strict TypeScript sees all", () => {
  const source = readFileSync(PROGRAM, "utf8");
  const index = readFileSync(join(root, "bindings/js/typescript/index.ts"), "utf8");
  const names = [...index.matchAll(/\{([^}]+)\}/g)].flatMap(([, list]) => list.split(",").map((name) => name.replace("type ", "").trim()));
  assert.ok(names.length > 30);
  assert.deepEqual(names.filter((name) => name !== "" && source.match(new RegExp(`\\b${name}\\b`, "g")) === null), []);
});

for (const [kind, name, options] of [
  ["in Node", "program.mts", ["--module", "nodenext", "--lib", "es2022,dom"]],
  ["for a bundler", "program.mts", ["--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2022,webworker"]],
  ["that becomes CommonJS", "program.cts", ["--module", "nodenext", "--lib", "es2022,dom"]],
]) {
  test(`strict TypeScript ${kind} takes what is right and refuses what is wrong`, async () => {
    copyFileSync(PROGRAM, join(project, name));
    const compiler = join(root, "bindings/js/node_modules/typescript/bin/tsc");
    await run(process.execPath, [compiler, "--noEmit", "--strict", "--target", "es2022", ...options, name], { cwd: project }).catch((error) => assert.fail(error.stdout));
  });
}

test("a bundler for browsers finds the module", async () => {
  writeFileSync(join(project, "page.mjs"), 'export { connect } from "buslane";');
  const { build } = await import("esbuild");
  const { metafile } = await build({ entryPoints: [join(project, "page.mjs")], bundle: true, format: "esm", platform: "browser", write: false, metafile: true });
  assert.deepEqual(Object.keys(metafile.inputs).filter((path) => /node\.c?js$/.test(path)), []);
  assert.ok(Object.keys(metafile.inputs).some((path) => path.endsWith("buslane/dist/web.js")));
});

test("what a browser loads stays within its bound", () => {
  const { bundled, page } = sizes();
  assert.ok(bundled <= LARGEST, `${bundled} bytes`);
  assert.ok(page <= LARGEST, `${page} bytes`);
});

test("the documentation says how much a browser loads", () => {
  const { bundled, page } = sizes();
  const figures = (file, pattern) => pattern.exec(readFileSync(join(root, file), "utf8")).slice(1).map((figure) => Number(figure.replaceAll(",", "")));
  const [code, module] = figures("docs/javascript.md", /^\| `web\.js` \+ `buslane\.wasm`.*\| ([\d,]+) \+ ([\d,]+) \|$/m);
  const [file] = figures("docs/javascript.md", /^\| `buslane\.js`.*\| ([\d,]+) \|$/m);
  const [served] = figures("docs/javascript.md", /^\| `buslane\.js\.gz`.*\| ([\d,]+) \|$/m);
  const [kibibytes] = figures("README.md", /gzipped\]\(docs\/javascript\.md#sizes\), that is (\d+) KiB/);
  for (const [said, measured] of [[code + module, bundled], [file, page], [served, statSync(join(root, "dist/buslane.js.gz")).size], [kibibytes * 1024, page]]) {
    assert.ok(Math.abs(said / measured - 1) < 0.02, `${said} is said, ${measured} bytes are measured`);
  }
});

/** Measures what a browser loads by a bundler and from a broker, in bytes of gzip. */
function sizes() {
  const size = (name) => gzipSync(readFileSync(join(project, "node_modules/buslane/dist", name)), { level: 9 }).length;
  return { bundled: size("web.js") + size("buslane.wasm"), page: size("buslane.js") };
}

const PROGRAM = join(root, "bindings/js/test/types/program.mts");
/** Bytes of gzip that a page may have to load. */
const LARGEST = 150 * 1024;
