// Servers that are none, or mean harm: the client says what is wrong, tries again, and takes no harm itself.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import process from "node:process";
import { test } from "node:test";
import { connect } from "buslane";
import { CONNECTED, PREAMBLE, Pretender, rare } from "./stage/pretender.mjs";
import { upgrade, WebSocketEnd } from "./stage/websocket.mjs";

const unhandled = [];
process.on("unhandledRejection", (error) => unhandled.push(error));
const RETRIES = { lazy: true, firstRetry: 1, longestRetry: 1 };

/** Waits for the client to lose its connection, and returns why. */
async function loss(bus) {
  for await (const state of bus.states()) {
    if (state.kind === "disconnected") return state.error;
  }
  throw new Error("the client has ended");
}

/** A source of numbers that is the same each time. */
function* numbers(seed) {
  for (let state = seed; ; yield state >>> 0) state = (Math.imul(state, 1664525) + 1013904223) | 0;
}

test("a frame that claims to be longer than any limit ends the connection before it comes", async (context) => {
  const pretender = await Pretender.start();
  context.after(() => pretender.end());
  const bus = await connect(pretender.url, RETRIES);
  const guest = await pretender.guest();
  await guest.welcome();
  guest.send(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0a]));
  assert.equal((await loss(bus)).code, "frame_too_large");
  await guest.closed;
  await bus.close();
});

test("a server that says random bytes is left each time", async (context) => {
  const pretender = await Pretender.start();
  context.after(() => pretender.end());
  const bus = await connect(pretender.url, RETRIES);
  const random = numbers(7);
  for (let round = 0; round < 50; round++) {
    const guest = await pretender.guest();
    // Half of them begin as a broker would.
    const start = round % 2 === 0 ? Buffer.alloc(0) : PREAMBLE;
    guest.send(Buffer.concat([start, Buffer.from(Array.from({ length: 300 }, () => random.next().value >>> 24))]));
    guest.finish();
    await guest.closed;
  }
  await bus.close();
  assert.deepEqual(unhandled, []);
});

test("frames that are broken here and there never break the client", async (context) => {
  const pretender = await Pretender.start();
  context.after(() => pretender.end());
  const vectors = JSON.parse(readFileSync(new URL("../../../schemas/vectors/valid/broker.json", import.meta.url), "utf8"));
  const frames = vectors.filter(({ binary }) => binary !== null).map(({ binary }) => Buffer.from(binary, "hex"));
  const bus = await connect(pretender.url, RETRIES);
  const subscription = bus.subscribe("#");
  const random = numbers(11);
  const next = (below) => random.next().value % below;
  for (let round = 0; round < 200; round++) {
    const guest = await pretender.guest();
    await guest.welcome();
    const frame = Buffer.from(frames[next(frames.length)]);
    for (let count = 0; count <= next(3); count++) frame[4 + next(frame.length - 4)] = next(256);
    guest.send(frame);
    guest.finish();
    await guest.closed;
  }
  await bus.close();
  subscription.unsubscribe();
  assert.deepEqual(unhandled, []);
});

test("a broker that sends the second half of its greeting never is given up at the timeout", async (context) => {
  const pretender = await Pretender.start();
  context.after(() => pretender.end());
  const connecting = connect(pretender.url, { timeout: 100 });
  const guest = await pretender.guest();
  await guest.begin();
  guest.send(Buffer.concat([PREAMBLE, rare(CONNECTED, {}).subarray(0, 20)]));
  await assert.rejects(connecting, ({ code }) => code === "unreachable");
  await guest.closed;
});

