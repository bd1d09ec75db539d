/** The frames of a WebSocket (RFC 6455, section 5). Knows nothing of what their payloads mean. */
import { randomFillSync } from "node:crypto";

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
  #bytes: Uint8Array = EMPTY;
  #message: Uint8Array[] = [];
  #messageOpcode: Opcode = Opcode.Continuation;
  #messageLength = 0;

  /** Takes what came. */
  append(bytes: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
  }

  /** Returns the next message or control frame, if it is complete. */
  next(): Frame | undefined {
    for (;;) {
      const head = this.#head();
      if (head === undefined) {
        return undefined;
      }
      if (head === BROKEN) {
        return { opcode: Opcode.Broken, payload: EMPTY };
      }
      const { final, opcode, start, end } = head;
      const payload = this.#bytes.subarray(start, end);
      this.#bytes = this.#bytes.subarray(end);
      if (opcode >= Opcode.Close) {
        return { opcode, payload };
      }
      const message = this.#add(final, opcode, payload);
      if (message !== undefined) {
        return message;
      }
    }
  }

  #add(final: boolean, opcode: Opcode, payload: Uint8Array): Frame | undefined {
    if (opcode !== Opcode.Continuation) {
      this.#messageOpcode = opcode;
    }
    if (final && this.#message.length === 0) {
      return { opcode: this.#messageOpcode, payload };
    }
    this.#messageLength += payload.length;
    this.#message.push(payload);
    if (this.#messageLength > LONGEST_MESSAGE) {
      return { opcode: Opcode.Broken, payload: EMPTY };
    }
    if (!final) {
      return undefined;
    }
    const whole = Buffer.concat(this.#message.splice(0));
    this.#messageLength = 0;
    return { opcode: this.#messageOpcode, payload: whole };
  }

  #head(): { final: boolean; opcode: Opcode; start: number; end: number } | typeof BROKEN | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 2) {
      return undefined;
    }
    const [first, second] = [bytes[0]!, bytes[1]!];
    // Reserved bits, a mask from a server, and what no opcode is.
    if ((first & 0x70) !== 0 || (second & 0x80) !== 0 || !KNOWN.has(first & 0x0f)) {
      return BROKEN;
    }
    const short = second & 0x7f;
    const start = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < start) {
      return undefined;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const length = short < 126 ? short : short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
    if (length > LONGEST_MESSAGE) {
      return BROKEN;
    }
    const end = start + length;
    return bytes.length < end ? undefined : { final: (first & 0x80) !== 0, opcode: first & 0x0f, start, end };
  }
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
const BROKEN = Symbol("broken");
const KNOWN = new Set([0, 1, 2, 8, 9, 10]);
/** The longest head of a client's frame. */
const HEAD_BYTES = 14;
/** Far over every limit of a broker: what is longer comes from none. */
const LONGEST_MESSAGE = 1 << 30;
