# shellcheck shell=bash
# Brings what building and testing needs and a machine may lack: a function for each thing, called by whoever needs it.
# Sourced in the root of the repository, never run.
#
# Expected on the machine: Rust (by rustup or not), a C++ compiler, Python, Node.js, a JDK, Maven. The rest goes into
# .tools/ in the clone, by pip, npm or Debian's packages; those are installed where that can be done as root, and else
# unpacked there with everything that they depend on.

# shellcheck source=scripts/machine.sh
source scripts/machine.sh

# The oldest Rust that builds the workspace: `rust-version` in Cargo.toml.
minimum_rust=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
minimum_python=3.11
minimum_node=20
minimum_java=17
minimum_cmake=3.20
minimum_just=1.40

unpacked=$PWD/.tools/debian
python_folder=$PWD/.tools/python
machine_path=$PATH
lists_are_fresh=
machine_libraries=${LD_LIBRARY_PATH:-}

# Puts what is in .tools/ on the paths.
use_tools() {
  local libraries
  libraries=$unpacked/usr/lib/$(uname -m)-linux-gnu
  # rustup's own installation is not on the PATH of a shell that was open before it.
  PATH="$python_folder/bin:$PWD/.tools/cargo/bin:$machine_path:$unpacked/usr/bin:$HOME/.cargo/bin"
  export PATH
  if [ -d "$libraries" ]; then export LD_LIBRARY_PATH="${machine_libraries:+$machine_libraries:}$libraries"; fi
  if [ -d "$unpacked/usr/libexec/valgrind" ]; then
    export VALGRIND_LIB=$unpacked/usr/libexec/valgrind VALGRIND_OPTS="--extra-debuginfo-path=$unpacked/usr/lib/debug"
  fi
  if [ -d "$python_folder" ] && [ ! -x "$python_folder/bin/python" ]; then export PYTHONPATH=$python_folder; fi
}

# as_root COMMAND...: runs it as root if that is possible without a question.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif has sudo && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

# bring_debian_packages PACKAGE...: on Debian and its children; installs them as root, or unpacks them into .tools/.
bring_debian_packages() {
  install_debian_packages "$@" || unpack_debian_packages "$(missing_debian_packages "$@")"
}

install_debian_packages() {
  has apt-get && as_root true || return 1
  note "installing $* by apt-get"
  update_package_lists || return 1
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install --quiet --quiet --yes --no-install-recommends "$@" >&2
}

# Once for all that is asked for.
update_package_lists() {
  [ -z "$lists_are_fresh" ] || return 0
  as_root apt-get update --quiet --quiet >&2 && lists_are_fresh=yes
}

# The packages, and those that they depend on and that are not installed.
missing_debian_packages() {
  apt-get install --simulate --no-install-recommends "$@" 2>/dev/null | sed -n 's/^Inst \([^ ]*\).*/\1/p'
}

# unpack_debian_packages PACKAGE...: into .tools/debian. Nothing is installed, and no service starts.
unpack_debian_packages() {
  has apt-get dpkg-deb && [ -n "$*" ] || return 1
  local folder=$unpacked.download package
  note "unpacking $(echo "$@" | tr '\n' ' ')into .tools/"
  rm -rf "$folder"
  mkdir -p "$folder" "$unpacked"
  # apt downloads into the folder that it is started in, as a user of its own where it is started by the administrator.
  # shellcheck disable=SC2068 # the names come as lines, too
  (cd "$folder" && apt-get download $@ >/dev/null 2>&1) ||
    (update_package_lists && cd "$folder" && apt-get download $@ >/dev/null 2>&1) || return 1
  for package in "$folder"/*.deb; do dpkg-deb --extract "$package" "$unpacked"; done
  rm -rf "$folder"
  use_tools
}

# require_program PROGRAM [PACKAGE]: brings the system's package, of the same name unless told, if it is missing.
require_program() {
  if has "$1"; then return; fi
  if bring_debian_packages "${2:-$1}" && has "$1"; then return; fi
  fail "$1 is not on the PATH: install your system's package of it"
}

# install_python_packages PACKAGE...: into .tools/python, a virtual environment or, without the module venv, a plain
# folder. Either way `python3` finds them from then on.
install_python_packages() {
  make_python_folder
  if [ -x "$python_folder/bin/python" ]; then
    pip install "$@"
  else
    pip install --upgrade --target "$python_folder" "$@"
  fi || return 1
  hash -r
  use_tools
}

# download_python_package ARGUMENT...: those of `pip download`.
download_python_package() {
  make_python_folder
  pip download "$@"
}

# Debian keeps both venv and pip apart from Python.
make_python_folder() {
  if [ -e "$python_folder" ]; then return; fi
  mkdir -p .tools
  if python3 -m venv "$python_folder" >/dev/null 2>&1; then return; fi
  rm -rf "$python_folder"
  if ! python3 -m pip --version >/dev/null 2>&1; then
    install_debian_packages python3-venv && python3 -m venv "$python_folder" >&2 && return
    fail "Python has neither the module venv nor pip: install your system's package of one (python3-venv)"
  fi
  mkdir "$python_folder"
}

pip() {
  local python=$python_folder/bin/python
  [ -x "$python" ] || python=python3
  "$python" -m pip "$1" --quiet --disable-pip-version-check "${@:2}" >&2
}

require_rust() {
  has cargo || fail "cargo is not on the PATH: install Rust $minimum_rust or later from https://rustup.rs"
  local found
  found=$(rustc --version | cut -d ' ' -f 2)
  is_at_least "$minimum_rust" "${found%%-*}" ||
    fail "Rust $found is too old, $minimum_rust or later is needed: try 'rustup update stable'"
}

# require_component NAME: rustfmt or clippy, by rustup where the toolchain came from it.
require_component() {
  local program=cargo-${1/rustfmt/fmt}
  # Under rustup the program exists even when the component does not.
  if "$program" --version >/dev/null 2>&1; then return; fi
  note "adding the Rust component $1"
  if has rustup && rustup component add "$1" >&2; then return; fi
  fail "$1 is missing and rustup cannot add it: install the package of your system that holds $program"
}

require_cpp() {
  local compiler
  for compiler in ${CXX:-} c++ g++ clang++; do
    if has "$compiler"; then return; fi
  done
  fail "no C++ compiler is on the PATH: install your system's package of one (g++, clang)"
}

require_python() {
  has python3 || fail "python3 is not on the PATH: install Python $minimum_python or later"
  python3 -c "import sys; sys.exit(sys.version_info < (${minimum_python/./, }))" ||
    fail "$(python3 --version) is too old, $minimum_python or later is needed"
}

require_node() {
  has node npm || fail "node and npm are not on the PATH: install Node.js $minimum_node or later"
  is_at_least "$minimum_node" "$(node -p process.versions.node)" ||
    fail "Node.js $(node --version) is too old, $minimum_node or later is needed"
}

require_java() {
  has_java || { install_debian_packages default-jdk-headless && has_java; } ||
    fail "there is no JDK $minimum_java or later on the PATH: install your system's package of one"
  has mvn || { install_debian_packages maven && has mvn; } ||
    fail "mvn is not on the PATH: install Maven 3.8 or later"
}

has_java() {
  has java javac && is_at_least "$minimum_java" "$(javac -version 2>&1 | sed -n 's/^javac \([0-9.]*\).*/\1/p')"
}

