// Plays one scenario: starts the broker, connects the clients, takes the steps.
import { readdirSync, readFileSync } from "node:fs";
import { join as joinPath } from "node:path";
import { Broker } from "../stage/broker.mjs";
import { Relay } from "../stage/relay.mjs";
import { Actor } from "./actor.mjs";
import { differences, matches } from "./matcher.mjs";

/** The transports over which scenarios are played. */
export const TRANSPORTS = ["tcp", "unix", "websocket"];

/** All that an SDK can play, with their names. */
export function scenarios() {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".json") && !name.endsWith(".schema.json") && name !== "index.json")
    .map((name) => [name.replace(/\.json$/, ""), JSON.parse(readFileSync(new URL(name, FOLDER), "utf8"))])
    .filter(([, scenario]) => scenario.not_over?.sdk === undefined);
}

/** Plays one with actors that `join` makes, beside a broker that has the `options` given and those of the scenario. */
export async function play(scenario, transport, { join = Actor.join, options = {} } = {}) {
  const broker = await Broker.start({ options: { ...options, ...scenario.broker }, unix: transport === "unix" });
  const stage = { broker, transport, join, relays: new Map(), actors: new Map() };
  try {
    for (const label of scenario.clients) {
      const path = transport === "unix" ? joinPath(broker.folder, `${label}.link`) : undefined;
      stage.relays.set(label, { relay: await Relay.start(broker, path), path });
      if (!scenario.unconnected?.includes(label)) {
        await joinBus(stage, label, { timeout: LONGEST_ACTION });
      }
    }
    for (const [index, step] of scenario.steps.entries()) {
      await take(stage, step).catch((error) => {
        throw new Error(`step ${index + 1}: ${JSON.stringify(step)}\n  ${error.stack}`);
      });
    }
    const left = [];
    for (const [label, actor] of stage.actors) {
      left.push(...(await actor.leftOver()).map((what) => `${label}: ${what}`));
    }
    if (left.length > 0) {
      throw new Error(`left over at the end:\n  ${left.join("\n  ")}`);
    }
  } finally {
    stage.relays.forEach(({ relay }) => relay.end());
    await Promise.all([...stage.actors.values()].map((actor) => actor.end().catch(() => {})));
    await broker.end();
  }
}

async function joinBus(stage, label, options, fails) {
  const { relay, path } = stage.relays.get(label);
  const url = { tcp: () => `buslane://127.0.0.1:${relay.port}`, unix: () => `buslane+unix://${path}`, websocket: () => `ws://127.0.0.1:${relay.port}` };
  const actor = await stage.join(url[stage.transport](), { name: label, firstRetry: 5, longestRetry: 50, ...options }, fails);
  if (actor !== undefined) {
    stage.actors.set(label, actor);
  }
}

async function take(stage, step) {
  if (step.any_order !== undefined) {
    return expect(stage, step.any_order);
  }
  if (step.expect === "tally") {
    return bounded(tally(stage, step), step.within_ms ?? WITHIN);
  }
  if (step.expect !== undefined) {
    return expect(stage, [step]);
  }
  if (step.do === "stop_broker") {
    return step.how === "kill" ? stage.broker.kill() : stage.broker.drain();
  }
  if (step.do === "start_broker") {
    return stage.broker.start();
  }
  if (step.do === "connect") {
    return joinBus(stage, step.client, { lazy: step.lazy, timeout: step.timeout_ms }, step.fails);
  }
  const mode = linkMode(step);
  if (mode !== undefined) {
    stage.relays.get(step.client).relay.set(mode);
  }
  if (LINK_ONLY.has(step.do)) {
    return;
  }
  return bounded(stage.actors.get(step.client).act(step), LONGEST_ACTION);
}

/** What becomes of a client's link by a step. */
function linkMode({ do: action, unnoticed_by_broker: unnoticed }) {
  return { disconnect: unnoticed ? "half-cut" : "cut", reconnect: "open", freeze: "frozen", thaw: "open" }[action];
}

/** Meets expectations, in whatever order things come. */
async function expect(stage, steps) {
  const open = [...steps];
  while (open.length > 0) {
    const first = open[0];
    const item = await bounded(stage.actors.get(first.client).next(first), first.within_ms ?? WITHIN);
    const met = open.findIndex((step) => step.client === first.client && queueOf(step) === queueOf(first) && wrong(step, item).length === 0);
    if (met < 0) {
      throw new Error(`something else came: ${wrong(first, item).join("; ")}\n  it is ${JSON.stringify(item)}`);
    }
    open.splice(met, 1);
  }
}

/** Adds up what several subscriptions yield. */
async function tally(stage, step) {
  const came = [];
  let missing = 0;
  while (came.length + missing < step.total) {
    const looks = step.of.map(({ client, on }) => {
      const actor = stage.actors.get(client);
      return actor.look(on).then((item) => ({ actor, on, item }));
    });
    const { actor, on, item } = await Promise.race(looks);
    actor.takeAway(on);
    if (item.expect === "gap") {
      missing += item.count;
    } else if (item.expect === "delivery") {
      came.push(JSON.stringify(item.payload));
    } else {
      throw new Error("the subscription has ended");
    }
  }
  if ("missing" in step && !matches(step.missing, missing)) {
    throw new Error(`missing: expected ${JSON.stringify(step.missing)}, found ${missing}`);
  }
  if (step.distinct && new Set(came).size !== came.length) {
    throw new Error("something came twice");
  }
  if (came.length + missing !== step.total) {
    throw new Error(`${came.length + missing} came or are missing, not ${step.total}`);
  }
}

function wrong(step, item) {
  const { client, of, on, method, name, within_ms, why, ...members } = step;
  return differences(members, item);
}

function queueOf({ expect, of, on, method, name }) {
  const kind = of !== undefined ? "request" : on !== undefined ? "subscription" : expect;
  return [kind, of, on, method, name].join(" ");
}

async function bounded(work, ms) {
  let timer;
  const bound = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, bound]);
  } finally {
    clearTimeout(timer);
  }
}

const FOLDER = new URL("../../../../schemas/scenarios/", import.meta.url);
/** Steps that concern nothing but a client's link. */
const LINK_ONLY = new Set(["disconnect", "freeze", "thaw"]);
const WITHIN = 10_000;
const LONGEST_ACTION = 30_000;
