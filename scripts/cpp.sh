#!/usr/bin/env bash
# Builds the package of the C++ SDK, and tests it: `scripts/cpp.sh build`, `test`, `examples` or `reference`.
#
# What is shipped has the Rust half optimised as a whole, which takes minutes. The tests take it as the tests of the
# other languages do, from one build of the workspace.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=scripts/setup.sh
source scripts/setup.sh
require_rust
require_cpp
require_cmake

target=$(target_folder)
build=$target/cpp/test/build
prefix=$target/cpp/test/prefix

# configure FOLDER OPTION...: makes a folder ready to build. cargo builds where it always does.
configure() {
  local folder=$1
  shift
  cmake -S bindings/cpp -B "$folder" -DBUSLANE_CARGO_TARGET="$target" -DCMAKE_INSTALL_LIBDIR=lib "$@" >/dev/null
}

# What is shipped, in the folder `prefix`.
build_package() {
  local folder=$target/cpp/build
  configure "$folder" -DCMAKE_BUILD_TYPE=Release
  cmake --build "$folder" --parallel 2
  rm -rf "$target/cpp/prefix"
  cmake --install "$folder" --prefix "$target/cpp/prefix" --strip >/dev/null
  note "the C++ package is in $target/cpp/prefix"
}

# configure_tests FOLDER OPTION...: for tests, over the build that they share.
configure_tests() {
  configure "$@" -DBUSLANE_CARGO_PROFILE=dev -DBUSLANE_CARGO_PACKAGES=--workspace -DBUSLANE_TESTS=ON
}

build_tests() {
  require_cpp_libraries
  build_peers
  export BUSLANE_BROKER=$target/debug/buslane
  configure_tests "$build" -DCMAKE_BUILD_TYPE=Release
  cmake --build "$build" --parallel 2
}

# Makes a machine without Rust of this one: what is built by it fails if it asks for cargo or rustc.
without_rust() {
  local folder=$target/cpp/without-rust program
  mkdir -p "$folder"
  for program in cargo rustc; do
    printf '#!/bin/sh\necho "error: there is no %s here" >&2\nexit 1\n' "$program" >"$folder/$program"
    chmod +x "$folder/$program"
  done
  PATH="$folder:$PATH" "$@"
}

# What a stranger does with the package, on a machine without Rust: a blank project by CMake, shared and static, one by
# pkg-config, and what the first page says.
test_consumers() {
  local folder=$target/cpp/consumer compiler=${CXX:-c++}
  rm -rf "$folder"
  cmake -S bindings/cpp/tests/consumer -B "$folder" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
  cmake --build "$folder" >/dev/null
  ctest --test-dir "$folder" --output-on-failure
  python3 bindings/cpp/tests/first.py "$prefix" "$BUSLANE_BROKER"
  local flags
  flags=$(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags --libs buslane)
  # shellcheck disable=SC2086 # these are several words
  "$compiler" -std=c++17 bindings/cpp/tests/consumer/main.cpp -o "$folder/by-pkg-config" $flags
  LD_LIBRARY_PATH="$prefix/lib" "$folder/by-pkg-config"
}

# The library exports its API, and what the standard library makes of it for its types; nothing else.
test_exports() {
  local library=$prefix/lib/libbuslane.so api='^_ZN[KO]?7buslane|^_ZT[ISV]N7buslane|^_ZSt.*N7buslane' strangers
  # Other systems have other libraries, and other tools for them.
  if [ "$(uname -s)" != Linux ]; then return; fi
  strangers=$(nm --dynamic --defined-only "$library" | awk '{ print $3 }' | grep -vE "$api|^$" || true)
  [ -z "$strangers" ] || fail "the library exports what is no API:" "$strangers"
}

# A blank project that builds the library along with itself, from the source tree.
test_source_tree() {
  local folder=$target/cpp/subproject
  rm -rf "$folder"
  cmake -S bindings/cpp/tests/subproject -B "$folder" -DBUSLANE_TREE="$PWD" -DBUSLANE_CARGO_TARGET="$target" \
    -DBUSLANE_CARGO_PROFILE=dev -DBUSLANE_CARGO_PACKAGES=--workspace >/dev/null
  cmake --build "$folder" --parallel 2 --target by_fetch >/dev/null
  ctest --test-dir "$folder" --output-on-failure
}

# The tests again with sanitizers in the C++ half, and those in which the Rust half panics.
test_sanitized() {
  local folder=$target/cpp/sanitized
  configure_tests "$folder" -DCMAKE_BUILD_TYPE=Debug -DBUSLANE_SANITIZE=address,undefined \
    -DBUSLANE_CARGO_FEATURES=buslane-cpp/test-hooks
  cmake --build "$folder" --parallel 2 --target buslane_tests buslane_global buslane_panics
  # The child of a process whose threads are busy may find the sanitizer's own allocator locked for ever.
  "$folder/tests/buslane_tests" --gtest_brief=1 --gtest_filter='-Forks.*threads_are_busy'
  "$folder/tests/buslane_global"
  # What a panic carries is left alone on purpose: dropping it may panic again.
  ASAN_OPTIONS=detect_leaks=0 RUST_BACKTRACE=0 "$folder/tests/buslane_panics" --gtest_brief=1
}

# The calls under memcheck, and the threads under helgrind.
test_under_valgrind() {
  local tests=$build/tests/buslane_tests
  valgrind --quiet --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=1 \
    "$tests" --gtest_brief=1 --gtest_filter='Calls.*:Topics.*:Services.*'
  # The names of functions that were inlined are none that a suppression knows.
  valgrind --tool=helgrind --quiet --read-inline-info=no --suppressions=bindings/cpp/tests/helgrind.supp --error-exitcode=1 \
    "$tests" --gtest_brief=1 --gtest_filter='Threads.sixty_four_of_them_use_one_client'
}

test_package() {
  require_python
  require_valgrind
  require_program pkg-config
  build_tests
  ctest --test-dir "$build" --output-on-failure
  rm -rf "$prefix"
  cmake --install "$build" --prefix "$prefix" >/dev/null
  test_exports
  without_rust test_consumers
  test_source_tree
  test_sanitized
  test_under_valgrind
}

reference() {
  require_program doxygen
  mkdir -p "$target/cpp"
  (
    cat bindings/cpp/Doxyfile
    echo "OUTPUT_DIRECTORY = $target/cpp/reference"
  ) | doxygen -
  note "the reference of the C++ SDK is $target/cpp/reference/html/index.html"
}

case ${1:-build} in
  build) build_package ;;
  test) test_package ;;
  examples) build_tests ;;
  reference) reference ;;
  *) fail "usage: scripts/cpp.sh [build | test | examples | reference]" ;;
esac
