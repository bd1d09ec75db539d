// A tab of a real browser that a test works with as a person would: asks what stands there, types, clicks, takes a picture. Speaks
// the DevTools protocol over a pipe, one JSON object between zeros.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, FLAGS } from "./browser.mjs";

export class Tab {
  #profile = mkdtempSync(join(tmpdir(), "buslane-browser-"));
  #browser;
  #exited;
  #session;
  #last = 0;
  #pending = new Map();

  /** Opens a page, in a window of a size. */
  static async open(url, { width = 1280, height = 800 } = {}) {
    const tab = new Tab();
    tab.#start(width, height);
    const { targetId } = await tab.#send("Target.createTarget", { url: "about:blank" });
    tab.#session = (await tab.#send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
    await tab.#send("Page.enable");
    await tab.#send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    await tab.#send("Page.navigate", { url });
    return tab;
  }

  /** Computes something in the page. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.#send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value;
  }

  /** Waits until something holds in the page, and returns what it comes to. */
  until(expression) {
    return this.evaluate(`new Promise((resolve, reject) => {
      const late = performance.now() + ${PATIENCE};
      const look = () => {
        const found = ${expression};
        if (found) resolve(found);
        else if (performance.now() > late) reject(new Error("this never came to hold: " + ${JSON.stringify(expression)} + " in: " + document.body.innerText));
        else setTimeout(look, 20);
      };
      look();
    })`);
  }

  /** Takes a picture, as PNG. */
  async picture() {
    const { data } = await this.#send("Page.captureScreenshot", { format: "png" });
    return Buffer.from(data, "base64");
  }

  /** Lets the page lie frozen, as browsers do with tabs that nobody looks at, or go on. */
  sleep(isAsleep) {
    return this.#send("Page.setWebLifecycleState", { state: isAsleep ? "frozen" : "active" });
  }

  async close() {
    this.#browser.kill("SIGKILL");
    await this.#exited;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  #start(width, height) {
    const flags = [...FLAGS, "--remote-debugging-pipe", `--window-size=${width},${height}`, `--user-data-dir=${this.#profile}`];
    this.#browser = spawn(chromium, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const failed = (why) => {
      this.#pending.forEach(({ reject }) => reject(new Error(why)));
      this.#pending.clear();
    };
    this.#exited = Promise.race([once(this.#browser, "exit").then(([code]) => failed(`the browser ended with ${code}`)), once(this.#browser, "error").then(([error]) => failed(error.message))]);
    let rest = "";
    this.#browser.stdio[3].on("error", () => {});
    this.#browser.stdio[4].setEncoding("utf8").on("data", (text) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop();
      messages.forEach((message) => this.#take(JSON.parse(message)));
    });
  }

  #take({ id, result, error }) {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error !== undefined) {
      pending?.reject(new Error(error.message));
    } else {
      pending?.resolve(result);
    }
  }

  #send(method, params = {}) {
    const id = ++this.#last;
    const answer = new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    this.#browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId: this.#session })}\0`);
    return answer;
  }
}

/** Milliseconds after which what a test waits for does not come any more. */
const PATIENCE = 30_000;
