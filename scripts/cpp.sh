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
  cmake --install "$folder" --prefix "$target/cpp/prefix" >/dev/null
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

# What a stranger does with the package: a blank project by CMake, shared and static, and one by pkg-config.
test_consumers() {
  local folder=$target/cpp/consumer compiler=${CXX:-c++}
  rm -rf "$folder"
  cmake -S bindings/cpp/tests/consumer -B "$folder" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
  cmake --build "$folder" >/dev/null
  ctest --test-dir "$folder" --output-on-failure
  local flags
  flags=$(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags --libs buslane)
  # shellcheck disable=SC2086 # these are several words
  "$compiler" -std=c++17 bindings/cpp/tests/consumer/main.cpp -o "$folder/by-pkg-config" $flags
  LD_LIBRARY_PATH="$prefix/lib" "$folder/by-pkg-config"
}

# The library exports its API, and what the standard library makes of it for its types; nothing else.
test_exports() {
  local library=$prefix/lib/libbuslane.so api='^_ZN[KO]?7buslane|^_ZT[ISV]N7buslane|^_ZSt.*N7buslane' strangers
  [ -e "$library" ] && has nm || return 0
  strangers=$(nm --dynamic --defined-only "$library" | awk '{ print $3 }' | grep -vE "$api|^$" || true)
  [ -z "$strangers" ] || fail "the library exports what is no API:" "$strangers"
}

# The tests again with sanitizers in the C++ half, and the calls under memcheck.
test_memory() {
  configure_tests "$target/cpp/sanitized" -DCMAKE_BUILD_TYPE=Debug -DBUSLANE_SANITIZE=address,undefined
  cmake --build "$target/cpp/sanitized" --parallel 2 --target buslane_tests
  "$target/cpp/sanitized/tests/buslane_tests" --gtest_brief=1
  valgrind --quiet --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=1 \
    "$build/tests/buslane_tests" --gtest_brief=1 --gtest_filter='Calls.*:Topics.*:Services.*'
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
  test_consumers
  test_memory
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
