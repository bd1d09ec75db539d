/** The package in a page or a worker, with the WebAssembly module as a file beside it, which bundlers find. */
import { connector } from "../connect.js";
import { webPlatform } from "./platform.js";

export * from "../index.js";

/** Joins the bus; see {@link Connect}. */
export const connect = connector(webPlatform(() => fetch(new URL("./buslane.wasm", import.meta.url))));
