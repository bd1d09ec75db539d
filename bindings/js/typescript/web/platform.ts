/** What browsers and workers offer. */
import type { Platform } from "../transport.js";
import { dialWebSocket } from "./websocket.js";

/** Makes the platform of a way to get the WebAssembly module; `script` is where this code came from, if that matters. */
export function webPlatform(fetchModule: () => Promise<Response>, script?: string): Platform {
  return {
    kinds: ["websocket"],
    usualUrl: () => brokerOf(script) ?? brokerOf(globalThis.location?.href) ?? "ws://127.0.0.1:5959/ws",
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
    afterReading: (callback) => setTimeout(callback, 0),
  };
}

/** The WebSocket of the server that something came from, if it came from one. */
function brokerOf(source: string | undefined): string | undefined {
  const [, secure, host] = /^http(s?):\/\/(?:[^/?#]*@)?([^/?#]+)/.exec(source ?? "") ?? [];
  return host && `ws${secure}://${host}/ws`;
}
