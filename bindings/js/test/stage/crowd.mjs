// Run by a test in a process of its own: clients come and go, one after another. Prints how large the memory of the WebAssembly
// module was after the first hundred, and in the end.
const Instance = WebAssembly.Instance;
let memory;
WebAssembly.Instance = class {
  constructor(module, imports) {
    const { exports } = new Instance(module, imports);
    memory = exports.memory;
    this.exports = exports;
    Object.setPrototypeOf(this, Instance.prototype);
  }
};

const { connect } = await import("buslane");
const sizes = [];
for (let count = 1; count <= 2000; count++) {
  const bus = await connect("buslane+unix:///nowhere/at/all", { lazy: true });
  void bus.publish("a", "x".repeat(1000));
  await bus.close();
  if (count === 100 || count === 2000) sizes.push(memory.buffer.byteLength);
}
console.log(JSON.stringify(sizes));
