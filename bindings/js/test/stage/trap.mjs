// Run by a test in a process of its own: the WebAssembly module fails in the middle of things, once it is told to. Prints what
// became of everything that was under way.
import process from "node:process";

const Instance = WebAssembly.Instance;
let isBroken = false;
WebAssembly.Instance = class {
  constructor(module, imports) {
    const { exports } = new Instance(module, imports);
    const failing = (call) => (...all) => {
      if (isBroken) throw new WebAssembly.RuntimeError("unreachable");
      return call(...all);
    };
    this.exports = Object.fromEntries(Object.entries(exports).map(([name, each]) => [name, typeof each === "function" && !name.startsWith("__") ? failing(each) : each]));
    Object.setPrototypeOf(this, Instance.prototype);
  }
};

const { connect } = await import("buslane");
process.on("unhandledRejection", (error) => console.log("unhandled", error));
const [bus, other] = [await connect(process.argv[2]), await connect(process.argv[2])];
await bus.register({ name: "slow", version: "1.0.0", methods: { wait: () => new Promise(() => {}) } });
const request = bus.request("slow:wait").catch(({ code }) => code);
const messages = other.subscribe("a");
await messages.ready;
await Promise.all([bus.flush(), other.flush()]);

isBroken = true;
const publish = await bus.publish("a", 1).catch(({ code }) => code);
const [answer, ended] = [await request, await messages.next().catch(({ code }) => code)];
await Promise.all([bus.close(), other.close()]);
const later = await bus.request("slow:wait").catch(({ code }) => code);
isBroken = false;

const fresh = await connect(process.argv[2]);
await fresh.register({ name: "echo", version: "1.0.0", methods: { back: (payload) => payload } });
const again = await fresh.request("echo:back", "well");
await fresh.close();
console.log(JSON.stringify({ publish, answer, ended, states: [bus.state.kind, other.state.kind], later, again }));
