// Lets the programs of examples/js find the package that is tested, as if it were installed there.
import { register } from "node:module";

const target = new URL("../../dist/node.js", import.meta.url).href;
const source = `export async function resolve(name, context, next) {
  return name === "buslane" ? { url: ${JSON.stringify(target)}, shortCircuit: true } : next(name, context);
}`;
register(`data:text/javascript,${encodeURIComponent(source)}`);
