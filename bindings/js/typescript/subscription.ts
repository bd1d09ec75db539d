/**
 * One subscription: its queue, bounded in bytes with the same overflow rule as the broker's, and how a program takes
 * messages from it.
 */
import { Gap, Message } from "./carried.js";
import { own, type BuslaneError } from "./error.js";
import { Inbox } from "./inbox.js";
import { defer, handled, onAbort } from "./pending.js";

/** What gives way when a queue is full. */
export type Overflow = "drop_oldest" | "drop_newest" | "disconnect";

/** How a subscription is made. */
export interface SubscribeOptions {
  /** Makes it a shared subscription: each message goes to one of the members of this name and filter. */
  shared?: string;
  /** What gives way when a queue is full, here or in the broker. Default: the oldest. */
  overflow?: Overflow;
  /** Messages that may be on their way before the program has taken them. Default: no bound but the queues. */
  credit?: number;
  /** Bytes that may wait here. Default: 4 MiB. */
  queueBytes?: number;
  /** Ends the subscription. */
  signal?: AbortSignal;
}

/** What a subscription asks of its client. @internal */
export interface SubscriptionOwner {
  /** The program took so many messages. */
  taken(count: number): void;
  /** The program wants no more. */
  leave(): void;
}

/**
 * Messages of the topics that a filter selects, for `for await`. It ends when the program leaves the loop, with
 * {@link Subscription.unsubscribe}, or with its client.
 */
export class Subscription implements AsyncIterableIterator<Message, undefined> {
  /** The filter. */
  readonly filter: string;
  /** @internal */
  readonly accepted = defer<void>();
  /** @internal Whether the broker has accepted it once. */
  established = false;
  readonly #inbox = new Inbox<Message | Gap>();
  readonly #owner: SubscriptionOwner;
  readonly #capacity: number;
  readonly #overflow: Overflow;
  readonly #forget: () => void;
  #bytes = 0;

  /** @internal */
  constructor(filter: string, options: SubscribeOptions, owner: SubscriptionOwner) {
    this.filter = filter;
    this.#owner = owner;
    this.#capacity = options.queueBytes ?? QUEUE_BYTES;
    this.#overflow = options.overflow ?? "drop_oldest";
    const signal = options.signal;
    const isAborted = signal?.aborted === true;
    this.#forget = onAbort(isAborted ? undefined : signal, (reason) => this.#leave(reason));
    if (isAborted) {
      this.#leave(signal.reason);
    }
  }

  /** @internal Whether nothing more comes. */
  get ended(): boolean {
    return this.#inbox.ended;
  }

  /** Resolves when the broker has accepted it; without a connection, when it is remembered. Rejects if it is refused. */
  get ready(): Promise<void> {
    return this.accepted.promise;
  }

  /** Waits for the next message, and passes over gaps. */
  next(): Promise<IteratorResult<Message, undefined>> {
    const oldest = this.#inbox.peek("oldest");
    if (oldest instanceof Message) {
      this.#inbox.shift();
      this.#took(oldest);
      return Promise.resolve({ done: false, value: oldest });
    }
    // Only where something is waited for can anything fail.
    return handled(this.#next());
  }

  async #next(): Promise<IteratorResult<Message, undefined>> {
    for (;;) {
      const item = await this.#take();
      if (item.done || item.value instanceof Message) {
        return item as IteratorResult<Message, undefined>;
      }
    }
  }

  /** Returns the same messages, with a {@link Gap} wherever some are missing. */
  events(): AsyncIterableIterator<Message | Gap, undefined> {
    const events: AsyncIterableIterator<Message | Gap, undefined> = {
      next: () => (this.#inbox.length > 0 ? this.#take() : handled(this.#take())),
      return: async () => {
        this.unsubscribe();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => events,
    };
    return events;
  }

  /** Ends the subscription. */
  unsubscribe(): void {
    this.#leave(undefined);
  }

  /** Ends the subscription, as leaving a `for await` does. */
  async return(): Promise<IteratorResult<Message, undefined>> {
    this.unsubscribe();
    return { done: true, value: undefined };
  }

  /** Lets a `for await` take its messages. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @internal Appends a message. Where the queue is full, something gives way to a gap. */
  deliver(message: Message): void {
    if (this.#inbox.ended) {
      return;
    }
    if (this.#bytes + message.cost <= this.#capacity) {
      this.#bytes += message.cost;
      this.#inbox.push(message);
    } else if (this.#overflow === "drop_oldest") {
      this.#dropOldest(message);
    } else {
      this.miss(new Gap(1, message.cost, false));
      this.#owner.taken(1);
      if (this.#overflow === "disconnect") {
        this.#forget();
        this.#inbox.end();
        this.#owner.leave();
      }
    }
  }

  /** @internal Appends a gap. */
  miss(gap: Gap): void {
    const newest = this.#inbox.peek("newest");
    if (newest instanceof Gap) {
      newest.add(gap);
    } else {
      this.#inbox.push(new Gap(gap.count, gap.bytes, gap.unknown));
    }
  }

  /** @internal Ends it after what is there. */
  end(error?: BuslaneError): void {
    this.#forget();
    this.#inbox.end(error);
    this.accepted.reject(error ?? own("closed", "the client ended before the broker accepted the subscription"));
  }

  async #take(): Promise<IteratorResult<Message | Gap, undefined>> {
    const item = await this.#inbox.next();
    if (!item.done && item.value instanceof Message) {
      this.#took(item.value);
    }
    return item;
  }

  #took(message: Message): void {
    this.#bytes -= message.cost;
    this.#owner.taken(1);
  }

  /** Takes messages from the front until the new one fits, and leaves a gap in their place. */
  #dropOldest(message: Message): void {
    const gap = new Gap(0, 0, false);
    let dropped = 0;
    while (this.#bytes + message.cost > this.#capacity) {
      const oldest = this.#inbox.shift();
      if (oldest === undefined) {
        break;
      }
      if (oldest instanceof Gap) {
        gap.add(oldest);
      } else {
        this.#bytes -= oldest.cost;
        gap.add(new Gap(1, oldest.cost, false));
        dropped += 1;
      }
    }
    if (this.#inbox.peek("oldest") instanceof Gap) {
      gap.add(this.#inbox.shift() as Gap);
    }
    if (gap.count > 0 || gap.unknown) {
      this.#inbox.unshift(gap);
    }
    this.#bytes += message.cost;
    this.#inbox.push(message);
    this.#owner.taken(dropped);
  }

  #leave(reason: unknown): void {
    if (this.#inbox.ended) {
      this.#inbox.discard();
      return;
    }
    this.#forget();
    this.accepted.reject(reason ?? own("closed", "the subscription was ended before the broker accepted it"));
    if (reason === undefined) {
      this.#inbox.discard();
    } else {
      this.#inbox.end(reason);
    }
    this.#owner.leave();
  }
}

const QUEUE_BYTES = 4 * 1024 * 1024;
