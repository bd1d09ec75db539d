/**
 * What a program hands in to be carried: values, bytes, JSON text of its own, and what is said about them. Owns the rule
 * which JavaScript values are JSON; the session checks the rest.
 */
import { BuslaneError, own } from "./error.js";

/** What is said about a payload, beside the payload itself. */
export interface Content {
  /** The media type; `application/json` for values and `application/octet-stream` for bytes unless said. */
  contentType?: string;
  /** The address or topic where further answers may go. */
  replyTo?: string;
  /** The sender's clock, in Unix milliseconds: information, never compared. */
  sentAt?: number;
  /** A reference to the payload's schema. */
  schema?: string;
  /** A signature over the payload (JWS, RFC 7515). */
  signature?: string;
  /** How the payload is encrypted (the header of a JWE, RFC 7516). */
  encryption?: string;
  /** How many attempts are allowed. */
  attempts?: number;
  /** The answer's own status, as another system's clients know it. */
  status?: number;
  /** Headers of the program's own: names of `a-z 0-9 - _ .`, as `traceparent`. */
  headers?: Readonly<Record<string, string>>;
}

/**
 * A payload with what is said about it. It stands wherever a payload may stand: in a request, a publish, what a handler
 * returns and what it yields.
 */
export class Body {
  /** The value, or the bytes. */
  readonly payload: unknown;
  /** What is said about it. */
  readonly content: Content;
  /** @internal */
  readonly jsonText: string | undefined;

  /** Makes a body of a value or of bytes (`Uint8Array`); `undefined` stands for no payload. */
  constructor(payload: unknown, content: Content = {}) {
    this.payload = payload;
    this.content = content;
    this.jsonText = undefined;
  }

  /** Makes a body of JSON text, which travels as it stands: numbers keep every digit. */
  static json(text: string, content: Content = {}): Body {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw own("invalid_payload", `the text is not one JSON value: ${String(error)}`, error);
    }
    const body = new Body(value, content);
    (body as { jsonText: string | undefined }).jsonText = String(text);
    return body;
  }
}

/** A payload in the form in which it crosses to the session. */
export interface Encoded {
  /** 0 for none, 1 for text, 2 for bytes. */
  readonly kind: number;
  readonly text: string;
  readonly bytes: Uint8Array | undefined;
  /** Names and values in turns. */
  readonly headers: readonly string[];
}

/** Writes a payload; with `headers` beside those that it has itself. */
export function encode(payload: unknown, headers?: Readonly<Record<string, string>>): Encoded {
  if (payload instanceof Body) {
    const said = headers === undefined ? payload.content : { ...payload.content, headers: { ...payload.content.headers, ...headers } };
    const value = payload.jsonText === undefined ? write(payload.payload) : payload.jsonText;
    return assemble(value, said);
  }
  return assemble(write(payload), headers === undefined ? undefined : { headers });
}

function assemble(value: string | Uint8Array | undefined, content: Content | undefined): Encoded {
  if (typeof value === "string") {
    return { kind: 1, text: value, bytes: undefined, headers: entries(content) };
  }
  if (value === undefined) {
    return { kind: 0, text: "", bytes: undefined, headers: entries(content) };
  }
  return { kind: 2, text: "", bytes: value, headers: entries(content) };
}

function write(value: unknown): string | Uint8Array | undefined {
  if (value === undefined || value instanceof Uint8Array) {
    return value;
  }
  const text = json(value);
  if (text === undefined) {
    throw own("invalid_payload", `the value cannot be written as JSON: it is a ${typeof value}`);
  }
  return text;
}

/** Writes a value as JSON, `undefined` for what JSON has no word for. Refuses what JSON.stringify would write as something else. */
export function json(value: object): string;
export function json(value: unknown): string | undefined;
export function json(value: unknown): string | undefined {
  try {
    const text = JSON.stringify(value);
    // What is no JSON is written as null, as an object without members, as one with numbers for names or as Node writes a
    // Buffer. Where there is none of these there is nothing to look for.
    if (text !== undefined && SUSPECT.some((part) => text.includes(part))) {
      refuseUnwritable(value);
    }
    return text;
  } catch (error) {
    throw error instanceof BuslaneError ? error : unwritable(value, error);
  }
}

/** Says why a value cannot be written, and at which place if that can be found. */
function unwritable(value: unknown, error: unknown): BuslaneError {
  try {
    refuseUnwritable(value);
  } catch (refusal) {
    if (refusal instanceof BuslaneError) {
      return refusal;
    }
  }
  return own("invalid_payload", `the value cannot be written as JSON: ${reason(error)}`, error);
}

/** Refuses what JSON.stringify replaces or fails at. A member that is undefined is left out, as is usual. */
function refuseUnwritable(value: unknown, pointer = "", around: unknown[] = []): void {
  // Some programs teach BigInt how it is written.
  const isNone = typeof value === "bigint" ? !("toJSON" in BigInt.prototype) : typeof value === "number" && !Number.isFinite(value);
  if (isNone) {
    throw own("invalid_payload", `${String(value)} at "${pointer}" is no JSON number`);
  }
  if (typeof value !== "object" || value === null) {
    return;
  }
  if (around.includes(value)) {
    throw own("invalid_payload", `what stands at "${pointer}" holds itself`);
  }
  if (STRANGERS.some((stranger) => value instanceof stranger) || ArrayBuffer.isView(value)) {
    throw own("invalid_payload", `${value.constructor.name} at "${pointer}" is no JSON; bytes travel as a Uint8Array that is the whole payload`);
  }
  if (value instanceof Date && Number.isNaN(value.getTime())) {
    throw own("invalid_payload", `the date at "${pointer}" is none`);
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") {
    return;
  }
  around.push(value);
  const members: [number | string, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  for (const [name, member] of members) {
    if (Array.isArray(value) && (member === undefined || typeof member === "function" || typeof member === "symbol")) {
      throw own("invalid_payload", `an array holds ${typeof member} at "${pointer}/${name}", which JSON does not have`);
    }
    refuseUnwritable(member, `${pointer}/${escaped(name)}`, around);
  }
  around.pop();
}

/** Writes a name as a part of a JSON Pointer (RFC 6901). */
function escaped(name: number | string): string {
  return String(name).replaceAll("~", "~0").replaceAll("/", "~1");
}

function entries(content: Content | undefined): readonly string[] {
  if (content === undefined) {
    return NO_HEADERS;
  }
  const list = Object.entries(content.headers ?? {}).flatMap(([name, value]) => [name, String(value)]);
  for (const [member, name] of CONTENT_MEMBERS) {
    const value = content[member];
    if (value !== undefined) {
      list.push(name, String(value));
    }
  }
  return list;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.split("\n", 1)[0]! : String(error);
}

/** What stands in the JSON of values that JSON does not have. */
const SUSPECT = ["null", "{}", '{"0":', '{"type":"Buffer"'];
/** Objects whose content JSON.stringify leaves out. */
const STRANGERS = [Map, Set, WeakMap, WeakSet, ArrayBuffer, RegExp, Error, Promise];

const NO_HEADERS: readonly string[] = [];
/** The members of {@link Content} that are of the envelope, and how the session calls them. */
export const CONTENT_MEMBERS: readonly (readonly [Exclude<keyof Content, "headers">, string])[] = [
  ["contentType", ":content-type"],
  ["replyTo", ":reply-to"],
  ["sentAt", ":sent-at"],
  ["schema", ":schema"],
  ["signature", ":signature"],
  ["encryption", ":encryption"],
  ["attempts", ":attempts"],
  ["status", ":status"],
];
