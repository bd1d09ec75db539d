/**
 * Where texts and bytes are written before a call of the WebAssembly half, so that what crosses are numbers. The layout
 * is that of `src/stage.rs`; knows nothing of what the parts are for. Nothing of the program's may run between writing
 * and the call.
 */
import type { Encoded } from "./body.js";
import { own } from "./error.js";
import type { Glue } from "./instance.js";

/** The part of the module's memory that belongs to the next call. */
export class Stage {
  readonly #glue: Glue;
  readonly #memory: WebAssembly.Memory;
  #bytes: Uint8Array = EMPTY;
  #end = ADDRESS_BYTES;
  #address = "";
  #addressLength = 0;
  /** Where the next of the publishes stands that cross together, 0 while there are none. */
  #gathered = 0;
  #topic = "";

  constructor(glue: Glue, memory: WebAssembly.Memory) {
    this.#glue = glue;
    this.#memory = memory;
  }

  /** Begins a call. */
  begin(): this {
    this.#end = ADDRESS_BYTES;
    return this;
  }

  /** Begins a call with an address, and returns its length. The one of the call before is still there. */
  address(text: string): number {
    this.#end = ADDRESS_BYTES;
    if (text === this.#address) {
      return this.#addressLength;
    }
    refuseNoText(text);
    if (text.length * 3 > ADDRESS_BYTES) {
      return this.#longAddress(text);
    }
    this.#addressLength = this.#write(text, 0);
    this.#address = text;
    return this.#addressLength;
  }

  /** Writes an address that may have no room in its place: the other side looks for it there if it has. */
  #longAddress(text: string): number {
    const written = encoder.encode(text);
    if (written.length > ADDRESS_BYTES) {
      return this.bytes(written);
    }
    this.#room(ADDRESS_BYTES).set(written);
    this.#address = text;
    this.#addressLength = written.length;
    return written.length;
  }

  /**
   * Adds a publish to those that cross together, while nothing else is staged. Returns false if there is no room for it.
   */
  gather(topic: string, { kind, text, bytes }: Encoded): boolean {
    const most = bytes === undefined ? 3 * text.length : bytes.length;
    const isNew = this.#gathered === 0 || topic !== this.#topic;
    let place = Math.max(this.#gathered, ADDRESS_BYTES);
    if (place + most + (isNew ? 3 * topic.length : 0) + 2 * LENGTH_BYTES > KEPT_BYTES) {
      return false;
    }
    if (isNew) {
      place = this.#item(place, TOPIC, this.#write(topic, place + LENGTH_BYTES));
      this.#topic = topic;
    }
    if (bytes === undefined) {
      place = this.#item(place, kind, this.#write(text, place + LENGTH_BYTES));
    } else {
      this.#room(place).set(bytes, place + LENGTH_BYTES);
      place = this.#item(place, kind, bytes.length);
    }
    this.#gathered = place;
    return true;
  }

  /** Ends the publishes that cross together, and returns how many bytes they are. */
  handOver(): number {
    const length = this.#gathered - ADDRESS_BYTES;
    this.#gathered = 0;
    return length;
  }

  /** Adds a text, and returns its length. */
  text(text: string): number {
    refuseNoText(text);
    const length = this.#write(text, this.#end);
    this.#end += length;
    return length;
  }

  /** Adds a text that may be absent, and returns its length, below 0 if it is. */
  optional(text: string | undefined): number {
    return text === undefined ? -1 : this.text(text);
  }

  /** Adds texts, each with its length before it, and returns their length in all. */
  texts(texts: readonly string[]): number {
    const start = this.#end;
    for (const text of texts) {
      const place = this.#end;
      this.#end += LENGTH_BYTES;
      const length = this.text(text);
      writeNumber(this.#room(this.#end), place, length);
    }
    return this.#end - start;
  }

  /** Adds bytes, and returns their number. */
  bytes(bytes: Uint8Array): number {
    const place = this.#end;
    this.#end += bytes.length;
    this.#room(this.#end).set(bytes, place);
    return bytes.length;
  }

  /** Adds headers and payload, and returns the length of each. */
  content({ headers, text, bytes }: Encoded): [headers: number, payload: number] {
    const length = headers.length === 0 ? 0 : this.texts(headers);
    return [length, bytes === undefined ? this.text(text) : this.bytes(bytes)];
  }

  /** Writes the head of what was gathered at a place, and returns where the next begins. */
  #item(place: number, kind: number, length: number): number {
    writeNumber(this.#bytes, place, (length << 2) | kind);
    return place + LENGTH_BYTES + length;
  }

  #write(text: string, place: number): number {
    if (text.length > LONG_TEXT) {
      const written = encoder.encode(text);
      this.#room(place + written.length).set(written, place);
      return written.length;
    }
    const bytes = this.#room(place + 3 * text.length);
    if (text.length > SHORT_TEXT) {
      return encoder.encodeInto(text, bytes.subarray(place)).written;
    }
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) {
        return encoder.encodeInto(text, bytes.subarray(place)).written;
      }
      bytes[place + index] = unit;
    }
    return text.length;
  }

  /** Returns the memory with room up to `end`. What was needed for a large message is given back by the next one. */
  #room(end: number): Uint8Array {
    const length = this.#bytes.length;
    if (end > LARGEST_STAGE) {
      throw own("payload_too_large", `${end} bytes are more than any broker takes`);
    }
    // A memory that has grown leaves empty views behind.
    if (end > length || (length > KEPT_BYTES && end <= KEPT_BYTES)) {
      const wanted = Math.max(KEPT_BYTES, end);
      const place = this.#glue.room(wanted) >>> 0;
      this.#bytes = new Uint8Array(this.#memory.buffer, place, wanted);
    }
    return this.#bytes;
  }
}

/** Programs that no compiler has checked may hand in anything. */
function refuseNoText(text: unknown): void {
  if (typeof text !== "string") {
    throw own("invalid_message", `a text is needed, not ${typeof text}`);
  }
}

function writeNumber(bytes: Uint8Array, place: number, number: number): void {
  bytes[place] = number;
  bytes[place + 1] = number >>> 8;
  bytes[place + 2] = number >>> 16;
  bytes[place + 3] = number >>> 24;
}

const encoder = new TextEncoder();
const EMPTY = new Uint8Array(0);
/** The kind of what is gathered that is the topic of what follows. */
const TOPIC = 3;
/** Bytes that are kept for the address. */
const ADDRESS_BYTES = 1024;
/** Bytes of a length that stands before a text. */
const LENGTH_BYTES = 4;
/** Bytes that are kept from one call to the next. */
const KEPT_BYTES = 64 * 1024;
/** Bytes above which nothing is written: memory that the module has got once is never given back to the system. */
const LARGEST_STAGE = 256 * 1024 * 1024;
/** The longest text that is written by hand, in UTF-16 units: calling the encoder costs as much. */
const SHORT_TEXT = 48;
/** The longest text for which three times the room is got, in UTF-16 units. */
const LONG_TEXT = 16 * 1024;
