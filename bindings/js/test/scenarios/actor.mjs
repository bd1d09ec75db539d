// One client of a scenario: does what steps say, and keeps what comes of it, as JSON. Runs in Node as well as in a page.
import { BuslaneError, connect } from "buslane";
import { bodyOf, echoOf, ofCall, ofError, ofEvent, ofGathered, ofReply, ofState } from "./items.mjs";
import { differences, matches } from "./matcher.mjs";
import { Queue } from "./queue.mjs";

export class Actor {
  #client;
  #registrations = new Map();
  #leaving = new Map();
  #subscriptions = new Map();
  #requests = new Map();
  #methods = new Map();
  #reports;

  /** Joins the bus; returns nothing if that fails as it should. */
  static async join(url, options, fails) {
    const client = await check(connect(url, options), fails);
    return client && new Actor(client);
  }

  constructor(client) {
    this.#client = client;
    this.#reports = Queue.of(client.reports(), (report) => ({ expect: "report", error: report.error.problem }));
  }

  act(step) {
    const action = this[`do_${step.do}`];
    if (action === undefined) {
      throw new Error(`there is no action ${step.do}`);
    }
    return action.call(this, step);
  }

  /** Waits for the next thing of the queue that an expectation names. */
  async next(step) {
    switch (step.expect) {
      case "delivery":
      case "gap": {
        const item = await this.look(step.on);
        this.takeAway(step.on);
        return item;
      }
      case "invoked":
        return this.#method(step.method).invoked.next();
      case "withdrawn":
        return this.#method(step.method).withdrawn.next();
      case "unregistered":
        return this.#leaving.get(step.name).next();
      case "report":
        return this.#reports.next();
      case "state":
        return this.#state(step.state);
      default:
        return this.#requests.get(step.of).outcomes.next();
    }
  }

  /** Waits for the next event of a subscription, and leaves it there: whoever gives up waiting loses nothing. */
  look(label) {
    const entry = this.#subscriptions.get(label);
    entry.pull ??= entry.events.next().then(({ done, value }) => (done ? ENDED : ofEvent(value)));
    return entry.pull;
  }

  /** Takes away what was looked at. */
  takeAway(label) {
    this.#subscriptions.get(label).pull = undefined;
  }

