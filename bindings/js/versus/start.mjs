// Measures what a program takes to join, beside those that join by the npm packages `nats`, `mqtt` and `redis`, and one that
// does nothing: from its start to its end, what of it goes to the import and to the connection, and its memory. Each is a
// process of its own, in turns. Prints medians; see versus.mjs for what has to be there.
//
//   node versus/start.mjs [BROKER] [ROUNDS]
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { serve } from "./peers.mjs";

const [broker = "../../target/release/buslane", rounds = "9"] = process.argv.slice(2);
const servers = {
  buslane: await serve(broker, (port) => ["serve", "--listen", `127.0.0.1:${port}`]),
  nats: await serve("nats-server", (port) => ["-a", "127.0.0.1", "-p", String(port)]),
  mqtt: await serve("mosquitto", (port) => ["-p", String(port)]),
  redis: await serve("redis-server", (port) => ["--port", String(port), "--bind", "127.0.0.1", "--save", ""]),
};
const joins = {
  buslane: ({ port }) => `connect("buslane://127.0.0.1:${port}")`,
  nats: ({ port }) => `connect({ servers: "127.0.0.1:${port}" })`,
  mqtt: ({ port }) => `connectAsync("mqtt://127.0.0.1:${port}")`,
  redis: ({ port }) => `createClient({ url: "redis://127.0.0.1:${port}" }).connect()`,
};

/** The program that joins by a package, or does nothing. */
function program(name) {
  const join = name && joins[name](servers[name]);
  const use = name && `const { ${join.slice(0, join.indexOf("("))} } = await import("${name}"); const found = performance.now(); await ${join};`;
  return `const begun = performance.now(); ${use ?? "const found = begun;"}
    console.log(JSON.stringify([found - begun, performance.now() - found, process.memoryUsage().rss / 2 ** 20])); process.exit();`;
}

function measure(name) {
  const begun = performance.now();
  const run = spawnSync(process.execPath, ["--input-type=module", "--eval", program(name)], { cwd: dirname(fileURLToPath(import.meta.url)) });
  return [performance.now() - begun, ...JSON.parse(run.stdout.toString())];
}

const names = [undefined, ...Object.keys(servers)];
const results = names.map(() => []);
for (let round = 0; round < Number(rounds); round++) {
  names.forEach((name, index) => results[index].push(measure(name)));
}
for (const [index, name] of names.entries()) {
  const median = (column) => results[index].map((result) => result[column]).sort((one, other) => one - other)[Number(rounds) >> 1];
  const [whole, imported, connected, memory] = [0, 1, 2, 3].map((column) => Number(median(column).toFixed(1)));
  console.log(JSON.stringify({ name: name ?? "nothing", whole_ms: whole, import_ms: imported, connect_ms: connected, resident_mib: memory }));
}
Object.values(servers).forEach((server) => server.end());
