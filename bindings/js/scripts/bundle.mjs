// Puts the package together in dist/, from the module and the glue in build/ and typescript/glue/.
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
copyFileSync(join(root, "build/buslane.wasm"), join(dist, "buslane.wasm"));

const usual = { absWorkingDir: root, bundle: true, target: "es2022", legalComments: "none", logLevel: "warning" };
await Promise.all([
  build({ ...usual, entryPoints: ["typescript/node/index.ts"], outfile: "dist/node.js", platform: "node", format: "esm" }),
  build({
    ...usual,
    entryPoints: ["typescript/node/index.ts"],
    outfile: "dist/node.cjs",
    platform: "node",
    format: "cjs",
    define: { "import.meta.url": "thisModule" },
    banner: { js: 'const thisModule = require("node:url").pathToFileURL(__filename).href;' },
  }),
  build({ ...usual, entryPoints: ["typescript/web/index.ts"], outfile: "dist/web.js", platform: "browser", format: "esm", minify: true }),
  build({
    ...usual,
    entryPoints: ["typescript/web/standalone.ts"],
    outfile: "dist/buslane.js",
    platform: "browser",
    format: "esm",
    minify: true,
    loader: { ".gz": "binary" },
  }),
]);
