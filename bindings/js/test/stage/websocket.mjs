// The server's side of a WebSocket, as far as tests need one: an upgrade that may be a wrong one, frames written whole, and
// the frames of a client that writes each message in one.
import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";

/** Answers an upgrade. */
export function upgrade(request, socket, { accept, protocol = "buslane.bin.v1" } = {}) {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const proof = accept ?? createHash("sha1").update(key).digest("base64");
  const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${proof}`, `Sec-WebSocket-Protocol: ${protocol}`];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
}

/** What a test needs of a socket, with one message of the WebSocket for each write. */
export class WebSocketEnd extends EventEmitter {
  #socket;
  #bytes = Buffer.alloc(0);

  constructor(socket) {
    super();
    this.#socket = socket;
    socket.on("error", () => {});
    socket.once("close", () => this.emit("close"));
    socket.on("data", (bytes) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      for (let frame = this.#take(); frame !== undefined; frame = this.#take()) this.#read(frame);
    });
  }

  write(bytes) {
    this.#socket.write(Buffer.concat([head(0x82, bytes.length), bytes]));
  }

  end() {
    this.#socket.end(head(0x88, 0));
  }

  destroy() {
    this.#socket.destroy();
  }

  #read({ opcode, payload }) {
    if (opcode === CLOSE) {
      this.end();
    } else {
      this.emit("data", payload);
    }
  }

  #take() {
    const bytes = this.#bytes;
    const short = bytes.length < 2 ? 0 : bytes[1] & 0x7f;
    const start = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
    if (bytes.length < start + MASK) {
      return undefined;
    }
    const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    const end = start + MASK + length;
    if (bytes.length < end) {
      return undefined;
    }
    this.#bytes = bytes.subarray(end);
    const payload = bytes.subarray(start + MASK, end).map((byte, index) => byte ^ bytes[start + (index & 3)]);
    return { opcode: bytes[0] & 0x0f, payload };
  }
}

function head(first, length) {
  if (length < 126) {
    return Buffer.from([first, length]);
  }
  if (length < 1 << 16) {
    return Buffer.from([first, 126, length >> 8, length & 0xff]);
  }
  const long = Buffer.from([first, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  long.writeBigUInt64BE(BigInt(length), 2);
  return long;
}

const MASK = 4;
const CLOSE = 8;
