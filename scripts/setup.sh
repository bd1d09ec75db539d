#!/usr/bin/env bash
# Brings what the tests need and a machine may lack, inside the clone; puts it on the PATH of whoever sources this.
#
# Expected on the machine: Rust (by rustup or not), Python 3.11, a C++ compiler. From here: `just`, rustfmt, clippy,
# promtool; and by apt-get, where root may be had, git, curl and Python's module venv.
set -euo pipefail

# shellcheck source=scripts/machine.sh
source scripts/machine.sh

# The oldest Rust that builds the workspace: `rust-version` in Cargo.toml.
minimum_rust=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
# The oldest Python that runs what the tests run.
minimum_python=3.11
# The oldest `just` that is used, and the range of versions of the Python package that brings one.
minimum_just=1.40
just_package="rust-just>=$minimum_just,<2"

# is_at_least VERSION FOUND: whether what was found is that version or a later one.
is_at_least() {
  [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

require_rust() {
  # rustup's own installation is not on the PATH of a shell that was open before it.
  if ! has cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then
    export PATH="$HOME/.cargo/bin:$PATH"
  fi
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

# Debian keeps venv and pip apart from Python; the suite of JSON Schema and the check of /openapi.json come by pip.
require_pip() {
  if has_pip; then return; fi
  if install_debian_packages python3-venv && has_pip; then return; fi
  fail "Python has neither the module venv nor pip: install your system's package of one (python3-venv)"
}

has_pip() {
  [ -x .tools/python/bin/python ] || python3 -c 'import venv, ensurepip' 2>/dev/null ||
    python3 -m pip --version >/dev/null 2>&1
}

# Installs the package of just into .tools/, by a virtual environment or, without the module venv, by pip alone.
install_just_by_python() {
  if python3 -m venv .tools/python >/dev/null 2>&1; then
    .tools/python/bin/python -m pip install --quiet --disable-pip-version-check "$just_package" >&2
  else
    rm -rf .tools/python
    python3 -m pip install --quiet --disable-pip-version-check --target .tools/python "$just_package" >&2
  fi
}

require_just() {
  export PATH="$PWD/.tools/python/bin:$PWD/.tools/cargo/bin:$PATH"
  if has_just; then return; fi
  note "installing just into .tools/"
  mkdir -p .tools
  if install_just_by_python && has_just; then return; fi
  note "the Python package rust-just cannot be installed: compiling just instead, which takes minutes"
  if cargo install --quiet --locked --root .tools/cargo just >&2; then return; fi
  fail "just cannot be installed: see https://just.systems and run this again with it on the PATH"
}

# A system's own package of it may be too old for the justfile.
has_just() {
  local found
  found=$(just --version 2>/dev/null) && is_at_least "$minimum_just" "${found#just }"
}

# Unpacks Debian's package of Prometheus into .tools/, for promtool: nothing is installed, and no service starts.
unpack_prometheus() {
  has apt-get && has dpkg-deb || return 1
  local folder=.tools/prometheus.download
  rm -rf "$folder"
  mkdir -p "$folder"
  # apt downloads into the folder that it is started in, as a user of its own where it is started by the administrator.
  (cd "$folder" && apt-get download prometheus >/dev/null 2>&1) ||
    (apt-get update >/dev/null 2>&1 && cd "$folder" && apt-get download prometheus >/dev/null 2>&1) || return 1
  rm -rf .tools/prometheus
  dpkg-deb --extract "$folder"/prometheus_*.deb .tools/prometheus
  rm -rf "$folder" .tools/prometheus/usr/bin/prometheus
}

# Brings promtool, with which a test checks /metrics. Without it that one test fails and says so.
want_promtool() {
  export PATH="$PWD/.tools/prometheus/usr/bin:$PATH"
  if has promtool; then return; fi
  note "unpacking promtool into .tools/"
  if unpack_prometheus && has promtool; then return; fi
  rm -rf .tools/prometheus.download
  note "promtool cannot be had: the test of /metrics will fail until the package prometheus is installed"
}

# require_program PROGRAM: installs the system's package of the same name if it is missing.
require_program() {
  if has "$1"; then return; fi
  if install_debian_packages "$1" && has "$1"; then return; fi
  fail "$1 is not on the PATH: install your system's package of it"
}

# The example by hand and the runner of the scenarios are Python.
require_python() {
  has python3 || fail "python3 is not on the PATH: install Python $minimum_python or later"
  python3 -c "import sys; sys.exit(sys.version_info < (${minimum_python/./, }))" ||
    fail "$(python3 --version) is too old, $minimum_python or later is needed"
}

# The fuzzer itself, libFuzzer, is C++.
require_cpp() {
  local compiler
  for compiler in ${CXX:-} c++ g++ clang++; do
    if has "$compiler"; then return; fi
  done
  fail "no C++ compiler is on the PATH: install your system's package of one (g++, clang)"
}

require_rust
require_python
require_pip
require_cpp
# The checks on the repository ask git which files belong to it.
require_program git
# The first pages are typed by a test as they stand, and a reader has curl.
require_program curl
require_component rustfmt
require_component clippy
require_just
want_promtool