  /** Where its connection stands. */
  state() {
    return ofState(this.#client.state);
  }

  /** What came and was not expected. */
  async leftOver() {
    if (this.#client.state.kind === "connected") {
      await Promise.race([this.#client.flush().catch(() => {}), late(5000)]);
    }
    const left = [];
    for (const label of this.#subscriptions.keys()) {
      const item = await Promise.race([this.look(label).catch(() => NOTHING), immediately()]);
      if (item !== NOTHING && item !== ENDED) {
        left.push(`subscription ${label} has ${JSON.stringify(item)}`);
      }
    }
    for (const [label, { outcomes }] of this.#requests) {
      left.push(...outcomes.left.map((item) => `request ${label} has ${JSON.stringify(item)}`));
    }
    return left;
  }

  end() {
    return this.#client.close();
  }

  async do_register(step) {
    const handlers = step.handlers ?? {};
    const declared = Array.isArray(step.registration.methods)
      ? Object.fromEntries(step.registration.methods.map((name) => [name, {}]))
      : (step.registration.methods ?? {});
    const methods = Object.entries(declared).map(([name, method]) => [name, { ...method, handler: this.#handler(name, handlers[name]) }]);
    const registering = this.#client.register({ ...step.registration, methods: Object.fromEntries(methods) });
    const registration = await check(registering, step.fails);
    if (registration !== undefined) {
      this.#registrations.set(step.registration.name, registration);
    }
    if ("compatibility" in step && !matches(step.compatibility, registration?.compatibility ?? null)) {
      throw new Error(`compatibility: found ${JSON.stringify(registration?.compatibility)}`);
    }
  }

  async do_unregister(step) {
    const leaving = this.#registrations.get(step.name).unregister({ drain: step.drain ?? false });
    if (!step.drain) {
      return leaving;
    }
    const queue = new Queue();
    this.#leaving.set(step.name, queue);
    leaving.then(() => queue.push({ expect: "unregistered" }), (error) => queue.push(ofError(error)));
  }

  async do_subscribe(step) {
    const { shared, overflow, credit } = step;
    const subscription = this.#client.subscribe(step.filter, { shared, overflow, credit });
    await check(subscription.ready, step.fails);
    if (step.fails === undefined) {
      this.#subscriptions.set(step.as, { subscription, events: subscription.events() });
    }
  }

  async do_unsubscribe(step) {
    this.#subscriptions.get(step.subscription).subscription.unsubscribe();
    this.#subscriptions.delete(step.subscription);
    await this.#client.flush();
  }

  async do_publish(step) {
    const ack = "receivers" in step || "fails" in step;
    const { retain, retain_ms: retainMs, exclude_self: excludeSelf } = step;
    for (let count = 0; count < (step.repeat ?? 1); count++) {
      const publishing = this.#client.publish(step.topic, bodyOf(step), { ack, retain, retainMs, excludeSelf });
      const receivers = await check(publishing, step.fails);
      if ("receivers" in step && !matches(step.receivers, receivers)) {
        throw new Error(`receivers: expected ${JSON.stringify(step.receivers)}, found ${receivers}`);
      }
    }
  }

  async do_request(step) {
    const [outcomes, abort] = [new Queue(), new AbortController()];
    this.#requests.set(step.as, { outcomes, abort });
    const timeout = step.expires_in_ms === null ? Infinity : step.expires_in_ms;
    const options = { timeout, signal: abort.signal };
    const gathers = Array.isArray(step.to) || /[@*]/.test(step.to);
    for (let count = 0; count < (step.repeat ?? 1); count++) {
      if (gathers) {
        const gather = this.#client.gather(step.to, bodyOf(step), options);
        void collect(gather, ofGathered, () => ({ expect: "end", ...gather.summary }), outcomes);
      } else if (step.stream) {
        const stream = this.#client.stream(step.to, bodyOf(step), options);
        void collect(stream, (reply) => ofReply("chunk", reply), () => ({ expect: "end" }), outcomes);
      } else {
        this.#client.call(step.to, bodyOf(step), options).then(
          (reply) => outcomes.push(ofReply("reply", reply)),
          (error) => error instanceof BuslaneError && outcomes.push(ofError(error)),
        );
      }
    }
  }

  async do_cancel(step) {
    this.#requests.get(step.request).abort.abort();
    this.#requests.delete(step.request);
  }

  async do_answer(step) {
    const held = this.#method(step.method).held.shift();
    if (held === undefined) {
      throw new Error(`${step.method} holds no request`);
    }
    held(step.with);
  }

  do_flush() {
    return this.#client.flush();
  }

  // Nothing is taken from a subscription but by an expectation.
  async do_pause() {}
  async do_resume() {}

  async do_reconnect() {
    await this.#state("connected");
    await this.#client.flush();
  }

  do_close() {
    return this.#client.close();
  }

  async #state(wanted) {
    let found;
    for await (const state of this.#client.states()) {
      found = ofState(state);
      if (found.state === wanted) {
        break;
      }
    }
    return found;
  }

  #method(name) {
    let method = this.#methods.get(name);
    if (method === undefined) {
      method = { invoked: new Queue(), withdrawn: new Queue(), held: [] };
      this.#methods.set(name, method);
    }
    return method;
  }

  #handler(name, answer = { hold: true }) {
    const method = this.#method(name);
    const watch = (context) => {
      method.invoked.push(ofCall(context));
      context.signal.addEventListener("abort", () => method.withdrawn.push({ expect: "withdrawn" }));
    };
    if (answer.stream !== undefined) {
      return async function* (_payload, context) {
        watch(context);
        yield* answer.stream;
        if (answer.hold) {
          await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        }
      };
    }
    return async (_payload, context) => {
      watch(context);
      return give(answer.hold ? await new Promise((resolve) => method.held.push(resolve)) : answer, context);
    };
  }
}

function give(answer, context) {
  if (answer.error !== undefined) {
    throw new BuslaneError(answer.error.code, answer.error.title, { data: answer.error.data });
  }
  return answer.echo ? echoOf(context) : answer.reply;
}

async function collect(answers, read, end, outcomes) {
  try {
    for await (const answer of answers) {
      outcomes.push(read(answer));
    }
    outcomes.push(end());
  } catch (error) {
    if (error instanceof BuslaneError) {
      outcomes.push(ofError(error));
    }
  }
}

/** Holds the outcome of an action against the error that it should have, if any. */
async function check(action, fails) {
  let result;
  try {
    result = await action;
  } catch (error) {
    if (fails === undefined || !(error instanceof BuslaneError)) {
      throw error;
    }
    const wrong = differences(fails, error.problem);
    if (wrong.length > 0) {
      throw new Error(`the error differs: ${wrong.join("; ")}`);
    }
    return undefined;
  }
  if (fails !== undefined) {
    throw new Error("it should have failed");
  }
  return result;
}

function late(ms) {
  // In Node it does not keep the program, in a page there is nothing to keep.
  return new Promise((resolve) => setTimeout(() => resolve(NOTHING), ms).unref?.());
}

function immediately() {
  return new Promise((resolve) => setTimeout(() => resolve(NOTHING), 0));
}

const NOTHING = Symbol("nothing");
const ENDED = { expect: "nothing more" };
