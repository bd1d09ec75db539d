// Compiled by strict TypeScript, never run: every name that the package exports, used as a program would, and beside it what has
// to be refused.
import {
  Body,
  BuslaneError,
  Carried,
  Client,
  connect,
  ERROR_CODES,
  Gap,
  Gather,
  Message,
  Registration,
  Reply,
  ReplyStream,
  ServiceBuilder,
  Subscription,
  type CompatibilityReport,
  type Connect,
  type ConnectOptions,
  type Content,
  type Context,
  type Declaration,
  type ErrorCode,
  type ErrorDetails,
  type Gathered,
  type Handler,
  type Instance,
  type Method,
  type Overflow,
  type PresenceEvent,
  type Problem,
  type PublishOptions,
  type RegisterOptions,
  type Report,
  type RequestOptions,
  type Retry,
  type Schema,
  type State,
  type SubscribeOptions,
  type Summary,
  type Target,
  type TopicContract,
} from "buslane";

export async function joining(): Promise<Client> {
  const options: ConnectOptions = { lazy: true, name: "page", timeout: Infinity, signal: AbortSignal.timeout(1) };
  const join: Connect = connect;
  const bus: Client = await join(new URL("buslane://127.0.0.1"), options);
  await using scoped = await connect("buslane://127.0.0.1");
  // @ts-expect-error a time is a number
  await connect("buslane://127.0.0.1", { pingAfter: "15s" });
  return scoped.state.kind === "connected" ? scoped : bus;
}

export async function calling(bus: Client): Promise<void> {
  const options: RequestOptions = { timeout: 5, headers: { traceparent: "00" }, credit: 2 };
  const target: Target = ["a:b", "@group:b"];
  const { key } = await bus.request<{ key: string }>("a:b", { c: 1 }, options);
  const unknown = await bus.request("a:b");
  // @ts-expect-error what a request replies is not known unless it is said
  console.log(key, unknown.key);
  const reply: Reply = await bus.call("a:b", new Body(1, { contentType: "application/json" } satisfies Content));
  const carried: Carried = reply;
  const content: Content = carried.content;
  const stream: ReplyStream = bus.stream("a:b");
  for await (const value of stream.values()) console.log(value, content.status);
  // @ts-expect-error a stream has one address
  bus.stream(target);
  const gather: Gather = bus.gather(target, Body.json("1.0"));
  for await (const each of gather) {
    const { from, reply, error }: Gathered = each;
    console.log(from, reply?.payload, error?.code);
  }
  const summary: Summary | undefined = gather.summary;
  // @ts-expect-error it is not known before all have answered
  console.log(summary.expected);
}

export async function publishing(bus: Client): Promise<void> {
  const options: PublishOptions = { retain: "set", retainMs: 1000, excludeSelf: true };
  await bus.publish("a", Uint8Array.of(1), options);
  const receivers: number = await bus.publish("a", 1, { ack: true });
  // @ts-expect-error only an acknowledged publish counts receivers
  const none: number = await bus.publish("a", receivers);
  console.log(none);
}

export async function listening(bus: Client): Promise<void> {
  const overflow: Overflow = "drop_newest";
  const options: SubscribeOptions = { shared: "workers", overflow, credit: 10, queueBytes: 1000 };
  const subscription: Subscription = bus.subscribe("a/+", options);
  await subscription.ready;
  for await (const message of subscription) {
    const { topic, payload, retained }: Message = message;
    console.log(topic, payload, retained);
  }
  for await (const event of subscription.events()) {
    if (event instanceof Gap) console.log(event.count, event.unknown);
    else console.log(event.topic);
    // @ts-expect-error a gap has no topic
    console.log(event.topic);
  }
  // @ts-expect-error an overflow is one of three words
  bus.subscribe("a", { overflow: "never" });
}

export async function offering(bus: Client): Promise<void> {
  const schema: Schema = { type: "object" };
  const handler: Handler = ({ key }, context: Context) => [key, context.signal.aborted, context.expiresInMs];
  const method: Method = { input: schema, output: true, handler };
  const contract: TopicContract = { schema, retain: true, refuse: false };
  const declaration: Declaration = {
    name: "a",
    version: "1.0.0",
    groups: ["g"],
    methods: { get: method, set: async ({ key }, context: Context) => [key, context.from], watch: async function* () { yield 1; } },
    topics: { t: contract },
  };
  const options: RegisterOptions = { signal: new AbortController().signal };
  const registration: Registration = await bus.register(declaration, options);
  const report: CompatibilityReport | undefined = registration.compatibility;
  const builder: ServiceBuilder = bus.service("a", "1.0.0").group("g").handle("get", undefined, handler).topic("t", contract);
  await (await builder.register()).unregister({ drain: true });
  // @ts-expect-error a service has a version
  await bus.register({ name: "a" });
  // @ts-expect-error a method has a handler
  await bus.register({ name: "a", version: "1", methods: { get: { input: schema } } });
  console.log(report);
}

export async function watching(bus: Client): Promise<void> {
  for await (const event of bus.presence()) {
    const seen: PresenceEvent = event;
    // @ts-expect-error the end of the snapshot has no service
    if (seen.kind === "snapshot_end") console.log(seen.service);
    if (seen.kind === "connect") {
      const instance: Instance = seen.instance;
      console.log(instance.methods.length, seen.snapshot);
    }
  }
  const state: State = bus.state;
  // @ts-expect-error a state without a connection has no node
  if (state.kind === "disconnected") console.log(state.node);
  for await (const report of bus.reports()) {
    const told: Report = report;
    console.log(told.error.code, told.kind === "subscription_failed" ? told.filter : "");
  }
  await bus.flush();
}

export function failing(error: unknown): void {
  if (error instanceof BuslaneError) {
    const code: ErrorCode | (string & {}) = error.code;
    const retry: Retry = error.retry;
    const problem: Problem = error.problem;
    console.log(code, retry, problem.title, ERROR_CODES.includes("closed"));
  }
  const details: ErrorDetails = { detail: "nothing is kept here", data: { key: 1 }, cause: error };
  throw new BuslaneError("not_found", "nothing there", details);
}
