// The four programs of examples/js, run as processes beside a broker: what they print is what examples/README.md shows.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Broker } from "./stage/broker.mjs";

const folder = new URL("../../../examples/", import.meta.url);
const page = readFileSync(new URL("README.md", folder), "utf8");
const [service, watcher, publisher, consumer, latecomer] = page
  .split("```text\n")
  .slice(1)
  .map((rest) => rest.split("```")[0].trimEnd().split("\n"));
const resolver = new URL("stage/resolve.mjs", import.meta.url).href;

class Program {
  #lines;
  constructor(name, url) {
    const path = fileURLToPath(new URL(`js/${name}.mjs`, folder));
    this.process = spawn(process.execPath, ["--import", resolver, path], { env: { ...process.env, BUSLANE_URL: url }, stdio: ["ignore", "pipe", "pipe"] });
    this.exited = once(this.process, "exit");
    this.said = "";
    this.process.stderr.on("data", (text) => (this.said += text));
    this.#lines = createInterface(this.process.stdout)[Symbol.asyncIterator]();
  }

  async until(last) {
    const lines = [];
    while (lines.at(-1) !== last) {
      const { done, value } = await this.#lines.next();
      assert.ok(!done, `${last} does not come after ${lines.join("\n")}: ${this.said}`);
      lines.push(value);
    }
    return lines;
  }

  async end(signal) {
    if (signal !== undefined) this.process.kill(signal);
    const lines = [];
    for await (const line of { [Symbol.asyncIterator]: () => this.#lines }) lines.push(line);
    assert.deepEqual(await this.exited, [0, null], this.said);
    return lines;
  }
}

test("the four programs print what the page shows", async (context) => {
  const broker = await Broker.start();
  const programs = [];
  const run = (name) => programs[programs.push(new Program(name, broker.url)) - 1];
  context.after(() => {
    programs.forEach((program) => program.process.kill("SIGKILL"));
    return broker.end();
  });
  const keeper = run("service");
  const kept = await keeper.until("attic is registered");
  const observer = run("watcher");
  const observed = await observer.until("nobody else is there");
  const teller = run("publisher");
  const told = await teller.until('refused: schema_violation at "/celsius"');
  assert.deepEqual(await run("consumer").end(), consumer);
  kept.push(...(await keeper.until("watch demo: ends")));
  const late = run("watcher");
  assert.deepEqual(await late.until(latecomer.at(-1)), latecomer);
  told.push(...(await teller.end("SIGINT")));
  observed.push(...(await observer.until("thermometer went")));
  kept.push(...(await keeper.end("SIGTERM")));
  observed.push(...(await observer.until("attic went")));
  observed.push(...(await observer.end("SIGINT")));
  assert.deepEqual([kept, observed, told], [service, watcher, publisher]);
});

test("without a broker each program says so and fails", async () => {
  const nobody = createServer().listen(0, "127.0.0.1");
  await once(nobody, "listening");
  const url = `buslane://127.0.0.1:${nobody.address().port}`;
  nobody.close();
  await once(nobody, "close");
  const running = ["service", "consumer", "publisher", "watcher"].map((name) => new Program(name, url));
  for (const program of running) {
    assert.deepEqual(await program.exited, [1, null]);
    assert.match(program.said, /no broker answers at/);
  }
});
