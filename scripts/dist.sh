#!/usr/bin/env bash
# Builds what is shipped and puts it into dist/: the broker's binary for this machine, without symbols, with the file beside
# it that it serves as /buslane.js, its manual pages, what shells need to complete its command lines, the package of the
# C++ SDK, the npm package, the jars of the Java SDK, and a list of all that with its sizes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=scripts/setup.sh
source scripts/setup.sh
require_rust

target=$(target_folder)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)

put_command() {
  cargo build --release --locked --package buslane-cli
  mkdir -p dist/completions
  strip -o dist/buslane "$target/release/buslane"
  dist/buslane man --output dist/man/man1 >/dev/null
  local shell
  for shell in bash zsh fish; do dist/buslane completions "$shell" >"dist/completions/buslane.$shell"; done
}

put_cpp() {
  ./scripts/cpp.sh build
  cp -a "$target/cpp/prefix" dist/cpp
}

put_java() {
  ./scripts/java.sh build
  mkdir -p dist/java
  cp "bindings/java/target/buslane-$version"*.jar dist/java/
}

# Bytes and path of each file; links are left out.
list() {
  local file
  (cd dist && find . -type f ! -name MANIFEST | LC_ALL=C sort) | while read -r file; do
    printf '%10d  %s\n' "$(wc -c <"dist/$file")" "${file#./}"
  done
}

# What is shipped no more has no place there.
rm -rf dist
put_command
put_cpp
put_java
./bindings/js/scripts/build.sh
list >dist/MANIFEST
cat dist/MANIFEST
