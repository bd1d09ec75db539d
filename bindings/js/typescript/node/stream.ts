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

class Stream implements Transport {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get writable(): boolean {
    return this.#socket.writable && !this.#socket.connecting && !this.#socket.writableNeedDrain;
  }

  send(portions: readonly Uint8Array[]): void {
    portions.forEach((portion) => this.#socket.write(portion));
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