const FRAMES = [
  ["a mask", [0x82, 0x81, 1, 2, 3, 4, 5]],
  ["reserved bits", [0xf2, 0x00]],
  ["an opcode that is none", [0x83, 0x00]],
  ["a ping in parts", [0x09, 0x00]],
  ["a long ping", [0x89, 0x7e, 0x00, 0x80]],
  ["a continuation of nothing", [0x80, 0x01, 0x00]],
  ["a message within a message", [0x02, 0x01, 0x00, 0x82, 0x01, 0x00]],
  ["a message of 2^63 bytes", [0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0]],
  ["text that is no frame of the bus", [0x81, 0x05, 0x68, 0x65, 0x6c, 0x6c, 0x6f]],
];
for (const [name, bytes] of FRAMES) {
  test(`a WebSocket server that sends ${name} is left`, async (context) => {
    const server = await webSocketServer((socket) => socket.write(Buffer.from(bytes)));
    context.after(() => server.close());
    const bus = await connect(server.url, RETRIES);
    const { code, detail } = await loss(bus);
    assert.ok(/no frame of a WebSocket/.test(detail) || /^invalid_|frame/.test(code), `${code}: ${detail}`);
    await bus.close();
  });
}

test("a message in parts that together are longer than any of a broker is not waited for", async (context) => {
  const part = Buffer.alloc(65 * 1024 * 1024);
  const head = (first) => Buffer.concat([Buffer.from([first, 127, 0, 0, 0, 0]), Buffer.from(Uint32Array.of(part.length).buffer).swap32()]);
  const server = await webSocketServer((socket) => [head(0x02), part, head(0x00), part].forEach((bytes) => socket.write(bytes)));
  context.after(() => server.close());
  const bus = await connect(server.url, { ...RETRIES, longestRetry: 30_000 });
  assert.match((await loss(bus)).detail, /no frame of a WebSocket/);
  await bus.close();
});

test("a message of a WebSocket comes whole, however it is cut", async (context) => {
  const server = await webSocketServer(async (socket) => {
    socket.setNoDelay(true);
    const [asked] = await once(new WebSocketEnd(socket), "data");
    const { id } = JSON.parse(asked.subarray(28));
    const connected = rare(CONNECTED, { type: "connected", id, version: 1, node: "n", server: "s", client: "c", heartbeat_ms: 0, limits: {} });
    const [one, other] = [connected.subarray(0, 9), connected.subarray(9)];
    const bytes = Buffer.concat([Buffer.from([0x02, one.length]), one, Buffer.from([0x89, 0x01, 0x21]), Buffer.from([0x80, 0x7e, 0, other.length]), other]);
    for (const byte of bytes) socket.write(Buffer.from([byte]));
  });
  context.after(() => server.close());
  const bus = await connect(server.url, { timeout: 10_000 });
  assert.equal(bus.state.node, "n");
  await bus.close();
});

for (const [name, headers] of [["another key", { accept: "wrong" }], ["another subprotocol", { protocol: "chat" }]]) {
  test(`an upgrade that names ${name} is none`, async (context) => {
    const server = await webSocketServer(() => {}, headers);
    context.after(() => server.close());
    const bus = await connect(server.url, RETRIES);
    assert.match((await loss(bus)).detail, /not one to this protocol/);
    await bus.close();
  });
}

test("a server that refuses without end is left when it has said enough", async (context) => {
  const server = createServer((_request, response) => {
    response.writeHead(503);
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(16 * 1024, "no ")));
    };
    response.on("drain", more).on("error", () => {});
    more();
  }).listen(0, "127.0.0.1");
  context.after(() => server.close());
  await once(server, "listening");
  const bus = await connect(`ws://127.0.0.1:${server.address().port}`, { ...RETRIES, longestRetry: 30_000 });
  assert.match((await loss(bus)).detail, /HTTP 503/);
  await bus.close();
  assert.deepEqual(unhandled, []);
});

/** Starts a server that upgrades whoever comes, and then does what a test says. */
async function webSocketServer(greet, headers) {
  const server = createServer().listen(0, "127.0.0.1");
  const sockets = new Set();
  server.on("upgrade", (request, socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    upgrade(request, socket, headers);
    greet(socket);
  });
  await once(server, "listening");
  const close = () => (sockets.forEach((socket) => socket.destroy()), server.close());
  return { url: `ws://127.0.0.1:${server.address().port}`, close };
}
