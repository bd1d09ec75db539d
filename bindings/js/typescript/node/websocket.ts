/**
 * WebSockets in Node, the same on every version: the upgrade by `node:http`, the frames (RFC 6455) by hand, so that a
 * server's refusal can be read and many messages leave in one write.
 */
import { createHash, randomBytes } from "node:crypto";
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { Transport, TransportListener } from "../transport.js";
import { FrameReader, Opcode, writeFrames } from "./frames.js";
import { describe, endSocket, takesMore } from "./stream.js";

/** Begins to open a WebSocket that speaks binary frames of the bus. */
export function dialWebSocket(url: string, listener: TransportListener): Transport {
  const target = new URL(url);
  const secure = target.protocol === "wss:";
  target.protocol = secure ? "https:" : "http:";
  const key = randomBytes(16).toString("base64");
  const request = (secure ? httpsRequest : httpRequest)(target, {
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": key,
      "Sec-WebSocket-Protocol": SUBPROTOCOL,
    },
  });
  return new WebSocketTransport(request, key, listener);
}

class WebSocketTransport implements Transport {
  readonly #request: ClientRequest;
  readonly #listener: TransportListener;
  readonly #frames = new FrameReader();
  #socket: Socket | undefined;
  #over = false;

  constructor(request: ClientRequest, key: string, listener: TransportListener) {
    this.#request = request;
    this.#listener = listener;
    request.on("upgrade", (response, socket, head) => this.#open(response, socket as Socket, head, key));
    request.on("response", (response) => this.#refuse(response));
    request.on("error", (error) => this.#lose(describe(error)));
    request.end();
  }

  get writable(): boolean {
    return this.#socket !== undefined && takesMore(this.#socket);
  }

  send(portions: readonly Uint8Array[]): void {
    if (portions.length > 0) {
      this.#socket?.write(writeFrames(Opcode.Binary, portions));
    }
  }

  end(closed: () => void): void {
    this.#over = true;
    if (this.#socket === undefined) {
      this.#request.destroy();
      return closed();
    }
    this.#socket.write(writeFrames(Opcode.Close, [NORMAL_CLOSURE]));
    endSocket(this.#socket, closed);
  }

  abort(): void {
    this.#over = true;
    this.#request.destroy();
    this.#socket?.destroy();
  }

  #open(response: IncomingMessage, socket: Socket, head: Buffer, key: string): void {
    const expected = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    if (response.headers["sec-websocket-accept"] !== expected || response.headers["sec-websocket-protocol"] !== SUBPROTOCOL) {
      socket.destroy();
      return this.#lose("the server's upgrade is not one to this protocol");
    }
    if (this.#over) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    socket.setNoDelay(true);
    let reason = "the broker closed the connection";
    socket.on("data", (bytes) => this.#take(bytes));
    socket.on("drain", () => this.#listener.drained());
    socket.on("error", (error) => (reason = describe(error)));
    socket.on("close", () => this.#lose(reason));
    this.#listener.opened();
    this.#take(head);
  }

  #take(bytes: Uint8Array): void {
    this.#frames.append(bytes);
    for (let frame = this.#frames.next(); frame !== undefined && !this.#over; frame = this.#frames.next()) {
      switch (frame.opcode) {
        case Opcode.Binary:
        case Opcode.Text:
          this.#listener.received(frame.payload);
          break;
        case Opcode.Ping:
          this.#socket?.write(writeFrames(Opcode.Pong, [frame.payload]));
          this.#listener.alive();
          break;
        case Opcode.Pong:
          this.#listener.alive();
          break;
        case Opcode.Close:
          this.#socket?.end(writeFrames(Opcode.Close, [frame.payload.subarray(0, 2)]));
          return this.#lose("the broker closed the connection");
        default:
          this.#socket?.destroy();
          return this.#lose("the server sends what is no frame of a WebSocket");
      }
    }
  }

  #refuse(response: IncomingMessage): void {
    const parts: Buffer[] = [];
    let length = 0;
    response.on("data", (part: Buffer) => {
      length += part.length;
      if (length <= LONGEST_REFUSAL) {
        parts.push(part);
      } else {
        response.destroy();
      }
    });
    // What is cut off on the way is a refusal, too.
    response.on("error", () => {});
    response.on("close", () => {
      if (!this.#over) {
        this.#over = true;
        this.#listener.refused(response.statusCode ?? 0, Buffer.concat(parts).toString());
      }
    });
  }

  #lose(reason: string): void {
    if (!this.#over) {
      this.#over = true;
      this.#listener.lost(reason);
    }
  }
}

const SUBPROTOCOL = "buslane.bin.v1";
const NORMAL_CLOSURE = Uint8Array.of(0x03, 0xe8);
const LONGEST_REFUSAL = 64 * 1024;
