/** A client of the bus: everything that a program can ask for. Knows no rule of the protocol; the session does. */
import { encode, type Encoded } from "./body.js";
import type { Reply } from "./carried.js";
import { own, type BuslaneError } from "./error.js";
import { Inbox } from "./inbox.js";
import type { Instance } from "./instance.js";
import { Link } from "./link.js";
import { defer, handled, onAbort, unlessAborted } from "./pending.js";
import { presence, type PresenceEvent } from "./presence.js";
import { Gather, ReplyStream, type Caller, type RequestOptions } from "./request.js";
import { declarationText, Registration, ServiceBuilder, type Declaration, type RegisterOptions } from "./service.js";
import type { Report, State } from "./state.js";
import { Subscription, type SubscribeOptions } from "./subscription.js";
import type { Place, Platform, SessionOptions } from "./transport.js";
import { Waiters } from "./waiters.js";

/** One address, or several for one labelled answer each. */
export type Target = string | readonly string[];

/** How a publish is made. */
export interface PublishOptions {
  /** Waits until the broker has routed it, and resolves with the number of receivers. */
  ack?: boolean;
  /** What it does to the topic's retained value. */
  retain?: "set" | "clear";
  /** How long a retained value lives, in milliseconds. Default: for ever. */
  retainMs?: number;
  /** Leaves out this client's own subscriptions. */
  excludeSelf?: boolean;
  /** Headers of the program's own, as `traceparent`. */
  headers?: Readonly<Record<string, string>>;
  /** Stops waiting; what was sent is sent. */
  signal?: AbortSignal;
}

/** What a client decides beside the session. @internal */
export interface ClientParts {
  readonly platform: Platform;
  readonly instance: Instance;
  readonly place: Place;
  readonly options: SessionOptions;
  readonly requestTimeout: number | undefined;
}

/** A client of the bus, made by `connect`. */
export class Client {
  readonly #link: Link;
  readonly #waiters: Waiters;
  readonly #requestTimeout: number | undefined;
  readonly #stateListeners = new Set<Listener<State>>();
  readonly #reportListeners = new Set<Listener<Report>>();
  #state: State = { kind: "connecting" };

