#!/usr/bin/env bash
# Builds the npm package and a broker, and runs every test of the package: in the Node that is here, in Chromium, and in the
# versions of Node given as arguments, which come from npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=scripts/setup.sh
source scripts/setup.sh
require_browser

./bindings/js/scripts/build.sh
BUSLANE_BROKER=$(target_folder)/debug/buslane
export BUSLANE_BROKER

# Apart from what the lock file names: not every registry has its parts for all the platforms that a lock file would list.
vite=.tools/vite
[ -x "$vite/node_modules/.bin/vite" ] ||
  npm install --no-save --no-package-lock --silent --prefix "$vite" "vite@^7" >&2

cd bindings/js
# run_tests NODE FILE...: a test that hangs is ended.
run_tests() {
  "$1" --test --test-timeout=600000 --test-reporter=./test/stage/reporter.mjs "${@:2}"
}
note "testing in Node $(node --version)"
run_tests node test/*.test.mjs
note "testing in $("$CHROMIUM" --version)"
run_tests node test/browser/*.test.mjs
# shellcheck disable=SC2016 # the braces are for JavaScript
package=node-$(node -p '`${process.platform}-${process.arch}`')
for version in "$@"; do
  folder=../../.tools/node-$version
  [ -x "$folder/node_modules/$package/bin/node" ] ||
    npm install --no-save --no-package-lock --silent --prefix "$folder" "$package@$version" >&2
  note "testing in Node $("$folder/node_modules/$package/bin/node" --version)"
  run_tests "$folder/node_modules/$package/bin/node" test/*.test.mjs
done
