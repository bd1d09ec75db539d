/** Reads services' coming and going out of the broker's events under `$bus/service/`. */
import type { Message } from "./carried.js";
import { handled } from "./pending.js";
import type { Subscription } from "./subscription.js";

/** An instance of a service. */
export interface Instance {
  /** The service's name. */
  readonly service: string;
  /** The instance's name. */
  readonly instance: string;
  /** The service's version, as the instance says. */
  readonly version: string;
  /** The groups that it belongs to. */
  readonly groups: readonly string[];
  /** The names of its methods. */
  readonly methods: readonly string[];
  /** The broker that it is connected to. */
  readonly node: string;
  /** Why it is gone. */
  readonly reason?: string;
}

/**
 * A service that comes or goes. After a lost connection the state of that time comes again, as after the beginning;
 * `snapshot` marks what was so before the watch began.
 */
export type PresenceEvent =
  /** An instance has registered. */
  | { readonly kind: "connect"; readonly instance: Instance; readonly snapshot: boolean }
  /** An instance has gone. */
  | { readonly kind: "disconnect"; readonly instance: Instance }
  /** The first instance of a service has registered. */
  | { readonly kind: "online"; readonly service: string; readonly snapshot: boolean }
  /** The last instance of a service has gone. */
  | { readonly kind: "offline"; readonly service: string }
  /** Everything that was so before the watch began has been told. */
  | { readonly kind: "snapshot_end" };

/** Reads a subscription to the events. */
export function presence(messages: Subscription): AsyncIterableIterator<PresenceEvent, undefined> {
  const next = async (): Promise<IteratorResult<PresenceEvent, undefined>> => {
    for (;;) {
      const item = await messages.next();
      const event = item.done ? undefined : read(item.value);
      if (item.done) {
        return item;
      }
      // Events of later versions concern nobody here.
      if (event !== undefined) {
        return { done: false, value: event };
      }
    }
  };
  const iterator: AsyncIterableIterator<PresenceEvent, undefined> = {
    next: () => handled(next()),
    return: async () => {
      messages.unsubscribe();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

function read(message: Message): PresenceEvent | undefined {
  if (message.topic === SNAPSHOT_END) {
    return { kind: "snapshot_end" };
  }
  const instance = { groups: [], methods: [], node: "", ...(message.payload as Partial<Instance>) } as Instance;
  const snapshot = message.snapshot;
  switch (message.topic.slice(PREFIX.length).split("/", 1)[0]) {
    case "connect":
      return { kind: "connect", instance, snapshot };
    case "disconnect":
      return { kind: "disconnect", instance };
    case "online":
      return { kind: "online", service: instance.service, snapshot };
    case "offline":
      return { kind: "offline", service: instance.service };
    default:
      return undefined;
  }
}

const PREFIX = "$bus/service/";
const SNAPSHOT_END = "$bus/snapshot-end";
