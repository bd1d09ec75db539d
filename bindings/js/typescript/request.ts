/** Requests of the program: how they are made, and what comes of those that are answered by more than one message. */
import { Reply } from "./carried.js";
import type { BuslaneError } from "./error.js";
import { Inbox } from "./inbox.js";
import { handled } from "./pending.js";

/** How a request is made. */
export interface RequestOptions {
  /**
   * When it ends at the latest, in milliseconds; of a stream, when the next part comes at the latest. `Infinity` for no
   * bound, for streams only. Default: the client's, else the broker's (5 s).
   */
  timeout?: number;
  /** Withdraws the request: its promise rejects with the signal's reason, and the callee is told. */
  signal?: AbortSignal;
  /** Headers of the program's own, as `traceparent`. */
  headers?: Readonly<Record<string, string>>;
  /** Parts of a stream that may be on their way before the program has taken any. Default: 64. */
  credit?: number;
}

/** How a gathered request ended. */
export interface Summary {
  /** How many instances were asked. */
  readonly expected: number;
  /** How many replied. */
  readonly replied: number;
  /** How many failed, were lost or did not answer in time. */
  readonly failed: number;
}

/** What one instance answered to a gathered request. */
export interface Gathered {
  /** `service#instance`, or the address that nothing answers to. */
  readonly from: string;
  /** Its reply, if it gave one. */
  readonly reply?: Reply;
  /** Why it failed, if it did. */
  readonly error?: BuslaneError;
}

/** Takes what comes of a request. @internal */
export interface Caller {
  /** One of several replies, or a part of a stream. */
  part(reply: Reply): void;
  /** One of several targets failed. */
  partFailed(from: string, error: BuslaneError): void;
  /** The only reply. */
  reply(reply: Reply): void;
  /** A stream or a gathered request is over. */
  end(summary: Summary): void;
  /** The request ended with an error. */
  fail(error: unknown): void;
  /** The request has a signal: `forget` is to be called when it is over. */
  watched(forget: () => void): void;
}

/** What an answer of several messages asks of its client. @internal */
export interface AnswersOwner {
  /** The program is done with one part. */
  consumed(): void;
  /** The program wants no more. */
  cancel(): void;
}

abstract class Answers<T> implements AsyncIterableIterator<T, undefined> {
  /** @internal */
  protected readonly inbox = new Inbox<T>();
  /** @internal */
  owner: AnswersOwner = { consumed: () => {}, cancel: () => {} };
  #forget = (): void => {};

  /** Waits for the next one. */
  next(): Promise<IteratorResult<T, undefined>> {
    return this.inbox.length > 0 ? this.#next() : handled(this.#next());
  }

  async #next(): Promise<IteratorResult<T, undefined>> {
    const item = await this.inbox.next();
    if (!item.done) {
      this.owner.consumed();
    }
    return item;
  }

  /** Withdraws the request, as leaving a `for await` does. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    if (!this.inbox.ended) {
      this.owner.cancel();
    }
    this.#forget();
    this.inbox.discard();
    return { done: true, value: undefined };
  }

  /** Lets a `for await` take them. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @internal */
  abstract part(reply: Reply): void;
  /** @internal */
  abstract partFailed(from: string, error: BuslaneError): void;
  /** @internal */
  abstract reply(reply: Reply): void;

  /** @internal */
  end(_summary?: Summary): void {
    this.#forget();
    this.inbox.end();
  }

  /** @internal */
  fail(error: unknown): void {
    this.#forget();
    this.inbox.end(error);
  }

  /** @internal */
  watched(forget: () => void): void {
    this.#forget = forget;
  }
}

/** The parts that one callee sends, for `for await`. The callee sends no faster than they are taken. */
export class ReplyStream extends Answers<Reply> {
  /** @internal */
  part(reply: Reply): void {
    this.inbox.push(reply);
  }

  /** @internal */
  partFailed(_from: string, error: BuslaneError): void {
    this.fail(error);
  }

  /** @internal A method that answers once is a stream of one part. */
  reply(reply: Reply): void {
    this.inbox.push(reply);
    this.end();
  }

  /** Returns the values of the parts, for `for await`. */
  values(): AsyncIterableIterator<unknown, undefined> {
    const values: AsyncIterableIterator<unknown, undefined> = {
      next: () => handled(this.#value()),
      return: () => this.return(),
      [Symbol.asyncIterator]: () => values,
    };
    return values;
  }

  async #value(): Promise<IteratorResult<unknown, undefined>> {
    const item = await this.next();
    try {
      return item.done ? item : { done: false, value: item.value.payload };
    } catch (error) {
      // A part that cannot be read ends the loop, and with it the request.
      await this.return();
      throw error;
    }
  }
}

/** The replies of several instances, for `for await`: each gives one, at the deadline at the latest. */
export class Gather extends Answers<Gathered> {
  #summary: Summary | undefined;

  /** How many there were; known when all have been taken. */
  get summary(): Summary | undefined {
    return this.#summary;
  }

  /** @internal */
  part(reply: Reply): void {
    this.inbox.push({ from: reply.from, reply });
  }

  /** @internal */
  partFailed(from: string, error: BuslaneError): void {
    this.inbox.push({ from, error });
  }

  /** @internal */
  reply(reply: Reply): void {
    this.part(reply);
    this.end({ expected: 1, replied: 1, failed: 0 });
  }

  /** @internal */
  override end(summary: Summary): void {
    this.#summary = summary;
    super.end(summary);
  }
}
