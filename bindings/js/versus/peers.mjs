// The package and those that it is measured beside, each with a server of its own and two clients of it in this program:
// one asks and publishes, the other answers and receives. All of them do the same through the same few functions.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectSocket, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** Starts a server on a free port, and waits until it listens. */
export async function serve(program, args) {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  const path = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;
  const child = spawn(program, args(port), { stdio: "ignore", env: { ...process.env, PATH: path } });
  await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${program} ended with ${code}`)));
    const knock = () => {
      const socket = connectSocket(port, "127.0.0.1");
      socket.on("connect", () => (socket.destroy(), resolve()));
      socket.on("error", () => setTimeout(knock, 20));
    };
    knock();
  });
  child.removeAllListeners("exit");
  return { port, end: () => child.kill() };
}

/** Counts what comes, and lets somebody wait until so much has. */
class Tally {
  #count = 0;
  #wanted = Infinity;
  #reached = () => {};

  add() {
    if (++this.#count >= this.#wanted) {
      this.#wanted = Infinity;
      this.#reached();
    }
  }

  /** Waits for so many more, from the last time on. */
  async more(count) {
    const wanted = (this.awaited = (this.awaited ?? 0) + count);
    if (this.#count < wanted) {
      await new Promise((resolve) => {
        this.#reached = resolve;
        this.#wanted = wanted;
      });
    }
  }
}

/** Requests over topics, for those who know no others: answers come in the order of the requests. */
class Answers {
  #waiting = [];

  ask(send) {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      send();
    });
  }

  take(answer) {
    this.#waiting.shift()(answer);
  }
}

export async function buslane(broker) {
  const { connect } = await import("buslane");
  const server = await serve(broker, (port) => ["serve", "--listen", `127.0.0.1:${port}`]);
  const url = `buslane://127.0.0.1:${server.port}`;
  const [near, far] = [await connect(url), await connect(url)];
  await far.register({ name: "echo", version: "1.0.0", methods: { back: (bytes) => bytes } });
  const tally = new Tally();
  const subscription = far.subscribe("busy", { queueBytes: 1 << 28 });
  await subscription.ready;
  void (async () => {
    for await (const { payload } of subscription) {
      if (payload !== undefined) tally.add();
    }
  })();
  return {
    name: "buslane",
    request: (bytes) => near.request("echo:back", bytes),
    publish: (topic, value) => near.publish(topic, value),
    settled: () => near.flush(),
    received: (count) => tally.more(count),
    end: async () => (await far.close(), await near.close(), server.end()),
  };
}

export async function nats(program = "nats-server") {
  const { connect, JSONCodec } = await import("nats");
  const server = await serve(program, (port) => ["-a", "127.0.0.1", "-p", String(port)]);
  const [near, far] = await Promise.all([0, 1].map(() => connect({ servers: `127.0.0.1:${server.port}` })));
  const json = JSONCodec();
  far.subscribe("echo", { callback: (_error, message) => message.respond(message.data) });
  const tally = new Tally();
  let isJson = false;
  far.subscribe("busy", {
    callback: (_error, { data }) => {
      if ((isJson ? json.decode(data) : data) !== undefined) tally.add();
    },
  });
  await far.flush();
  return {
    name: "nats",
    request: async (bytes) => (await near.request("echo", bytes)).data,
    publish: (topic, value) => {
      isJson = !(value instanceof Uint8Array);
      near.publish(topic, isJson ? json.encode(value) : value);
    },
    settled: () => near.flush(),
    received: (count) => tally.more(count),
    end: async () => (await far.close(), await near.close(), server.end()),
  };
}

export async function mqtt(program = "mosquitto") {
  const { default: client } = await import("mqtt");
  const folder = mkdtempSync(join(tmpdir(), "versus-"));
  const server = await serve(program, (port) => {
    // Its default drops what a subscriber has not taken after 1,000 messages.
    writeFileSync(join(folder, "mosquitto.conf"), `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n`);
    return ["-c", join(folder, "mosquitto.conf")];
  });
  const [near, far] = await Promise.all([0, 1].map(() => client.connectAsync(`mqtt://127.0.0.1:${server.port}`, { protocolVersion: 5 })));
  // Without this, what is acknowledged waits for what is not.
  [near, far].forEach(({ stream }) => stream.setNoDelay(true));
  const [answers, tally] = [new Answers(), new Tally()];
  let isJson = false;
  far.on("message", (topic, bytes) => {
    if (topic === "echo") far.publish("answer", bytes);
    else if ((isJson ? JSON.parse(bytes.toString()) : bytes) !== undefined) tally.add();
  });
  near.on("message", (_topic, bytes) => answers.take(bytes));
  await far.subscribeAsync(["echo", "busy"]);
  await near.subscribeAsync("answer");
  return {
    name: "mqtt",
    request: (bytes) => answers.ask(() => near.publish("echo", bytes)),
    publish: (topic, value) => {
      isJson = !(value instanceof Uint8Array);
      near.publish(topic, isJson ? JSON.stringify(value) : value);
    },
    // The only publish that is acknowledged, when all before have been taken.
    settled: () => near.publishAsync("settled", "", { qos: 1 }),
    received: (count) => tally.more(count),
    end: async () => (await far.endAsync(true), await near.endAsync(true), server.end(), rmSync(folder, { recursive: true })),
  };
}

export async function redis(program = "redis-server") {
  const { createClient } = await import("redis");
  const server = await serve(program, (port) => ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
  const join = () => createClient({ url: `redis://127.0.0.1:${server.port}` }).connect();
  // A connection that subscribes does nothing else.
  const [near, nearHears, far, farHears] = await Promise.all([join(), join(), join(), join()]);
  const [answers, tally] = [new Answers(), new Tally()];
  let isJson = false;
  let last;
  await farHears.subscribe("echo", (bytes) => far.publish("answer", bytes), true);
  await nearHears.subscribe("answer", (bytes) => answers.take(bytes), true);
  await farHears.subscribe("busy", (bytes) => {
    if ((isJson ? JSON.parse(bytes.toString()) : bytes) !== undefined) tally.add();
  }, true);
  return {
    name: "redis",
    request: (bytes) => answers.ask(() => near.publish("echo", Buffer.from(bytes.buffer))),
    publish: (topic, value) => {
      isJson = !(value instanceof Uint8Array);
      last = near.publish(topic, isJson ? JSON.stringify(value) : Buffer.from(value.buffer));
    },
    settled: () => last,
    received: (count) => tally.more(count),
    end: async () => {
      await last;
      await Promise.all([near, nearHears, far, farHears].map((client) => client.close()));
      server.end();
    },
  };
}
