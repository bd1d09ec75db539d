/** One request that came in: what its handler is told, and how its answer travels. */
import { encode } from "./body.js";
import { Carried } from "./carried.js";
import { BuslaneError, problemOf, writeProblem, type Problem } from "./error.js";
import { STATUS, TITLES, type ErrorCode } from "./error-codes.js";
import type { Link } from "./link.js";
import { defer, type Deferred } from "./pending.js";
import type { Records } from "./records.js";
import type { Context, Handler } from "./service.js";

/** A request that came in, until it is answered or nobody waits for it. */
export class Invocation extends Carried implements Context {
  readonly generation: number;
  readonly delivery: number;
  /** The registration that it is for, below 0 for none. */
  readonly registration: number;
  readonly address: string;
  readonly method: string;
  readonly id: string | undefined;
  readonly expiresInMs: number | undefined;
  readonly attempt: number;
  readonly wantsStream: boolean;
  #withdrawn = false;
  #controller: AbortController | undefined;
  #credit: Deferred<void> | undefined;

  private constructor(head: Head, records: Records) {
    super(head.from, records.headers(), records.payload());
    this.generation = head.generation;
    this.delivery = head.delivery;
    this.registration = head.registration;
    this.address = head.address;
    this.method = head.method;
    this.id = head.id;
    this.expiresInMs = head.expires < 0 ? undefined : head.expires;
    this.attempt = head.attempt;
    this.wantsStream = head.wantsStream;
  }

  /** Reads a request out of a batch. */
  static read(records: Records): Invocation {
    const head: Head = {
      generation: records.number(),
      delivery: records.float(),
      registration: records.float(),
      address: records.string(),
      method: records.string(),
      from: records.string(),
      id: records.optional(),
      expires: records.float(),
      attempt: records.byte(),
      wantsStream: records.flag(),
    };
    return new Invocation(head, records);
  }

  get signal(): AbortSignal {
    // Made when it is asked for: most handlers are done before anybody could lose patience.
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#withdrawn) {
        this.#abort();
      }
    }
    return this.#controller.signal;
  }

  /** Takes note that nobody waits for the answer any more. */
  withdraw(): void {
    this.#withdrawn = true;
    this.#credit?.resolve();
    this.#abort();
  }

  /** Takes note that the caller takes more parts. */
  allow(): void {
    this.#credit?.resolve();
  }

  /** Runs a handler and answers with what comes of it. `done` is called when nothing more is to come. */
  run(handler: Handler, link: Link, done: () => void): void {
    try {
      const outcome = handler(this.payload, this);
      if (isThenable(outcome) || isGenerator(outcome)) {
        void this.#finish(outcome, link).then(done, done);
        return;
      }
      this.#reply(link, outcome);
    } catch (thrown) {
      this.#fail(link, problemOf(thrown));
    }
    done();
  }

  /** Answers with an error of the table. */
  refuse(link: Link, code: ErrorCode): void {
    this.#fail(link, { code, title: TITLES[code], status: STATUS[code] });
  }

  async #finish(outcome: unknown, link: Link): Promise<void> {
    try {
      const value = await outcome;
      await link.room();
      if (isGenerator(value)) {
        await this.#stream(value, link);
      } else {
        this.#reply(link, value);
      }
    } catch (thrown) {
      this.#fail(link, problemOf(thrown));
    }
  }

  async #stream(parts: Generated, link: Link): Promise<void> {
    if (!this.wantsStream) {
      await parts.return?.();
      return this.#fail(link, {
        code: "unexpected_stream",
        title: TITLES.unexpected_stream,
        status: STATUS.unexpected_stream,
        origin: "service",
        detail: "the method answers in a stream, and the request asks for none",
      });
    }
    // Whichever way the loop is left, the generator is ended.
    for await (const part of parts) {
      if (this.#withdrawn || !(await this.#send(part, link))) {
        return;
      }
    }
    link.act((glue, handle, now) => glue.finish(handle, now, this.generation, this.delivery));
  }

  /** Sends one part when the caller takes it. Returns whether somebody still waits. */
  async #send(value: unknown, link: Link): Promise<boolean> {
    const content = encode(value);
    for (;;) {
      this.#credit = defer<void>();
      await link.room();
      const sent = link.act((glue, handle, now, stage) => {
        const [headers, length] = stage.begin().content(content);
        link.added(length);
        return glue.chunk(handle, now, this.generation, this.delivery, headers, content.kind, length);
      });
      if (sent !== NO_CREDIT) {
        return sent === SENT && !this.#withdrawn;
      }
      await this.#credit.promise;
      if (this.#withdrawn) {
        return false;
      }
    }
  }

  #reply(link: Link, value: unknown): void {
    try {
      const content = encode(value);
      link.act((glue, handle, _now, stage) => {
        const [headers, length] = stage.begin().content(content);
        link.added(length);
        return glue.reply(handle, this.generation, this.delivery, headers, content.kind, length);
      });
    } catch (thrown) {
      const problem = thrown instanceof BuslaneError ? { ...thrown.problem, origin: "service" as const } : problemOf(thrown);
      this.#fail(link, problem);
    }
  }

  #fail(link: Link, problem: Problem): void {
    try {
      const text = writeProblem(problem);
      link.act((glue, handle, _now, stage) => glue.fail(handle, this.generation, this.delivery, stage.begin().text(text)));
    } catch {
      // The client has ended, and nobody waits any more.
    }
  }

  #abort(): void {
    this.#controller?.abort(new DOMException("nobody waits for the answer any more", "AbortError"));
  }
}

interface Head {
  generation: number;
  delivery: number;
  registration: number;
  address: string;
  method: string;
  from: string;
  id: string | undefined;
  expires: number;
  attempt: number;
  wantsStream: boolean;
}

/** What a generator function returns. */
type Generated = (AsyncIterable<unknown> | Iterable<unknown>) & { return?(): unknown };

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === "function";
}

/** Tells generators, whose values are parts, from arrays and other values that can be iterated. */
function isGenerator(value: unknown): value is Generated {
  const { next } = (value ?? {}) as { next?: unknown };
  return typeof next === "function" && (Symbol.asyncIterator in (value as object) || Symbol.iterator in (value as object));
}

const SENT = 0;
const NO_CREDIT = 1;
