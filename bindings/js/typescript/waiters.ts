/**
 * Those who wait for something: each event of the session finds its own here. Runs after a crossing is over, so that
 * what it calls may ask the session for more.
 */
import { Gap, Message, Reply } from "./carried.js";
import { BuslaneError, type Problem } from "./error.js";
import { Invocation } from "./invocation.js";
import type { Link } from "./link.js";
import type { Deferred } from "./pending.js";
import { Tag, type Records } from "./records.js";
import type { Caller } from "./request.js";
import type { Registration } from "./service.js";
import type { Report, State } from "./state.js";
import type { Subscription } from "./subscription.js";

/** What waiters tell their client. */
export interface WaitersOwner {
  readonly link: Link;
  setState(state: State): void;
  report(report: Report): void;
}

/** All who wait for something of one client. */
export class Waiters {
  readonly requests = new Map<number, Caller>();
  readonly publishes = new Map<number, Deferred<number>>();
  readonly flushes = new Map<number, Deferred<void>>();
  readonly registrations = new Map<number, Registration>();
  readonly subscriptions = new Map<number, Subscription>();
  readonly #invocations = new Map<number, Invocation>();
  readonly #owner: WaitersOwner;

  constructor(owner: WaitersOwner) {
    this.#owner = owner;
  }

  /** Takes an event, all fields of it, whether somebody waits or not. */
  take(tag: Tag, records: Records): void {
    switch (tag) {
      case Tag.Delivery:
        return this.#deliver(records);
      case Tag.Reply:
        return this.#settle(records, (caller) => caller.reply(reply(records)));
      case Tag.Request:
        return this.#invoke(Invocation.read(records));
      case Tag.PartialReply:
      case Tag.Chunk: {
        const caller = this.requests.get(records.float());
        const part = reply(records);
        return caller?.part(part);
      }
      case Tag.PartialFailure: {
        const caller = this.requests.get(records.float());
        const from = records.string();
        const error = problem(records);
        return caller?.partFailed(from, error);
      }
      case Tag.End: {
        const caller = take(this.requests, records.float());
        const summary = { expected: records.number(), replied: records.number(), failed: records.number() };
        return caller?.end(summary);
      }
      case Tag.Failed:
        return this.#settle(records, (caller) => caller.fail(problem(records)));
      case Tag.Acked:
        return settle(take(this.publishes, records.float()), records.number());
      case Tag.PublishFailed:
        return refuse(take(this.publishes, records.float()), problem(records));
      default:
        this.#takeRare(tag, records);
    }
  }

