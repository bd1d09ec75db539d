/** How a program joins the bus. */
import { Client } from "./client.js";
import { BuslaneError, own } from "./error.js";
import { instance } from "./instance.js";
import { defer, handled, LONGEST_TIMER, onAbort, unlessAborted } from "./pending.js";
import type { Platform } from "./transport.js";
import { parseUrl } from "./url.js";

/** Everything that a program may say about its client; times are in milliseconds. */
export interface ConnectOptions {
  /** The name that others see as the sender's while nothing is registered. Default: the broker's choice. */
  name?: string;
  /** Proves to the broker who the client is. */
  token?: string;
  /**
   * Returns at once, whether there is a broker or not: the program works alone, and joins when there is one.
   * Registrations and subscriptions are remembered, requests wait until their deadline, publishes queue up.
   */
  lazy?: boolean;
  /** How long to wait for the broker. Default: 5 s; `Infinity` for as long as it takes. */
  timeout?: number;
  /** Stops waiting for the broker. */
  signal?: AbortSignal;
  /** The deadline of requests that name none. Default: the broker's, 5 s. */
  requestTimeout?: number;
  /** Bytes of requests and publishes that may wait for a connection. Default: 1 MiB. */
  offlineBytes?: number;
  /** Silence of the broker after which the client asks for a sign of life. Default: 15 s; 0 for never. */
  pingAfter?: number;
  /** Silence of the broker after which the connection is given up. Default: 45 s; 0 for never. */
  goneAfter?: number;
  /** The first wait between attempts to connect; each is twice the one before. Default: 100 ms. */
  firstRetry?: number;
  /** The longest wait between attempts to connect. Default: 30 s. */
  longestRetry?: number;
}

/**
 * Joins the bus. Without a URL: in Node what `BUSLANE_URL` says, else `buslane://127.0.0.1:5959`; in a page the broker that
 * served `/buslane.js`, else the server that the page comes from.
 *
 * Rejects with `unreachable` if no broker answers in time, and at once if the broker refuses the client.
 */
export type Connect = (url?: string | URL, options?: ConnectOptions) => Promise<Client>;

/** Makes `connect` for a platform. */
export function connector(platform: Platform): Connect {
  return (url, options) => handled(join(platform, url, options));
}

async function join(platform: Platform, url: string | URL | undefined, options: ConnectOptions = {}): Promise<Client> {
  options.signal?.throwIfAborted();
  const text = String(url ?? platform.usualUrl());
  const place = parseUrl(text);
  if (!platform.kinds.includes(place.kind)) {
    throw own("not_supported", `${text}: this runtime opens WebSockets only; use ws://HOST:PORT`);
  }
  refuseNoTimes(options);
  const loaded = await unlessAborted(withinTime(instance(platform)), options.signal);
  const { name, token, offlineBytes, pingAfter, goneAfter, firstRetry, longestRetry } = options;
  const client = new Client({
    platform,
    instance: loaded,
    place,
    options: { name, token, offlineBytes, pingAfter, goneAfter, firstRetry, longestRetry },
    requestTimeout: options.requestTimeout,
  });
  if (!options.lazy) {
    await connected(client, text, options);
  }
  return client;
}

function refuseNoTimes(options: ConnectOptions): void {
  for (const name of TIMES) {
    const time = options[name];
    if (time !== undefined && !(typeof time === "number" && time >= 0 && (time < Infinity || UNBOUNDED.has(name)))) {
      throw own("invalid_message", `${name} is a number of milliseconds from 0, not ${String(time)}`);
    }
  }
}

/** Waits for the WebAssembly module, which a page gets over a network, but not for ever. */
async function withinTime<T>(loading: Promise<T>): Promise<T> {
  const either = defer<T>();
  const late = (): void => either.reject(own("unreachable", `the WebAssembly module does not come within ${MODULE_TIMEOUT / 1000} s`));
  const timer = setTimeout(late, MODULE_TIMEOUT);
  loading.then(either.resolve, either.reject);
  return either.promise.finally(() => clearTimeout(timer));
}

/** Waits until the broker has accepted the client. */
async function connected(client: Client, url: string, options: ConnectOptions): Promise<void> {
  const timeout = options.timeout ?? CONNECT_TIMEOUT;
  let reason = `no answer within ${timeout / 1000} s`;
  let over: unknown;
  const give = (why: unknown): void => {
    over = why;
    void client.close();
  };
  const late = (): void => give(own("unreachable", `no broker answers at ${url}: ${reason}; ${HINT}`));
  const timer = timeout > LONGEST_TIMER ? undefined : setTimeout(late, timeout);
  const forget = onAbort(options.signal, give);
  try {
    for await (const state of client.states()) {
      if (state.kind === "connected") {
        return;
      }
      if (state.kind === "disconnected") {
        reason = state.error.detail ?? state.error.message;
      }
      if (state.kind === "ended" && over === undefined) {
        throw state.error;
      }
    }
    throw over ?? new BuslaneError("closed");
  } finally {
    clearTimeout(timer);
    forget();
  }
}

const CONNECT_TIMEOUT = 5000;
/** Enough for a slow network: the module is needed once, and has nothing to do with whether there is a broker. */
const MODULE_TIMEOUT = 60_000;
const UNBOUNDED = new Set<string>(["timeout", "requestTimeout"]);
const TIMES = ["timeout", "requestTimeout", "pingAfter", "goneAfter", "firstRetry", "longestRetry"] as const;
const HINT = "start one with `buslane serve`, or say in BUSLANE_URL where it is";
