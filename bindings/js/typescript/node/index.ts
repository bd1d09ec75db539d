/** The package in Node: TCP, Unix sockets and WebSockets, and the WebAssembly module from the disk. */
import { readFile } from "node:fs/promises";
import process from "node:process";
import { connector } from "../connect.js";
import type { Platform } from "../transport.js";
import { dialStream } from "./stream.js";
import { dialWebSocket } from "./websocket.js";

export * from "../index.js";

const platform: Platform = {
  kinds: ["tcp", "unix", "websocket"],
  usualUrl: () => process.env.BUSLANE_URL || "buslane://127.0.0.1:5959",
  dial: (place, listener) => (place.kind === "websocket" ? dialWebSocket(place.url, listener) : dialStream(place, listener)),
  module: async () => WebAssembly.compile(await readFile(new URL("./buslane.wasm", import.meta.url))),
  soon: (callback) => process.nextTick(callback),
  afterReading: (callback) => setImmediate(callback),
};

/** Joins the bus; see {@link Connect}. */
export const connect = connector(platform);