  /** Lets everybody know that nothing more comes. */
  end(error: BuslaneError): void {
    const all = [this.requests, this.publishes, this.flushes, this.registrations, this.subscriptions, this.#invocations];
    const [requests, publishes, flushes, registrations, subscriptions, invocations] = [
      [...this.requests.values()],
      [...this.publishes.values()],
      [...this.flushes.values()],
      [...this.registrations.values()],
      [...this.subscriptions.values()],
      [...this.#invocations.values()],
    ];
    all.forEach((waiting) => waiting.clear());
    requests.forEach((caller) => caller.fail(error));
    publishes.forEach((publish) => publish.reject(error));
    flushes.forEach((flush) => flush.reject(error));
    registrations.forEach((registration) => registration.end(error));
    const closed = error.code === "closed";
    subscriptions.forEach((subscription) => subscription.end(closed ? undefined : error));
    invocations.forEach((invocation) => invocation.withdraw());
  }

  #takeRare(tag: Tag, records: Records): void {
    switch (tag) {
      case Tag.Withdrawn: {
        const invocation = this.#invocation(records);
        records.byte();
        if (invocation !== undefined) {
          this.#invocations.delete(invocation.delivery);
          invocation.withdraw();
        }
        return;
      }
      case Tag.Credit: {
        const invocation = this.#invocation(records);
        records.number();
        return invocation?.allow();
      }
      case Tag.AnswerRefused:
        this.#invocation(records);
        return this.#owner.report({ kind: "answer_refused", error: problem(records) });
      case Tag.Registered: {
        const registration = this.registrations.get(records.float());
        const [instance, compatibility] = [records.string(), records.optional()];
        return registration?.accept(instance, compatibility);
      }
      case Tag.RegistrationFailed:
        return this.#refuseRegistration(records.float(), problem(records), records.flag());
      case Tag.Unregistered:
        return take(this.registrations, records.float())?.end();
      case Tag.Subscribed: {
        const subscription = this.subscriptions.get(records.float());
        subscription?.accepted.resolve();
        if (subscription !== undefined) {
          subscription.established = true;
        }
        return;
      }
      case Tag.SubscriptionFailed:
        return this.#refuseSubscription(records.float(), problem(records));
      case Tag.Gap: {
        const keys = records.keys();
        const gap = new Gap(records.float(), records.float(), records.flag());
        return keys.forEach((key) => this.subscriptions.get(key)?.miss(gap));
      }
      case Tag.Flushed:
        return take(this.flushes, records.float())?.resolve();
      case Tag.FlushFailed:
        return refuse(take(this.flushes, records.float()), problem(records));
      default:
        this.#takeState(tag, records);
    }
  }

  #takeState(tag: Tag, records: Records): void {
    switch (tag) {
      case Tag.Connected:
        return this.#owner.setState({ kind: "connected", client: records.string(), node: records.string(), server: records.string() });
      case Tag.Disconnected: {
        const error = problem(records);
        const retryInMs = Math.max(0, records.float() - this.#owner.link.now);
        this.subscriptions.forEach((subscription) => {
          subscription.established = true;
          subscription.accepted.resolve();
        });
        this.registrations.forEach((registration) => registration.remember());
        return this.#owner.setState({ kind: "disconnected", error, retryInMs });
      }
      case Tag.Draining:
        return this.#owner.setState({ kind: "draining", closesInMs: records.float() });
      case Tag.Ended:
        return this.#owner.setState({ kind: "ended", error: problem(records) });
      case Tag.Refused:
        return this.#owner.report({ kind: "refused", error: problem(records) });
    }
  }

  #deliver(records: Records): void {
    const keys = records.keys();
    const [topic, from] = [records.repeated(0), records.repeated(1)];
    const message = new Message(topic, from, records.optional(), records.flag(), records.headers(), records.payload());
    for (const key of keys) {
      this.subscriptions.get(key)?.deliver(message);
    }
  }

  #invoke(invocation: Invocation): void {
    const handler = this.registrations.get(invocation.registration)?.handlers.get(invocation.method);
    if (handler === undefined) {
      return invocation.refuse(this.#owner.link, "no_instance");
    }
    this.#invocations.set(invocation.delivery, invocation);
    invocation.run(handler, this.#owner.link, () => {
      if (this.#invocations.get(invocation.delivery) === invocation) {
        this.#invocations.delete(invocation.delivery);
      }
    });
  }

  #invocation(records: Records): Invocation | undefined {
    const [generation, delivery] = [records.number(), records.float()];
    const invocation = this.#invocations.get(delivery);
    return invocation?.generation === generation ? invocation : undefined;
  }

  #settle(records: Records, tell: (caller: Caller) => void): void {
    const caller = take(this.requests, records.float());
    tell(caller ?? NOBODY);
  }

  #refuseRegistration(key: number, error: BuslaneError, retries: boolean): void {
    const registration = this.registrations.get(key);
    if (registration === undefined) {
      return;
    }
    if (registration.told) {
      this.#owner.report({ kind: "registration_failed", service: registration.service, error, retries });
    } else if (retries) {
      // Whoever waits for the call is told, and nothing is to come of it behind their back.
      this.#owner.link.act((glue, handle) => glue.unregister(handle, key, false));
    }
    if (!registration.told || !retries) {
      this.registrations.delete(key);
      registration.end(error);
    }
  }

  #refuseSubscription(key: number, error: BuslaneError): void {
    const subscription = take(this.subscriptions, key);
    if (subscription?.established) {
      this.#owner.report({ kind: "subscription_failed", filter: subscription.filter, error });
    }
    subscription?.end(error);
  }
}

function take<T>(waiting: Map<number, T>, key: number): T | undefined {
  const waiter = waiting.get(key);
  waiting.delete(key);
  return waiter;
}

function settle<T>(deferred: Deferred<T> | undefined, value: T): void {
  deferred?.resolve(value);
}

function refuse<T>(deferred: Deferred<T> | undefined, error: BuslaneError): void {
  deferred?.reject(error);
}

function reply(records: Records): Reply {
  return new Reply(records.string(), records.headers(), records.payload());
}

function problem(records: Records): BuslaneError {
  return BuslaneError.of(JSON.parse(records.string()) as Problem);
}

/** Reads what comes for a request that nobody waits for any more. */
const NOBODY: Caller = { part() {}, partFailed() {}, reply() {}, end() {}, fail() {}, watched() {} };
