/** The package as one file for `<script type="module">`, with the WebAssembly module inside. */
import { connector } from "../connect.js";
import module from "../../build/buslane.wasm.gz";
import { webPlatform } from "./platform.js";

export * from "../index.js";

// A broker serves this file under this name. Under another it came from elsewhere, as a server of packages.
const script = new URL(import.meta.url);
const broker = script.pathname === "/buslane.js" ? script.href : undefined;

/** Joins the bus; see {@link Connect}. */
export const connect = connector(webPlatform(unpack, broker));

async function unpack(): Promise<Response> {
  const compressed = new Blob([module as Uint8Array<ArrayBuffer>]);
  return new Response(compressed.stream().pipeThrough(new DecompressionStream("gzip")));
}
