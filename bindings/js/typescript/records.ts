/**
 * Reads what the WebAssembly half hands over in one crossing: records of numbers and bytes, and one text beside them
 * that holds every string. The layout is that of `src/batch.rs`; knows nothing of what the fields are for.
 */

/** Names a record. The numbers are those of `src/events.rs`. */
export const enum Tag {
  Connected = 1,
  Disconnected,
  Draining,
  Ended,
  Refused,
  Registered,
  RegistrationFailed,
  Unregistered,
  Reply,
  PartialReply,
  PartialFailure,
  Chunk,
  End,
  Failed,
  Request,
  Withdrawn,
  AnswerRefused,
  Credit,
  Subscribed,
  SubscriptionFailed,
  Delivery,
  Gap,
  Acked,
  PublishFailed,
  Flushed,
  FlushFailed,
  Dial,
  Close,
  Transmit,
}

/** A payload as it came. */
export interface RawPayload {
  /** 0 for none, 1 for JSON text, 2 for bytes, 3 for bytes that say they are JSON and are not UTF-8. */
  readonly kind: number;
  /** The text of kind 1, else the bytes. */
  readonly data: string | Uint8Array | undefined;
}

/** Walks the records of one batch. */
export class Records {
  /** When the timer is due by the clock of the link, below 0 for never. */
  readonly due: number;
  /** How many bytes wait to be sent, or for a connection. */
  readonly waiting: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #text: string;
  readonly #end: number;
  #place = HEAD;
  #character = 0;

  /** Copies the batch that begins at a place of a memory. */
  constructor(memory: ArrayBufferLike, place: number) {
    this.#end = new DataView(memory, place).getUint32(0, true);
    this.#bytes = new Uint8Array(memory, place, this.#end).slice();
    this.#view = new DataView(this.#bytes.buffer);
    const length = this.#view.getUint32(8, true);
    this.#text = length === 0 ? "" : decoder.decode(new Uint8Array(memory, this.#view.getUint32(4, true), length));
    this.due = this.#view.getFloat64(12, true);
    this.waiting = this.#view.getFloat64(20, true);
  }

  /** Returns the next record's tag, 0 after the last. */
  next(): Tag | 0 {
    return this.#place < this.#end ? this.byte() : 0;
  }

  byte(): number {
    return this.#view.getUint8(this.#place++);
  }

  flag(): boolean {
    return this.byte() !== 0;
  }

  number(): number {
    const number = this.#view.getUint32(this.#place, true);
    this.#place += 4;
    return number;
  }

  float(): number {
    const number = this.#view.getFloat64(this.#place, true);
    this.#place += 8;
    return number;
  }

  string(): string {
    const length = this.number();
    const start = this.#character;
    this.#character += length;
    return this.#text.substring(start, this.#character);
  }

  optional(): string | undefined {
    if (this.#view.getUint32(this.#place, true) === ABSENT) {
      this.#place += 4;
      return undefined;
    }
    return this.string();
  }

  bytes(): Uint8Array {
    const length = this.number();
    const start = this.#place;
    this.#place += length;
    return this.#bytes.subarray(start, this.#place);
  }

  keys(): number[] {
    const keys = new Array<number>(this.number());
    for (let index = 0; index < keys.length; index++) {
      keys[index] = this.float();
    }
    return keys;
  }

  headers(): string[] {
    const count = this.number();
    if (count === 0) {
      return NO_HEADERS;
    }
    const headers: string[] = [];
    for (let index = 0; index < count; index++) {
      headers.push(this.string(), this.string());
    }
    return headers;
  }

  payload(): RawPayload {
    const kind = this.byte();
    switch (kind) {
      case 0:
        return NO_PAYLOAD;
      case 1:
        return { kind, data: this.string() };
      default:
        return { kind, data: this.bytes().slice() };
    }
  }
}

const HEAD = 28;
const ABSENT = 0xffffffff;
const NO_HEADERS: string[] = [];
const NO_PAYLOAD: RawPayload = { kind: 0, data: undefined };
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