  /** @internal */
  constructor(parts: ClientParts) {
    const { platform, instance, place, options } = parts;
    this.#requestTimeout = parts.requestTimeout;
    this.#link = new Link({
      platform,
      instance,
      place,
      options,
      take: (tag, records) => this.#waiters.take(tag, records),
      failed: (error) => this.#setState({ kind: "ended", error }),
    });
    this.#waiters = new Waiters({
      link: this.#link,
      setState: (state) => this.#setState(state),
      report: (report) => this.#reportListeners.forEach((listener) => listener.push(report)),
    });
    this.#link.begin();
  }

  /** Where the connection stands. */
  get state(): State {
    return this.#state;
  }

  /** Returns the states of the connection, the present one first, for `for await`. It ends with the client. */
  states(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<State, undefined> {
    return listen({ listeners: this.#stateListeners, ended: this.#state.kind === "ended", first: this.#state }, options.signal);
  }

  /** Returns what goes wrong outside any call, from now on, for `for await`. It ends with the client. */
  reports(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<Report, undefined> {
    return listen({ listeners: this.#reportListeners, ended: this.#state.kind === "ended" }, options.signal);
  }

  /** Declares a service method by method. */
  service(name: string, version: string): ServiceBuilder {
    return new ServiceBuilder(name, version, (declaration, options) => this.register(declaration, options));
  }

  /**
   * Registers a service, or without methods a consumer. Resolves when the broker has accepted it; without a connection,
   * when it is remembered.
   */
  register(declaration: Declaration, options: RegisterOptions = {}): Promise<Registration> {
    return handled(this.#register(declaration, options));
  }

  async #register(declaration: Declaration, options: RegisterOptions): Promise<Registration> {
    options.signal?.throwIfAborted();
    const text = declarationText(declaration);
    const key = this.#link.act((glue, handle, now, stage) => glue.register(handle, now, stage.begin().text(text)));
    const registration = new Registration(declaration, {
      unregister: (drain) => this.#link.act((glue, handle) => glue.unregister(handle, key, drain)),
    });
    this.#waiters.registrations.set(key, registration);
    if (this.#state.kind === "disconnected") {
      registration.remember();
    }
    const forget = onAbort(options.signal, (reason) => {
      if (this.#waiters.registrations.delete(key)) {
        this.#link.giveUp((glue, handle) => glue.unregister(handle, key, false));
        registration.accepted.reject(reason);
      }
    });
    await registration.accepted.promise.finally(forget);
    return registration;
  }

  /** Calls a method, and resolves with the value that it replies. `Value` is what the caller knows of it; nothing checks that here. */
  request<Value = unknown>(to: Target, payload?: unknown, options: RequestOptions = {}): Promise<Value> {
    return handled(this.call(to, payload, options).then((reply) => reply.payload as Value));
  }

  /** Calls a method, and resolves with the whole reply: the payload, who sent it and what is said about it. */
  call(to: Target, payload?: unknown, options: RequestOptions = {}): Promise<Reply> {
    const reply = defer<Reply>();
    const only: Caller = {
      part: reply.resolve,
      partFailed: (_from, error) => reply.reject(error),
      reply: reply.resolve,
      end: () => reply.reject(own("internal", "the request ended without a reply")),
      fail: reply.reject,
      watched: (forget) => void reply.promise.then(forget, forget),
    };
    this.#ask(to, payload, options, 0, only);
    return reply.promise;
  }

  /** Calls a method that answers in parts. The request is withdrawn when the program leaves the loop. */
  stream(to: string, payload?: unknown, options: RequestOptions = {}): ReplyStream {
    const stream = new ReplyStream();
    const credit = Math.max(1, options.credit ?? USUAL_CREDIT);
    const key = this.#ask(to, payload, options, credit, stream);
    stream.owner = this.#answersOwner(key, true);
    return stream;
  }

  /** Calls every instance that several addresses, `@group:method` or `*:method` mean, and yields what each answers. */
  gather(to: Target, payload?: unknown, options: RequestOptions = {}): Gather {
    const gather = new Gather();
    const key = this.#ask(to, payload, options, 0, gather);
    gather.owner = this.#answersOwner(key, false);
    return gather;
  }

  /** Publishes. Resolves when there is room for more; waits while too much is on its way. */
  publish(topic: string, payload: unknown, options: PublishOptions & { ack: true }): Promise<number>;
  publish(topic: string, payload?: unknown, options?: PublishOptions): Promise<void>;
  publish(topic: string, payload?: unknown, options: PublishOptions = NO_OPTIONS): Promise<number | void> {
    try {
      options.signal?.throwIfAborted();
      const content = encode(payload, options.headers);
      const isPlain = options === NO_OPTIONS && content.headers.length === 0;
      if (!isPlain || !this.#link.gather(topic, content)) {
        const key = this.#publish(topic, content, options);
        if (key >= 0) {
          return this.#acknowledged(key, options.signal);
        }
        this.#link.accepted(topic);
      }
      return this.#link.crowded ? handled(unlessAborted(this.#link.room(), options.signal)) : DONE;
    } catch (error) {
      return handled(Promise.reject(error));
    }
  }

  #publish(topic: string, content: Encoded, options: PublishOptions): number {
    const retain = options.retain === "set" ? 1 : options.retain === "clear" ? 2 : 0;
    const { ack = false, retainMs = -1, excludeSelf = false } = options;
    return this.#link.act((glue, handle, now, stage) => {
      const address = stage.address(topic);
      const [headers, length] = stage.content(content);
      this.#link.added(address + length);
      return glue.publish(handle, now, address, headers, content.kind, length, ack, retain, retainMs, excludeSelf);
    });
  }

  #acknowledged(key: number, signal: AbortSignal | undefined): Promise<number> {
    const publish = defer<number>();
    this.#waiters.publishes.set(key, publish);
    return handled(unlessAborted(publish.promise, signal));
  }

  /** Subscribes to the topics that a filter selects: `+` stands for one level, `#` for the rest. */
  subscribe(filter: string, options: SubscribeOptions = {}): Subscription {
    let key = -1;
    const hasCredit = options.credit !== undefined;
    const subscription = new Subscription(filter, options, {
      taken: (count) => {
        if (hasCredit && count > 0 && this.#waiters.subscriptions.has(key)) {
          this.#link.act((glue, handle) => glue.credit_taken(handle, key, count));
        }
      },
      leave: () => {
        if (this.#waiters.subscriptions.delete(key)) {
          this.#link.giveUp((glue, handle) => glue.unsubscribe(handle, key));
        }
      },
    });
    if (subscription.ended) {
      return subscription;
    }
    try {
      const overflow = OVERFLOWS[options.overflow ?? "drop_oldest"];
      key = this.#link.act((glue, handle, _now, stage) => {
        const lengths = [stage.begin().text(filter), stage.optional(options.shared)] as const;
        return glue.subscribe(handle, ...lengths, overflow, options.credit ?? -1);
      });
      this.#waiters.subscriptions.set(key, subscription);
      if (this.#state.kind === "disconnected") {
        subscription.established = true;
        subscription.accepted.resolve();
      }
    } catch (error) {
      subscription.end(error as BuslaneError);
    }
    return subscription;
  }

  /** Watches services come and go: those that are there first, then the changes. */
  presence(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<PresenceEvent, undefined> {
    return presence(this.subscribe(PRESENCE_FILTER, options));
  }

  /** Resolves when the broker has processed everything before. Without a connection it waits for the next one. */
  flush(options: { signal?: AbortSignal } = {}): Promise<void> {
    try {
      options.signal?.throwIfAborted();
      const flush = defer<void>();
      const key = this.#link.act((glue, handle) => glue.flush(handle));
      this.#waiters.flushes.set(key, flush);
      return handled(unlessAborted(flush.promise, options.signal));
    } catch (error) {
      return handled(Promise.reject(error));
    }
  }

  /**
   * Leaves the bus: what is pending fails with `closed`, the broker is told goodbye. Resolves when the connection is
   * closed. {@link flush} first to be sure that everything has arrived.
   */
  async close(): Promise<void> {
    if (this.#state.kind !== "ended") {
      this.#link.close();
    }
    await this.#link.idle();
  }

  /** Leaves the bus at the end of an `await using`, as {@link close} does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Makes a request. What goes wrong at once is told as if it came later. */
  #ask(to: Target, payload: unknown, options: RequestOptions, credit: number, caller: Caller): number {
    try {
      options.signal?.throwIfAborted();
      const content = encode(payload, options.headers);
      const addresses = typeof to === "string" ? to : to.join("\n");
      const deadline = deadlineOf(options.timeout ?? this.#requestTimeout);
      const key = this.#link.act((glue, handle, now, stage) => {
        const address = stage.address(addresses);
        const [headers, length] = stage.content(content);
        this.#link.added(address + length);
        return glue.request(handle, now, address, headers, content.kind, length, deadline, credit);
      });
      this.#waiters.requests.set(key, caller);
      if (options.signal !== undefined) {
        caller.watched(onAbort(options.signal, (reason) => this.#withdraw(key, caller, reason)));
      }
      return key;
    } catch (error) {
      caller.fail(error);
      return -1;
    }
  }

  #withdraw(key: number, caller: Caller, reason: unknown): void {
    if (this.#waiters.requests.delete(key)) {
      this.#link.giveUp((glue, handle) => glue.cancel(handle, key));
      caller.fail(reason);
    }
  }

  #answersOwner(key: number, counts: boolean): { consumed(): void; cancel(): void } {
    const isPending = (): boolean => this.#waiters.requests.has(key);
    return {
      consumed: () => {
        if (counts && isPending()) {
          this.#link.act((glue, handle) => glue.consumed(handle, key, 1));
        }
      },
      cancel: () => {
        if (this.#waiters.requests.delete(key)) {
          this.#link.giveUp((glue, handle) => glue.cancel(handle, key));
        }
      },
    };
  }

  #setState(state: State): void {
    if (this.#state.kind === "ended") {
      return;
    }
    this.#state = state;
    this.#stateListeners.forEach((listener) => listener.push(state));
    if (state.kind === "ended") {
      this.#waiters.end(state.error);
      for (const listener of [...this.#stateListeners, ...this.#reportListeners]) {
        listener.end();
      }
      // The last bytes stand in the same batch as this.
      queueMicrotask(() => this.#link.finish());
    }
  }
}

