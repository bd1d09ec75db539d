#!/usr/bin/env bash
# Builds what is shipped and puts it into dist/: the broker's binary for this machine, without symbols, its manual pages,
# what shells need to complete its command lines, the npm package with the file that the broker serves as /buslane.js, and the
# package of the C++ SDK.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --release --locked --package buslane-cli
# Pages of commands that are no more are not shipped.
rm -rf dist
mkdir -p dist/completions
strip -o dist/buslane "${CARGO_TARGET_DIR:-target}/release/buslane"
dist/buslane man --output dist/man/man1 >/dev/null
for shell in bash zsh fish; do
  dist/buslane completions "$shell" >"dist/completions/buslane.$shell"
done
./bindings/js/scripts/build.sh
./scripts/cpp.sh build
cp -a "${CARGO_TARGET_DIR:-target}/cpp/prefix" dist/cpp
ls -l dist/buslane dist/cpp/lib
