// Plays every scenario of schemas/scenarios/ over each transport.
import { describe, test } from "node:test";
import { play, scenarios, TRANSPORTS } from "./scenarios/play.mjs";

for (const transport of TRANSPORTS) {
  describe(`over ${transport}`, { concurrency: 8 }, () => {
    for (const [name, scenario] of scenarios()) {
      test(name, () => play(scenario, transport));
    }
  });
}