/** Somebody who looks on. */
interface Listener<T> {
  push(item: T): void;
  end(): void;
}

interface Heard<T> {
  readonly listeners: Set<Listener<T>>;
  readonly ended: boolean;
  readonly first?: T;
}

/** Lets a program look on. One that does not keep up loses the oldest. */
function listen<T>({ listeners, ended, first }: Heard<T>, signal: AbortSignal | undefined): AsyncIterableIterator<T, undefined> {
  const inbox = new Inbox<T>(MOST_HEARD);
  const listener = { push: (item: T) => inbox.push(item), end: () => leave() };
  let forget = (): void => {};
  const leave = (error?: unknown): void => {
    listeners.delete(listener);
    forget();
    inbox.end(error);
  };
  if (first !== undefined) {
    inbox.push(first);
  }
  if (signal?.aborted) {
    inbox.discard(signal.reason);
  } else if (ended) {
    inbox.end();
  } else {
    listeners.add(listener);
    forget = onAbort(signal, leave);
  }
  const iterator: AsyncIterableIterator<T, undefined> = {
    next: () => inbox.next(),
    return: async () => {
      leave();
      inbox.discard();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

function deadlineOf(timeout: number | undefined): number {
  if (timeout === undefined) {
    return 0;
  }
  if (!(timeout >= 0)) {
    throw own("invalid_message", `a timeout is a number of milliseconds from 0, not ${String(timeout)}`);
  }
  return timeout === Infinity ? -1 : Math.max(1, timeout);
}

const DONE = Promise.resolve();
const NO_OPTIONS: PublishOptions = {};
const PRESENCE_FILTER = "$bus/service/#";
const OVERFLOWS = { drop_oldest: 0, drop_newest: 1, disconnect: 2 } as const;
const USUAL_CREDIT = 64;
/** States or reports that wait for a program that listens to them. */
const MOST_HEARD = 1000;
