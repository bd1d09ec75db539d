/**
 * Reads what the WebAssembly half hands over in one crossing: records of numbers and bytes, one text beside them that
 * holds every string, and the bytes to send. The layout is that of `src/batch.rs`; knows nothing of what the fields are for.
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
  /** How long a payload may be with which a plain publish cannot fail. */
  readonly publishable: number;
  /** What is to be sent, in the memory of the module: to be copied before the next call. */
  readonly portions: readonly Uint8Array[];
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #text: string;
  readonly #end: number;
  #place = HEAD;
  #character = 0;
  readonly #repeated: [string, string] = ["", ""];

  /** Copies the batch that begins at a place of a memory, but for the portions. */
  constructor(memory: ArrayBufferLike, place: number) {
    const head = new DataView(memory, place, HEAD);
    this.#end = head.getUint32(4, true);
    const textBytes = head.getUint32(12, true);
    this.due = head.getFloat64(16, true);
    this.waiting = head.getFloat64(24, true);
    this.publishable = head.getFloat64(32, true);
    const length = head.getUint32(0, true);
    this.portions = length === this.#end ? NO_PORTIONS : portions(memory, place + this.#end, place + length);
    if (this.#end === HEAD) {
      [this.#bytes, this.#view, this.#text] = [NO_BYTES, head, ""];
      return;
    }
    this.#bytes = new Uint8Array(memory, place, this.#end).slice();
    this.#view = new DataView(this.#bytes.buffer);
    this.#text = textBytes === 0 ? "" : decoder.decode(new Uint8Array(memory, head.getUint32(8, true), textBytes));
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

  /** Reads one of two strings that are often those of the record before. */
  repeated(which: 0 | 1): string {
    if (this.#view.getUint32(this.#place, true) === SAME) {
      this.#place += 4;
    } else {
      this.#repeated[which] = this.string();
    }
    return this.#repeated[which];
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
    return this.#bytes.slice(start, this.#place);
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
        return { kind, data: this.bytes() };
    }
  }
}

function portions(memory: ArrayBufferLike, start: number, end: number): Uint8Array[] {
  const view = new DataView(memory, start, end - start);
  const portions: Uint8Array[] = [];
  for (let place = 0; place < view.byteLength; place += 8) {
    portions.push(new Uint8Array(memory, view.getUint32(place, true), view.getUint32(place + 4, true)));
  }
  return portions;
}

const HEAD = 40;
const ABSENT = 0xffffffff;
const SAME = 0xfffffffe;
const NO_HEADERS: string[] = [];
const NO_PORTIONS: readonly Uint8Array[] = [];
const NO_BYTES = new Uint8Array(0);
const NO_PAYLOAD: RawPayload = { kind: 0, data: undefined };
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
