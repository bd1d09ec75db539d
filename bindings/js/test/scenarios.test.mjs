// Plays every scenario of schemas/scenarios/ over each transport.
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { play, TRANSPORTS } from "./scenarios/play.mjs";

const folder = new URL("../../../schemas/scenarios/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json") && !name.endsWith(".schema.json") && name !== "index.json");

for (const transport of TRANSPORTS) {
  describe(`over ${transport}`, { concurrency: 8 }, () => {
    for (const name of names) {
      const scenario = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
      if (scenario.not_over?.sdk === undefined) {
        test(name.replace(/\.json$/, ""), () => play(scenario, transport));
      }
    }
  });
}
