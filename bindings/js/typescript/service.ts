/** What a program offers: how a service is declared, and a registration of it. Runs no handler; `invocation.ts` does. */
import { json } from "./body.js";
import type { Carried } from "./carried.js";
import { own, type BuslaneError } from "./error.js";
import { defer, handled, unlessAborted, type Deferred } from "./pending.js";

/** A JSON Schema. */
export type Schema = boolean | { readonly [keyword: string]: unknown };

/** What a handler is told of a request beside the payload. */
export interface Context extends Carried {
  /** The address as the caller wrote it. */
  readonly address: string;
  /** The name of the method. */
  readonly method: string;
  /** The caller's id of the request, for logs and traces. */
  readonly id: string | undefined;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
  /** Whether the caller takes the answer in parts. */
  readonly wantsStream: boolean;
  /** The milliseconds that were left when the request came; `undefined` if there is no bound. */
  readonly expiresInMs: number | undefined;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * Answers a request: with a value, a promise of one, or a generator whose values are the parts of a stream. What it
 * throws is the caller's error; its `code` travels if it has one.
 */
// The payload is whatever the schema of the method lets pass.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Handler = (payload: any, context: Context) => unknown;

/** A method that a service offers. */
export interface Method {
  /** What requests have to match. The broker refuses others. */
  input?: Schema;
  /** What replies have to match. */
  output?: Schema;
  /** What the method is for. */
  description?: string;
  /** Answers requests. */
  handler: Handler;
}

/** The contract of a topic that a service declares. */
export interface TopicContract {
  /** What messages have to match. */
  schema?: Schema;
  /** Whether the broker keeps the last message for late subscribers. */
  retain?: boolean;
  /** Whether an acknowledged publish fails when a receiver's queue is full. */
  refuse?: boolean;
  /** What the topic is for. */
  description?: string;
}

/** What a program declares when it joins. */
export interface Declaration {
  /** The service's name. */
  name: string;
  /** Its version. */
  version: string;
  /** The name of this instance. Default: the broker's choice. */
  instance?: string;
  /** The groups that it belongs to. */
  groups?: readonly string[];
  /** Its methods, by name: what they are, or just their handlers. */
  methods?: Readonly<Record<string, Method | Handler>>;
  /** The contracts of its topics, by topic. */
  topics?: Readonly<Record<string, TopicContract>>;
  /** Schemas that others refer to, by URI. */
  schemas?: Readonly<Record<string, Schema>>;
  /** Anything else for those who look. */
  meta?: unknown;
}

/** How a registration is made. */
export interface RegisterOptions {
  /** Takes it back, as long as the broker has not accepted it. */
  signal?: AbortSignal;
}

/** What a registration breaks, or may break, as the broker says. */
export interface CompatibilityReport {
  readonly [member: string]: unknown;
}

/** What a registration asks of its client. @internal */
export interface RegistrationOwner {
  unregister(drain: boolean): void;
}

/** A service that this client offers, across reconnects, until it is ended. */
export class Registration {
  /** The service's name. */
  readonly service: string;
  /** @internal */
  readonly handlers: ReadonlyMap<string, Handler>;
  /** @internal */
  readonly accepted: Deferred<void> = defer();
  /** @internal Whether some call has told the program of it. */
  told = false;
  readonly #ended = defer<void>();
  #hasEnded = false;
  readonly #owner: RegistrationOwner;
  #instance: string | undefined;
  #compatibility: CompatibilityReport | undefined;

  /** @internal */
  constructor(declaration: Declaration, owner: RegistrationOwner) {
    this.service = declaration.name;
    this.#instance = declaration.instance;
    this.#owner = owner;
    this.handlers = new Map(
      Object.entries(declaration.methods ?? {}).map(([name, method]) => [name, typeof method === "function" ? method : method.handler]),
    );
  }

  /** The name of the instance; `undefined` until the broker has chosen one. */
  get instance(): string | undefined {
    return this.#instance;
  }

  /** What the broker found that the registration breaks, if anything. */
  get compatibility(): CompatibilityReport | undefined {
    return this.#compatibility;
  }

  /** Ends the registration. With `drain` the requests under way may be finished first. A signal ends the waiting, not that. */
  unregister(options: { drain?: boolean; signal?: AbortSignal } = {}): Promise<void> {
    if (!this.#hasEnded) {
      this.#owner.unregister(options.drain ?? false);
    }
    return handled(unlessAborted(this.#ended.promise, options.signal));
  }

  /** @internal */
  accept(instance: string, compatibility: string | undefined): void {
    this.#instance = instance;
    this.#compatibility = compatibility === undefined ? undefined : (JSON.parse(compatibility) as CompatibilityReport);
    this.remember();
  }

  /** @internal Lets whoever waits go on: it is in place, or remembered for the next connection. */
  remember(): void {
    this.told = true;
    this.accepted.resolve();
  }

  /** @internal */
  end(error?: BuslaneError): void {
    this.#hasEnded = true;
    if (error === undefined) {
      this.#ended.resolve();
    } else {
      this.accepted.reject(error);
      this.#ended.reject(error);
    }
  }
}

/** Writes a declaration as the session takes it. */
export function declarationText(declaration: Declaration): string {
  const methods = Object.entries(declaration.methods ?? {}).map(([name, method]) => {
    const { input, output, description, handler = undefined } = typeof method === "function" ? { handler: method } : (method ?? {});
    if (typeof handler !== "function") {
      throw own("invalid_message", `the method ${JSON.stringify(name)} has no handler`);
    }
    return [name, { input, output, description }];
  });
  const { name, version, instance, groups, topics, schemas, meta } = declaration;
  return json({ name, version, instance, groups, methods: Object.fromEntries(methods), topics, schemas, meta });
}

/** Declares a service method by method. Made by `bus.service(name, version)`. */
export class ServiceBuilder {
  readonly #declaration: Declaration & { methods: Record<string, Method | Handler>; topics: Record<string, TopicContract> };
  readonly #register: (declaration: Declaration, options?: RegisterOptions) => Promise<Registration>;

  /** @internal */
  constructor(name: string, version: string, register: (declaration: Declaration, options?: RegisterOptions) => Promise<Registration>) {
    this.#declaration = { name, version, methods: {}, topics: {} };
    this.#register = register;
  }

  /** Names the instance. Default: the broker's choice. */
  instance(name: string): this {
    this.#declaration.instance = name;
    return this;
  }

  /** Adds the instance to a group. */
  group(name: string): this {
    this.#declaration.groups = [...(this.#declaration.groups ?? []), name];
    return this;
  }

  /** Offers a method: `input` is the schema of its requests, `undefined` for none. */
  handle(method: string, input: Schema | undefined, handler: Handler, more: { output?: Schema; description?: string } = {}): this {
    this.#declaration.methods[method] = { ...(input === undefined ? {} : { input }), ...more, handler };
    return this;
  }

  /** Declares the contract of a topic. */
  topic(topic: string, contract: TopicContract): this {
    this.#declaration.topics[topic] = contract;
    return this;
  }

  /** Registers the service. */
  register(options?: RegisterOptions): Promise<Registration> {
    return this.#register(this.#declaration, options);
  }
}
