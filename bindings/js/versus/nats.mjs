// Measures this package beside the npm package `nats` with its own server, in turns: a lone request, 64 at a time, and
// publishing. `npm install --no-save nats` brings the peer; nats-server and target/release/buslane have to be there.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import process from "node:process";
import { connect } from "buslane";
import { connect as connectNats } from "nats";

const [broker = "target/release/buslane", server = "nats-server"] = process.argv.slice(2);
const ROUNDS = 5;
const payload = new Uint8Array(128).fill(120);

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  return port;
}

async function ours() {
  const port = await freePort();
  const child = spawn(broker, ["serve", "--listen", `127.0.0.1:${port}`], { stdio: "ignore" });
  const url = `buslane://127.0.0.1:${port}`;
  const [service, client] = [await connect(url), await connect(url)];
  await service.register({ name: "echo", version: "1.0.0", methods: { back: (bytes) => bytes } });
  return {
    request: () => client.request("echo:back", payload),
    publish: () => client.publish("load", payload),
    flush: () => client.flush(),
    end: async () => (await service.close(), await client.close(), child.kill()),
  };
}

async function theirs() {
  const port = await freePort();
  const child = spawn(server, ["-a", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const join = () => connectNats({ servers: `127.0.0.1:${port}`, waitOnFirstConnect: true, reconnectTimeWait: 50 });
  const [service, client] = [await join(), await join()];
  service.subscribe("echo", { callback: (_error, message) => message.respond(message.data) });
  await service.flush();
  return {
    request: () => client.request("echo", payload),
    publish: () => client.publish("load", payload),
    flush: () => client.flush(),
    end: async () => (await service.close(), await client.close(), child.kill()),
  };
}

async function lone(peer, count = 3000) {
  const times = [];
  for (let index = 0; index < count; index++) {
    const begun = performance.now();
    await peer.request();
    times.push(performance.now() - begun);
  }
  return times.sort((one, other) => one - other)[count >> 1] * 1000;
}

async function crowd(peer, count = 20_000) {
  const begun = performance.now();
  let left = count;
  await Promise.all(Array.from({ length: 64 }, async () => {
    while (left-- > 0) await peer.request();
  }));
  return count / (performance.now() - begun) * 1000;
}

async function publish(peer, count = 200_000) {
  const begun = performance.now();
  for (let index = 0; index < count; index++) {
    const room = peer.publish();
    if (index % 1000 === 999) {
      await room;
      await peer.flush();
    }
  }
  await peer.flush();
  return count / (performance.now() - begun) * 1000;
}

const peers = [await ours(), await theirs()];
for (const [row, measure, inverted] of [["request p50, us", lone, true], ["64 requests at a time, 1/s", crowd, false], ["publish 128 B, 1/s", publish, false]]) {
  const results = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, peer] of peers.entries()) {
      const result = await measure(peer);
      // The first round is for warming up.
      if (round > 0) results[index].push(result);
    }
  }
  const ratios = results[0].map((one, index) => (inverted ? results[1][index] / one : one / results[1][index])).sort((a, b) => a - b);
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  const [mine, other] = results.map(median);
  console.log(JSON.stringify({ row, ours: mine, theirs: other, ratio: median(ratios), ratio_min: ratios[0], ratio_max: ratios.at(-1) }));
}
await Promise.all(peers.map((peer) => peer.end()));
process.exit();
