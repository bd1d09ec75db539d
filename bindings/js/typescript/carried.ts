/**
 * What comes over the bus: messages, replies and what a handler is told of a request, with their payloads read when
 * they are asked for. Knows nothing of where they wait.
 */
import { CONTENT_MEMBERS, type Content } from "./body.js";
import { own } from "./error.js";
import type { RawPayload } from "./records.js";

/** What messages, replies and requests have in common. */
export class Carried {
  readonly #raw: RawPayload;
  readonly #headers: readonly string[];
  #value: unknown = UNREAD;
  /** Who sent it, as the broker knows: a client's name, or `service#instance`. */
  readonly from: string;

  /** @internal */
  constructor(from: string, headers: readonly string[], raw: RawPayload) {
    this.from = from;
    this.#headers = headers;
    this.#raw = raw;
  }

  /**
   * The value; bytes as a `Uint8Array`, `undefined` if there is none. Throws `invalid_payload` if it says that it is
   * JSON and is not, which only topics and methods without a schema let pass.
   */
  get payload(): unknown {
    if (this.#value === UNREAD) {
      this.#value = read(this.#raw);
    }
    return this.#value;
  }

  /** The payload as the JSON text that came, with every digit; `undefined` if it is no JSON. */
  get text(): string | undefined {
    return typeof this.#raw.data === "string" ? this.#raw.data : undefined;
  }

  /** The payload's bytes, if it is no JSON. */
  get bytes(): Uint8Array | undefined {
    return typeof this.#raw.data === "string" ? undefined : this.#raw.data;
  }

  /** The headers of the sender's own. */
  get headers(): Readonly<Record<string, string>> {
    const headers: [string, string][] = [];
    for (let index = 0; index < this.#headers.length; index += 2) {
      const name = this.#headers[index]!;
      if (!name.startsWith(":")) {
        headers.push([name, this.#headers[index + 1]!]);
      }
    }
    // A header may have any name, that of a prototype too.
    return Object.fromEntries(headers);
  }

  /** The media type: what the sender said, else `application/octet-stream` for bytes and `undefined` for JSON. */
  get contentType(): string | undefined {
    return this.envelope(":content-type") ?? (this.bytes === undefined ? undefined : "application/octet-stream");
  }

  /** What else is said about the payload. */
  get content(): Content {
    const content: Record<string, unknown> = { headers: this.headers };
    for (const [member, name] of CONTENT_MEMBERS) {
      const value = this.envelope(name);
      if (value !== undefined) {
        content[member] = NUMBERS.has(member) ? Number(value) : value;
      }
    }
    return content;
  }

  /** @internal */
  envelope(name: string): string | undefined {
    for (let index = 0; index < this.#headers.length; index += 2) {
      if (this.#headers[index] === name) {
        return this.#headers[index + 1];
      }
    }
    return undefined;
  }

  /** @internal What it takes in a queue, in bytes. */
  get cost(): number {
    return FIXED_COST + (this.#raw.data?.length ?? 0);
  }
}

/** A message of a topic. */
export class Message extends Carried {
  /** The topic. */
  readonly topic: string;
  /** The publisher's id of the message, if it gave one. */
  readonly id: string | undefined;
  /** Whether it is a retained value from before the subscription. */
  readonly retained: boolean;

  /** @internal */
  constructor(topic: string, from: string, id: string | undefined, retained: boolean, headers: readonly string[], raw: RawPayload) {
    super(from, headers, raw);
    this.topic = topic;
    this.id = id;
    this.retained = retained;
  }

  /** Whether it is an event of the present state, sent to a late subscriber. */
  get snapshot(): boolean {
    return this.envelope(":snapshot") !== undefined;
  }

  /** The shared subscription that it is a copy for: the shared name, `/` and the filter. */
  get shared(): string | undefined {
    return this.envelope(":shared");
  }
}

/** A reply, or one part of a stream. */
export class Reply extends Carried {}

/** Stands where messages of a subscription are missing. */
export class Gap {
  /** How many messages are missing, as far as it is known. */
  count: number;
  /** How many bytes they had. */
  bytes: number;
  /** Whether further messages may be missing, after a lost connection. */
  unknown: boolean;

  /** @internal */
  constructor(count: number, bytes: number, unknown: boolean) {
    this.count = count;
    this.bytes = bytes;
    this.unknown = unknown;
  }

  /** @internal */
  add(other: Gap): void {
    this.count += other.count;
    this.bytes += other.bytes;
    this.unknown ||= other.unknown;
  }
}

function read(raw: RawPayload): unknown {
  if (raw.kind === BROKEN_JSON) {
    throw own("invalid_payload", "the payload says that it is JSON and is not UTF-8");
  }
  if (typeof raw.data !== "string") {
    return raw.data;
  }
  try {
    return JSON.parse(raw.data);
  } catch (error) {
    throw own("invalid_payload", `the payload says that it is JSON: ${String(error)}`, error);
  }
}

const UNREAD = Symbol("unread");
const BROKEN_JSON = 3;
/** What a message takes beside its payload, roughly. */
const FIXED_COST = 64;
const NUMBERS = new Set<keyof Content>(["sentAt", "attempts", "status"]);
