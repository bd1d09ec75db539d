/** The WebSocket of browsers. They answer pings themselves, and say nothing of why one cannot be opened. */
import type { Transport, TransportListener } from "../transport.js";

/** Begins to open a WebSocket that speaks binary frames of the bus. */
export function dialWebSocket(url: string, listener: TransportListener): Transport {
  return new WebSocketTransport(new WebSocket(url, SUBPROTOCOL), listener);
}

class WebSocketTransport implements Transport {
  readonly #socket: WebSocket;
  readonly #listener: TransportListener;
  #opened = false;
  #watching = false;
  #over = false;
  #closed: (() => void) | undefined;

  constructor(socket: WebSocket, listener: TransportListener) {
    this.#socket = socket;
    this.#listener = listener;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#opened = true;
      listener.opened();
    };
    socket.onmessage = (event) => {
      const data = event.data as ArrayBuffer | string;
      listener.received(typeof data === "string" ? encoder.encode(data) : new Uint8Array(data));
    };
    socket.onclose = (event) => this.#close(event.reason);
  }

  get writable(): boolean {
    const writable = this.#socket.readyState === WebSocket.OPEN && this.#socket.bufferedAmount < HIGH_WATER;
    if (!writable && this.#opened && !this.#over) {
      this.#watch();
    }
    return writable;
  }

  send(portions: readonly Uint8Array[]): void {
    portions.forEach((portion) => this.#socket.send(portion as Uint8Array<ArrayBuffer>));
  }

  end(closed: () => void): void {
    this.#over = true;
    this.#closed = closed;
    this.#socket.close(NORMAL_CLOSURE);
  }

  abort(): void {
    this.#over = true;
    this.#socket.close();
  }

  /** Looks from time to time whether the browser takes more: it does not say so by itself. */
  #watch(): void {
    if (this.#watching) {
      return;
    }
    this.#watching = true;
    setTimeout(() => {
      this.#watching = false;
      if (this.writable && !this.#over) {
        this.#listener.drained();
      }
    }, LOOK_AFTER);
  }

  #close(reason: string): void {
    this.#closed?.();
    if (!this.#over) {
      this.#over = true;
      const usual = this.#opened ? "the broker closed the connection" : "the WebSocket cannot be opened, and the browser does not say why; is the broker there, and does http.origins list this page?";
      this.#listener.lost(reason || usual);
    }
  }
}

const encoder = new TextEncoder();
const SUBPROTOCOL = "buslane.bin.v1";
const NORMAL_CLOSURE = 1000;
/** Bytes in the browser's own queue above which more has to wait. */
const HIGH_WATER = 256 * 1024;
/** Milliseconds between two looks. */
const LOOK_AFTER = 10;
