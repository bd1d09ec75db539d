#!/usr/bin/env bash
# Builds the package of the C++ SDK, and tests it: `scripts/cpp.sh build`, `test` or `reference`.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=scripts/machine.sh
source scripts/machine.sh

target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
build=$target/cpp/build
prefix=$target/cpp/prefix
export PATH="$PWD/.tools/python/bin:$PATH"

# Brings CMake by pip where the system has none, or one that is too old.
require_cmake() {
  if has_cmake; then return; fi
  note "installing CMake into .tools/"
  mkdir -p .tools
  [ -x .tools/python/bin/python ] || python3 -m venv .tools/python >/dev/null 2>&1 || rm -rf .tools/python
  if [ -x .tools/python/bin/python ]; then
    .tools/python/bin/python -m pip install --quiet --disable-pip-version-check 'cmake>=3.25,<5' >&2
  else
    python3 -m pip install --quiet --disable-pip-version-check --target .tools/python 'cmake>=3.25,<5' >&2
    export PYTHONPATH="$PWD/.tools/python"
  fi
  has_cmake || fail "CMake cannot be installed by pip: install your system's package of it, 3.20 or later"
}

has_cmake() {
  local found
  found=$(cmake --version 2>/dev/null | sed -n 's/^cmake version //p') &&
    [ "$(printf '3.20\n%s\n' "$found" | sort -V | head -n 1)" = 3.20 ]
}

# Brings GoogleTest and nlohmann/json, which the tests need, by Debian's packages: installed, or unpacked into .tools/.
require_test_libraries() {
  if [ -e /usr/include/gtest/gtest.h ] && [ -e /usr/include/nlohmann/json.hpp ]; then return; fi
  if install_debian_packages libgtest-dev nlohmann-json3-dev; then return; fi
  local folder=$PWD/.tools/debian
  if [ ! -e "$folder/usr/include/gtest/gtest.h" ]; then
    has apt-get && has dpkg-deb || fail "the tests need GoogleTest and nlohmann/json: install your system's packages"
    mkdir -p "$folder"
    (cd "$folder" && apt-get download libgtest-dev nlohmann-json3-dev >/dev/null) ||
      fail "the tests need GoogleTest and nlohmann/json: install libgtest-dev and nlohmann-json3-dev"
    local package
    for package in "$folder"/*.deb; do dpkg-deb --extract "$package" "$folder"; done
  fi
  export CMAKE_PREFIX_PATH="$folder/usr${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}"
}

# configure FOLDER OPTION...: makes a folder ready to build. cargo builds where it always does.
configure() {
  local folder=$1
  shift
  cmake -S bindings/cpp -B "$folder" -DBUSLANE_CARGO_TARGET="$target" -DCMAKE_INSTALL_LIBDIR=lib "$@" >/dev/null
}

build_package() {
  configure "$build" -DCMAKE_BUILD_TYPE=Release "$@"
  cmake --build "$build" --parallel 2
  rm -rf "$prefix"
  cmake --install "$build" --prefix "$prefix" >/dev/null
  note "the C++ package is in $prefix"
}

# What a stranger does with the package: a blank project by CMake, shared and static, and one by pkg-config.
test_consumers() {
  local folder=$target/cpp/consumer compiler=${CXX:-c++}
  rm -rf "$folder"
  cmake -S bindings/cpp/tests/consumer -B "$folder" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
  cmake --build "$folder" >/dev/null
  ctest --test-dir "$folder" --output-on-failure
  if has pkg-config; then
    local flags
    flags=$(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags --libs buslane)
    # shellcheck disable=SC2086 # these are several words
    "$compiler" -std=c++17 bindings/cpp/tests/consumer/main.cpp -o "$folder/by-pkg-config" $flags
    LD_LIBRARY_PATH="$prefix/lib" "$folder/by-pkg-config"
  fi
}

# The library exports its API, and what the standard library makes of it for its types; nothing else.
test_exports() {
  local library=$prefix/lib/libbuslane.so api='^_ZN[KO]?7buslane|^_ZT[ISV]N7buslane|^_ZSt.*N7buslane' strangers
  [ -e "$library" ] && has nm || return 0
  strangers=$(nm --dynamic --defined-only "$library" | awk '{ print $3 }' | grep -vE "$api|^$" || true)
  [ -z "$strangers" ] || fail "the library exports what is no API:" "$strangers"
}

# The examples tell their story together with those in Rust, whoever plays which part.
test_languages() {
  local ours=$build/tests/examples theirs=$target/debug
  cargo build --locked --quiet --package buslane-examples
  python3 examples/story.py "$BUSLANE_BROKER" "$ours/service" "$theirs/watcher" "$ours/publisher" "$theirs/consumer"
  python3 examples/story.py "$BUSLANE_BROKER" "$theirs/service" "$ours/watcher" "$theirs/publisher" "$ours/consumer"
}

# The tests again with sanitizers in the C++ half, and the calls under memcheck.
test_memory() {
  configure "$target/cpp/sanitized" -DCMAKE_BUILD_TYPE=Debug -DBUSLANE_TESTS=ON -DBUSLANE_SANITIZE=address,undefined
  cmake --build "$target/cpp/sanitized" --parallel 2 --target buslane_tests
  "$target/cpp/sanitized/tests/buslane_tests" --gtest_brief=1
  if has valgrind; then
    valgrind --quiet --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=1 \
      "$build/tests/buslane_tests" --gtest_brief=1 --gtest_filter='Calls.*:Topics.*:Services.*'
  fi
}

test_package() {
  require_test_libraries
  cargo build --locked --quiet --package buslane-cli
  export BUSLANE_BROKER=$target/debug/buslane
  build_package -DBUSLANE_TESTS=ON
  ctest --test-dir "$build" --output-on-failure
  test_languages
  test_exports
  test_consumers
  test_memory
}

case ${1:-build} in
  build)
    require_cmake
    build_package
    ;;
  test)
    require_cmake
    test_package
    ;;
  reference) doxygen bindings/cpp/Doxyfile ;;
  *) fail "usage: scripts/cpp.sh [build | test | reference]" ;;
esac
