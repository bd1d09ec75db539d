/** What browsers and workers offer. */
import type { Platform } from "../transport.js";
import { dialWebSocket } from "./websocket.js";

/** Makes the platform of a way to get the WebAssembly module. */
export function webPlatform(fetchModule: () => Promise<Response>): Platform {
  return {
    kinds: ["websocket"],
    usualUrl,
    dial: (place, listener) => {
      if (place.kind !== "websocket") {
        throw new TypeError("only WebSockets can be opened here");
      }
      return dialWebSocket(place.url, listener);
    },
    module: async () => {
      const response = await fetchModule();
      if (!response.ok) {
        throw new Error(`HTTP ${response.status} for ${response.url}`);
      }
      // A server that does not know the type of the file shall do, too.
      return WebAssembly.compile(await response.arrayBuffer());
    },
    soon: (callback) => queueMicrotask(callback),
  };
}

/** The server that the page comes from, else the default of this machine. */
function usualUrl(): string {
  const { protocol, host } = globalThis.location ?? {};
  if (host && (protocol === "http:" || protocol === "https:")) {
    return `${protocol.replace("http", "ws")}//${host}/ws`;
  }
  return "ws://127.0.0.1:5959/ws";
}
