#!/usr/bin/env bash
# Builds the npm package: the WebAssembly module, the JavaScript that belongs to it, the bundles and the types, then
# dist/buslane-VERSION.tgz and dist/buslane.js at the root of the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=scripts/setup.sh
source scripts/setup.sh
require_rust
require_node

package=bindings/js
# Paths of this machine are nothing for browsers.
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src/="
module=$(./scripts/wasm.sh --profile wasm --package buslane-js | tail -n 1)/wasm/buslane_js.wasm
build_peers
tools=$(target_folder)/debug
"$tools/buslane-js-glue" "$module" "$package/build/glue"
mkdir -p "$package/typescript/glue"
cp "$package"/build/glue/buslane.js "$package"/build/glue/buslane.d.ts "$package/typescript/glue/"

cd "$package"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-progress >&2
# What every browser and Node of the last years has, and rustc and wasm-bindgen use.
features=(--enable-bulk-memory --enable-multivalue --enable-mutable-globals --enable-nontrapping-float-to-int
  --enable-reference-types --enable-sign-ext)
# What is inlined compresses worse, and what is alike compresses better side by side: by their names, functions made of
# one generic function are neighbours.
smaller=(--flatten --rereloop -Oz -Oz -ocimfs 0 -fimfs 0 -aimfs 0 --reorder-functions-by-name)
optimised=build/buslane.wasm
if [ ! "$optimised" -nt build/glue/buslane_bg.wasm ] || ! cmp --silent build/glue/buslane_bg.wasm build/unoptimised.wasm; then
  node_modules/.bin/wasm-opt "${features[@]}" "${smaller[@]}" --strip-debug --strip-producers build/glue/buslane_bg.wasm -o "$optimised"
  # What stands in a script as text compresses well only if it was compressed before.
  "$tools/buslane-js-compress" "$optimised" "$optimised.gz"
  cp build/glue/buslane_bg.wasm build/unoptimised.wasm
fi
node scripts/error-codes.mjs --check
node scripts/bundle.mjs
node_modules/.bin/tsc
# The same types, for those who require the package.
cp dist/types/node/index.d.ts dist/types/node/index.d.cts
cp ../../LICENSE-MIT ../../LICENSE-APACHE dist/
mkdir -p ../../dist
npm pack --silent --pack-destination ../../dist >&2
# The file for pages, which a broker serves that stands beside it; compressed for those who take that.
cp dist/buslane.js ../../dist/
"$tools/buslane-js-compress" dist/buslane.js ../../dist/buslane.js.gz
