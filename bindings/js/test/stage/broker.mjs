// A real broker for one test, on free addresses. It can be killed, asked to end, and started again.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const binary = process.env.BUSLANE_BROKER ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug/buslane");

export class Broker {
  #options;
  #unix;
  #process;
  #exited;
  #starts = 0;

  /** `options` holds keys of the configuration by section. */
  constructor({ options = {}, unix = false } = {}) {
    this.folder = mkdtempSync(join(tmpdir(), "buslane-js-"));
    this.#unix = unix;
    this.#options = Object.fromEntries(
      Object.entries(options).flatMap(([section, keys]) =>
        Object.entries(keys).map(([key, value]) => [
          `BUSLANE_${section}_${key}`.toUpperCase(),
          typeof value === "string" ? value : JSON.stringify(value),
        ]),
      ),
    );
  }

  static async start(options) {
    const broker = new Broker(options);
    await broker.start();
    return broker;
  }

  /** Where it listens, for node:net; undefined while it does not run. */
  place;

  get url() {
    return this.#unix ? `buslane+unix://${this.place.path}` : `buslane://127.0.0.1:${this.place.port}`;
  }

  get webSocketUrl() {
    return `ws://127.0.0.1:${this.place.port}/ws`;
  }

  /** Starts it, after the last one has ended; on the port given, or on a free one. */
  async start(port = 0) {
    await this.#exited;
    // A socket file that a killed broker left behind is not in the way of the next.
    const path = join(this.folder, `broker-${this.#starts++}`);
    const listen = this.#unix ? `unix:${path}` : `127.0.0.1:${port}`;
    const env = { PATH: process.env.PATH, ...this.#options };
    this.#process = spawn(binary, ["serve", "--listen", listen], { stdio: ["ignore", "pipe", "ignore"], env });
    const started = this.#process;
    this.#exited = new Promise((resolve) => started.once("exit", resolve));
    started.once("error", (error) => started.emit("exit", error));
    const line = await firstLine(started);
    this.place = this.#unix ? { path } : { host: "127.0.0.1", port: Number(/:(\d+)$/.exec(line)[1]) };
  }

  async kill() {
    this.place = undefined;
    this.#process.kill("SIGKILL");
    await this.#exited;
  }

  drain() {
    this.#process.kill("SIGTERM");
  }

  async end() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function firstLine(started) {
  for await (const line of createInterface(started.stdout)) {
    if (line.includes("listening on")) {
      started.stdout.resume();
      return line;
    }
  }
  throw new Error(`the broker ${binary} does not listen`);
}
