// Stands in for a broker over TCP or WebSockets: agrees on a version as a test says, then sends what the test says. Knows of
// docs/protocol.md how frames are laid out, and nothing of what they mean.
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { upgrade, WebSocketEnd } from "./websocket.mjs";

export class Pretender {
  #server;
  #scheme;
  #waiting = [];
  #arrived = [];
  /** How many connections came. */
  count = 0;

  static async start({ webSocket = false } = {}) {
    const pretender = new Pretender();
    pretender.#scheme = webSocket ? "ws" : "buslane";
    if (webSocket) {
      pretender.#server = createHttpServer().on("upgrade", (request, socket) => {
        upgrade(request, socket);
        // The upgrade has agreed on the version: no preamble is said.
        pretender.#accept(new Guest(new WebSocketEnd(socket), Buffer.alloc(0)));
      });
    } else {
      pretender.#server = createServer((socket) => pretender.#accept(new Guest(socket, PREAMBLE)));
    }
    pretender.#server.listen(0, "127.0.0.1");
    await once(pretender.#server, "listening");
    return pretender;
  }

  get url() {
    return `${this.#scheme}://127.0.0.1:${this.#server.address().port}`;
  }

  /** Waits for the next connection. */
  guest() {
    return this.#arrived.length > 0 ? Promise.resolve(this.#arrived.shift()) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  end() {
    this.#server.close();
  }

  #accept(guest) {
    this.count += 1;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#arrived.push(guest);
    } else {
      waiting(guest);
    }
  }
}

/** One client, as the broker sees it. */
class Guest {
  #socket;
  #preamble;
  #bytes = Buffer.alloc(0);
  #more = () => {};

  constructor(socket, preamble) {
    this.#socket = socket;
    this.#preamble = preamble;
    this.closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#more();
    });
  }

  send(bytes) {
    this.#socket.write(bytes);
  }

  /** Says nothing more. */
  finish() {
    this.#socket.end();
  }

  leave() {
    this.#socket.destroy();
  }

  /** Reads the preamble and the `connect`, and returns the id that its answer has to name. */
  async begin() {
    await this.take(this.#preamble.length);
    return JSON.parse((await this.frame()).body.toString()).id;
  }

  /** Agrees on this version, and answers the `connect`. */
  async welcome(answer = WELCOME) {
    const id = await this.begin();
    this.send(Buffer.concat([this.#preamble, rare(CONNECTED, { ...answer, id })]));
  }

  /** Reads the next frame. */
  async frame() {
    const length = await this.take(4);
    const rest = await this.take(length.readUInt32LE(0));
    return { whole: Buffer.concat([length, rest]), type: rest[0], body: rest.subarray(HEAD - 4) };
  }

  /** Reads frames until one is of a type. */
  async until(type) {
    for (;;) {
      const frame = await this.frame();
      if (frame.type === type) {
        return frame;
      }
    }
  }

  async take(length) {
    while (this.#bytes.length < length) {
      await new Promise((resolve) => (this.#more = resolve));
    }
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }
}

/** Writes a message that is JSON inside a frame, or nothing but its type. */
export function rare(type, message) {
  const body = Buffer.from(message === undefined ? "" : JSON.stringify(message));
  const head = Buffer.alloc(HEAD);
  head.writeUInt32LE(HEAD - 4 + body.length, 0);
  head[4] = type;
  return Buffer.concat([head, body]);
}

/** What both sides of version 1 say first. */
export const PREAMBLE = Buffer.from("b542555301010000", "hex");
/** The types of frames that tests speak of. */
export const [CONNECTED, REGISTER, SUBSCRIBE, SUBSCRIBED, PUBLISH, ERROR, PING, PONG] = [0x02, 0x03, 0x06, 0x07, 0x09, 0x10, 0x14, 0x15];
const HEAD = 28;
const WELCOME = { type: "connected", version: 1, node: "pretender", server: "pretender/1.0.0", client: "client-1", heartbeat_ms: 0, limits: {} };
