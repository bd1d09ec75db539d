// Opens pages in a real browser without a window: a server hands them out, and what they post to /result is the outcome.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import process from "node:process";

/** Serves pages of text and the files of a folder, from an origin of its own. */
export class PageServer {
  #server;
  #result;

  /** `pages` holds texts of HTML by path, `null` for what is never answered; everything else is looked for in `folder`. */
  static async start(pages, folder) {
    const server = new PageServer();
    server.#server = createServer().listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    server.result = new Promise((resolve) => (server.#result = resolve));
    server.#server.on("request", (request, response) => void server.#answer(request, response, pages, folder));
    return server;
  }

  get origin() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  end() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request, response, pages, folder) {
    const path = normalize(new URL(request.url, this.origin).pathname);
    const file = join(folder, path);
    if (request.method === "POST") {
      let body = "";
      for await (const part of request) body += part;
      response.end();
      this.#result(JSON.parse(body));
    } else if (pages[path] === null) {
      return;
    } else if (pages[path] !== undefined) {
      const { text, headers } = typeof pages[path] === "string" ? { text: pages[path] } : pages[path];
      response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", ...headers }).end(text);
    } else if (statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" }).end(readFileSync(file));
    } else {
      response.writeHead(404).end();
    }
  }
}

/** Opens a page, and returns what `outcome` comes to, or why the browser ended before. */
export async function visit(url, outcome) {
  const profile = mkdtempSync(join(tmpdir(), "buslane-browser-"));
  const browser = spawn(chromium, [...FLAGS, "--remote-debugging-port=0", `--user-data-dir=${profile}`, url], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  browser.stderr.on("data", (text) => (said = (said + text).slice(-2000)));
  const exited = once(browser, "exit").then(([code]) => ({ error: `the browser ended with ${code}: ${said}` }));
  const failed = once(browser, "error").then(([error]) => ({ error: `the browser cannot be started: ${error.message}; CHROMIUM says where it is` }));
  try {
    return await Promise.race([outcome, exited, failed]);
  } finally {
    browser.kill("SIGKILL");
    await Promise.race([exited, failed]);
    // Its own children write for a moment longer.
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** The browser. */
export const chromium = process.env.CHROMIUM || "chromium";
/** What keeps it to itself. */
export const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const TYPES = { ".css": "text/css", ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/octet-stream" };
