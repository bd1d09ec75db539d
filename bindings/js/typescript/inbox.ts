/** A queue between whoever fills it and one program that awaits it. Drops nothing unless it is given a bound. */
import { defer, type Deferred } from "./pending.js";

type Waiter<T> = Deferred<IteratorResult<T, undefined>>;

/** What came and was not taken yet. It can be awaited by several, each of which gets what comes next. */
export class Inbox<T> {
  #items: (T | undefined)[] = [];
  #first = 0;
  #waiters: Waiter<T>[] = [];
  #ended = false;
  #error: unknown;
  readonly #most: number;

  /** Makes a queue; of one with a bound the oldest gives way. */
  constructor(most = Infinity) {
    this.#most = most;
  }

  /** How many wait. */
  get length(): number {
    return this.#items.length - this.#first;
  }

  /** Whether nothing more comes. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Hands one over, or keeps it until it is asked for. */
  push(item: T): void {
    if (this.#ended) {
      return;
    }
    const waiter = this.#waiters.length > 0 ? this.#waiters.shift() : undefined;
    if (waiter === undefined) {
      if (this.length >= this.#most) {
        this.shift();
      }
      this.#items.push(item);
    } else {
      waiter.resolve({ done: false, value: item });
    }
  }

  /** Ends it after what is there, with an error if there is one. */
  end(error?: unknown): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#error = error;
    for (const waiter of this.#waiters.splice(0)) {
      this.#finish(waiter);
    }
  }

  /** Ends it, and forgets what is there. */
  discard(error?: unknown): void {
    this.end();
    this.#items = [];
    this.#first = 0;
    this.#error = error;
  }

  /** Waits for the next one. A promise of this that nobody awaits yet may be rejected without harm. */
  next(): Promise<IteratorResult<T, undefined>> {
    const item = this.shift();
    if (item !== undefined) {
      return Promise.resolve({ done: false, value: item });
    }
    const waiter = defer<IteratorResult<T, undefined>>();
    if (this.#ended) {
      this.#finish(waiter);
    } else {
      this.#waiters.push(waiter);
    }
    return waiter.promise;
  }

  /** Takes the oldest out. */
  shift(): T | undefined {
    if (this.#first === this.#items.length) {
      return undefined;
    }
    const item = this.#items[this.#first];
    this.#items[this.#first++] = undefined;
    if (this.#first === this.#items.length) {
      this.#items = [];
      this.#first = 0;
    } else if (this.#first > COMPACT_AFTER && this.#first * 2 > this.#items.length) {
      this.#items.splice(0, this.#first);
      this.#first = 0;
    }
    return item;
  }

  /** Puts one before all others. */
  unshift(item: T): void {
    if (this.#first > 0) {
      this.#items[--this.#first] = item;
    } else {
      this.#items.unshift(item);
    }
  }

  /** Returns the oldest or the newest, and leaves it there. */
  peek(end: "oldest" | "newest"): T | undefined {
    return this.length === 0 ? undefined : this.#items[end === "oldest" ? this.#first : this.#items.length - 1];
  }

  #finish(waiter: Waiter<T>): void {
    const error = this.#error;
    if (error === undefined) {
      waiter.resolve({ done: true, value: undefined });
    } else {
      // The error is told once; whoever asks again finds the end.
      this.#error = undefined;
      waiter.reject(error);
    }
  }
}

const COMPACT_AFTER = 1024;
