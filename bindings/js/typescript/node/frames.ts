/** The frames of a WebSocket (RFC 6455, section 5). Knows nothing of what their payloads mean. */
import { randomFillSync } from "node:crypto";
import { LONGEST_MESSAGE } from "../transport.js";

/** What a frame is. `Broken` is none of the RFC: nothing after it can be read. */
export const enum Opcode {
  Continuation = 0,
  Text = 1,
  Binary = 2,
  Close = 8,
  Ping = 9,
  Pong = 10,
  Broken = 16,
}

/** A control frame, or a whole message put together of its frames. */
export interface Frame {
  readonly opcode: Opcode;
  readonly payload: Uint8Array;
}

/** Finds frames in what comes, cut anywhere. */
export class FrameReader {
  /** What came and was not read. Put together when a frame is complete, and not for each part of it. */
  #pieces: Uint8Array[] = [];
  #length = 0;
  /** Bytes without which nothing can be read. */
  #wanted = SHORTEST_HEAD;
  #message: Uint8Array[] = [];
  #messageOpcode: Opcode | undefined;
  #messageLength = 0;

  /** Takes what came. */
  append(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  /** Returns the next message or control frame, if it is complete. */
  next(): Frame | undefined {
    while (this.#length >= this.#wanted) {
      const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
      const head = readHead(bytes);
      if (head === undefined) {
        return BROKEN;
      }
      const { final, opcode, start, end } = head;
      const isWhole = bytes.length >= end;
      const rest = isWhole ? bytes.subarray(end) : bytes;
      this.#pieces = [rest];
      this.#length = rest.length;
      this.#wanted = isWhole ? SHORTEST_HEAD : end;
      if (!isWhole) {
        return undefined;
      }
      const payload = bytes.subarray(start, end);
      const frame = opcode >= Opcode.Close ? { opcode, payload } : this.#add(final, opcode, payload);
      if (frame !== undefined) {
        return frame;
      }
    }
    return undefined;
  }

  /** Adds a part of a message. Returns the message if it is the last one. */
  #add(final: boolean, opcode: Opcode, payload: Uint8Array): Frame | undefined {
    if ((opcode === Opcode.Continuation) === (this.#messageOpcode === undefined)) {
      return BROKEN;
    }
    const messageOpcode = this.#messageOpcode ?? opcode;
    this.#messageLength += payload.length;
    if (this.#messageLength > LONGEST_MESSAGE) {
      return BROKEN;
    }
    this.#message.push(payload);
    this.#messageOpcode = final ? undefined : messageOpcode;
    if (!final) {
      return undefined;
    }
    const parts = this.#message.splice(0);
    this.#messageLength = 0;
    return { opcode: messageOpcode, payload: parts.length === 1 ? payload : Buffer.concat(parts) };
  }
}

/** What stands before a payload, as far as it came: of a head that is not whole, `end` is where it ends. */
interface Head {
  readonly final: boolean;
  readonly opcode: Opcode;
  readonly start: number;
  readonly end: number;
}

/** Reads a head; `undefined` if no client may take it. */
function readHead(bytes: Uint8Array): Head | undefined {
  const [first, second] = [bytes[0]!, bytes[1]!];
  const [final, opcode, short] = [(first & 0x80) !== 0, first & 0x0f, second & 0x7f];
  // Reserved bits, a mask from a server, what no opcode is, and a control frame that is long or in parts.
  if ((first & 0x70) !== 0 || (second & 0x80) !== 0 || !KNOWN.has(opcode) || (opcode >= Opcode.Close && (!final || short > 125))) {
    return undefined;
  }
  const start = short < 126 ? SHORTEST_HEAD : short === 126 ? 4 : 10;
  if (bytes.length < start) {
    return { final, opcode, start, end: start };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = short < 126 ? short : short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
  return length > LONGEST_MESSAGE ? undefined : { final, opcode, start, end: start + length };
}

/** Writes each portion as a frame of its own, masked as a client's have to be. */
export function writeFrames(opcode: Opcode, portions: readonly Uint8Array[]): Buffer {
  const length = portions.reduce((sum, portion) => sum + HEAD_BYTES + portion.length, 0);
  const whole = Buffer.allocUnsafe(length);
  let place = 0;
  for (const portion of portions) {
    place = writeFrame(whole, place, opcode, portion);
  }
  return whole.subarray(0, place);
}

function writeFrame(whole: Buffer, start: number, opcode: Opcode, portion: Uint8Array): number {
  let place = start;
  whole[place++] = 0x80 | opcode;
  if (portion.length < 126) {
    whole[place++] = 0x80 | portion.length;
  } else if (portion.length < 1 << 16) {
    whole[place++] = 0x80 | 126;
    place = whole.writeUInt16BE(portion.length, place);
  } else {
    whole[place++] = 0x80 | 127;
    place = whole.writeBigUInt64BE(BigInt(portion.length), place);
  }
  const mask = nextMask();
  mask.copy(whole, place);
  place += mask.length;
  for (let index = 0; index < portion.length; index++) {
    whole[place + index] = portion[index]! ^ mask[index & 3]!;
  }
  return place + portion.length;
}

/** Takes the next mask out of a store of random bytes, since asking for four at a time costs. */
function nextMask(): Buffer {
  if (masked === masks.length) {
    randomFillSync(masks);
    masked = 0;
  }
  masked += 4;
  return masks.subarray(masked - 4, masked);
}

const masks = Buffer.alloc(4096);
let masked = masks.length;
const EMPTY = new Uint8Array(0);
const BROKEN: Frame = { opcode: Opcode.Broken, payload: EMPTY };
const SHORTEST_HEAD = 2;
const KNOWN = new Set([0, 1, 2, 8, 9, 10]);
/** The longest head of a client's frame. */
const HEAD_BYTES = 14;
