/** TCP and Unix sockets. Knows nothing of what the bytes mean. */
import { createConnection, type Socket } from "node:net";
import type { Place, Transport, TransportListener } from "../transport.js";

/** Begins to open a socket. */
export function dialStream(place: Exclude<Place, { kind: "websocket" }>, listener: TransportListener): Transport {
  const socket = createConnection(
    place.kind === "unix" ? { path: place.path } : { host: place.host, port: place.port, noDelay: true },
  );
  let reason = "the broker closed the connection";
  socket.on("connect", () => listener.opened());
  socket.on("data", (bytes) => listener.received(bytes));
  socket.on("drain", () => listener.drained());
  socket.on("error", (error) => (reason = describe(error)));
  socket.on("close", () => listener.lost(reason));
  return new Stream(socket);
}

/** Says what went wrong; several addresses of one host fail together. */
export function describe(error: Error): string {
  const all = error instanceof AggregateError ? (error.errors as Error[]) : [error];
  return all.map((each) => each.message).join(", ") || error.name;
}

/** Tells whether a socket takes bytes. If it does not, it drains later. What the system has taken counts until the program pauses. */
export function takesMore(socket: Socket): boolean {
  return socket.writable && socket.writableLength < HIGH_WATER;
}

class Stream implements Transport {
  readonly #socket: Socket;
  /** Buffers whose bytes were written. */
  readonly #spare: Buffer[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get writable(): boolean {
    return !this.#socket.connecting && takesMore(this.#socket);
  }

  send(portions: readonly Uint8Array[]): void {
    for (const portion of portions) {
      if (portion.length < SMALL) {
        this.#socket.write(Buffer.from(portion));
      } else {
        this.#writeLarge(portion);
      }
    }
  }

  #writeLarge(portion: Uint8Array): void {
    const spare = this.#spare.pop();
    const buffer = spare !== undefined && spare.length >= portion.length ? spare : Buffer.allocUnsafeSlow(Math.max(portion.length, SPARE_BYTES));
    buffer.set(portion);
    this.#socket.write(buffer.subarray(0, portion.length), () => {
      if (this.#spare.length < MOST_SPARE && buffer.length === SPARE_BYTES) {
        this.#spare.push(buffer);
      }
    });
  }

  end(closed: () => void): void {
    endSocket(this.#socket, closed);
  }

  abort(): void {
    this.#socket.destroy();
  }
}

/** Ends the sending side, and waits until the other side has closed too, but not for ever. */
export function endSocket(socket: Socket, closed: () => void): void {
  if (socket.destroyed) {
    return closed();
  }
  const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT);
  socket.once("close", () => {
    clearTimeout(timer);
    closed();
  });
  socket.resume();
  socket.end();
}

const CLOSE_TIMEOUT = 5000;
/** Bytes in the socket's own queue above which more has to wait. */
const HIGH_WATER = 256 * 1024;
/** Bytes for which a buffer of its own is not worth having. */
const SMALL = 4096;
/** Bytes of a buffer that is used again. */
const SPARE_BYTES = 96 * 1024;
const MOST_SPARE = 4;
