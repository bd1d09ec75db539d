#!/usr/bin/env bash
# Builds and tests the Java SDK: `build` makes the jar, with the native library of this machine inside, and the jars of
# sources and documentation; `test` does that, runs all tests, and the examples as a project that uses the jar.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=scripts/machine.sh
source scripts/machine.sh

minimum_java=17
natives=bindings/java/target/natives
target=${CARGO_TARGET_DIR:-target}

has_java() {
  has javac && [ "$(javac -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p')" -ge "$minimum_java" ]
}

require_java() {
  if has_java; then return; fi
  if install_debian_packages default-jdk-headless && has_java; then return; fi
  fail "there is no JDK $minimum_java or later on the PATH: install your system's package of one"
}

require_maven() {
  if has mvn; then return; fi
  if install_debian_packages maven && has mvn; then return; fi
  fail "mvn is not on the PATH: install Maven 3.8 or later"
}

# The folder of this machine's library in the jar, as `NativeLibrary.platform` names it.
platform() {
  local system architecture
  case $(uname -s) in
    Linux) system=linux ;;
    Darwin) system=macos ;;
    *) system=windows ;;
  esac
  if [ "$system" = linux ] && ldd --version 2>&1 | grep -qi musl; then system=linux-musl; fi
  architecture=$(uname -m)
  echo "$system-${architecture/arm64/aarch64}"
}

build_native() {
  cargo build --release --locked --package buslane-java
  local library
  # A library of an earlier build, or of another platform, has no place in the jar.
  rm -rf "$natives"
  mkdir -p "$natives/$(platform)"
  for library in "$target"/release/{libbuslane_java.so,libbuslane_java.dylib,buslane_java.dll}; do
    if [ -e "$library" ]; then cp "$library" "$natives/$(platform)/"; fi
  done
  if has strip; then strip --strip-unneeded "$natives/$(platform)"/* 2>/dev/null || true; fi
}

maven() {
  mvn --batch-mode --quiet --no-transfer-progress "$@"
}

# The broker and the programs in Rust that the tests run.
build_peers() {
  cargo build --locked --package buslane-cli
  cargo build --locked --package buslane-examples --bins
}

build() {
  build_native
  maven --file bindings/java/pom.xml install -DskipTests
}

test_all() {
  build_native
  build_peers
  local broker
  broker=$(realpath "$target/debug/buslane")
  maven --file bindings/java/pom.xml install -Dbroker="$broker"
  maven --file examples/java/pom.xml package
  python3 examples/java/story.py "$broker" "$(realpath "$target/debug")"
}

require_java
require_maven
case ${1:-} in
  build) build ;;
  test) test_all ;;
  *) fail "usage: scripts/java.sh build|test" ;;
esac
