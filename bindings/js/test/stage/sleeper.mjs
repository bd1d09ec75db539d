// Run by a test in a process of its own, which the test stops and lets go on as a browser does with a tab. Prints what it
// sees, one JSON array a line.
import process from "node:process";
import { connect, Gap } from "buslane";

const say = (...what) => console.log(JSON.stringify(what));
process.on("unhandledRejection", (error) => say("unhandled", String(error)));
const bus = await connect(process.argv[2], { firstRetry: 5, longestRetry: 50 });
await bus.register({ name: "sleeper", version: "1.0.0", methods: { back: (payload) => payload } });
const messages = bus.subscribe("a");
await messages.ready;
say("ready");
for await (const event of messages.events()) {
  if (event instanceof Gap) say("gap", event.unknown);
  else say("message", event.payload);
}