require_just() {
  if has_just; then return; fi
  note "installing just into .tools/"
  if install_python_packages "rust-just>=$minimum_just,<2" && has_just; then return; fi
  note "the Python package rust-just cannot be installed: compiling just instead, which takes minutes"
  if cargo install --quiet --locked --root .tools/cargo just >&2 && has_just; then return; fi
  fail "just cannot be installed: see https://just.systems and run this again with it on the PATH"
}

# A system's own package of it may be too old for the justfile.
has_just() {
  is_at_least "$minimum_just" "$(just --version 2>/dev/null | sed 's/^just //')"
}

# CMake, and make, by which it builds.
require_cmake() {
  require_program make
  if has_cmake; then return; fi
  note "installing CMake into .tools/"
  if install_python_packages 'cmake>=3.25,<5' && has_cmake; then return; fi
  fail "CMake cannot be installed by pip: install your system's package of it, $minimum_cmake or later"
}

has_cmake() {
  is_at_least "$minimum_cmake" "$(cmake --version 2>/dev/null | sed -n 's/^cmake version //p')"
}

# What the tests of the C++ SDK are built with.
require_cpp_libraries() {
  if has_header gtest/gtest.h && has_header nlohmann/json.hpp; then return; fi
  if bring_debian_packages libgtest-dev nlohmann-json3-dev; then return; fi
  fail "the tests need GoogleTest and nlohmann/json: install your system's packages (libgtest-dev nlohmann-json3-dev)"
}

has_header() {
  if [ -e "$unpacked/usr/include/$1" ]; then
    export CMAKE_PREFIX_PATH="$unpacked/usr${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}"
  else
    [ -e "/usr/include/$1" ] || [ -e "/usr/local/include/$1" ]
  fi
}

# What reads the memory of the C++ SDK; the symbols of the C library are what it knows its functions by.
require_valgrind() {
  if has valgrind; then return; fi
  if bring_debian_packages valgrind libc6-dbg && has valgrind; then return; fi
  fail "valgrind is not on the PATH: install your system's package of it"
}

# The browser that the npm package is tested in; CHROMIUM names another one than those that are looked for.
require_browser() {
  if find_browser; then return; fi
  if bring_debian_packages chromium && find_browser; then return; fi
  if unpack_npm_browser && find_browser; then return; fi
  fail "no Chromium is on the PATH: install your system's package of it, or name it by CHROMIUM"
}

# Where the system brings none: an npm package that has a headless Chromium for Linux inside, and unpacks it.
unpack_npm_browser() {
  local folder=.tools/chromium
  note "unpacking the headless Chromium of the npm package @sparticuz/chromium into .tools/"
  npm install --no-save --no-package-lock --silent --prefix "$folder" '@sparticuz/chromium@^147' >&2 || return 1
  (cd "$folder" && TMPDIR=$PWD node --input-type=module \
    --eval 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();') >&2 || return 1
  "$folder/chromium" --version >/dev/null
}

find_browser() {
  local browser
  for browser in ${CHROMIUM:-} chromium chromium-browser google-chrome "$unpacked/usr/lib/chromium/chromium" "$PWD/.tools/chromium/chromium"; do
    if has "$browser"; then
      export CHROMIUM=$browser
      return
    fi
  done
  return 1
}

# promtool, with which a test checks /metrics. Debian's package holds a service, too, which nobody here wants.
require_promtool() {
  if has promtool; then return; fi
  if unpack_debian_packages prometheus && has promtool; then
    rm -f "$unpacked/usr/bin/prometheus"
    return
  fi
  fail "promtool is not on the PATH: install Prometheus 2 or later"
}

# What `just ci` needs, all of it, so that nothing is found missing after half an hour.
require_everything() {
  require_rust
  require_component rustfmt
  require_component clippy
  require_cpp
  require_python
  require_node
  require_java
  # The checks on the repository ask git which files belong to it.
  require_program git
  # The first pages are typed by a test as they stand, and a reader has curl.
  require_program curl
  require_just
  require_promtool
  require_cmake
  require_cpp_libraries
  require_valgrind
  require_program pkg-config
  require_program doxygen
  require_browser
}

use_tools
