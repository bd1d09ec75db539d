# shellcheck shell=bash
# What the scripts say, what they ask of the machine, and where cargo builds. Sourced by them, never run.

# fail LINE...: says why, and ends the script.
fail() {
  printf 'error: %s\n' "$@" >&2
  exit 1
}

note() {
  printf '==> %s\n' "$*" >&2
}

# has PROGRAM...: whether all of them are on the PATH.
has() {
  local program
  for program; do command -v "$program" >/dev/null 2>&1 || return 1; done
}

# is_at_least VERSION FOUND: whether what was found is that version or a later one.
is_at_least() {
  [ -n "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# The folder that cargo builds in, wherever the environment or its configuration put that; an absolute path.
target_folder() {
  cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/'
}

# Builds what the tests of every language need of Rust: the broker, the libraries below the SDKs, the programs that they
# meet. As one build without optimisation: cargo chooses the features of a crate by what is built along with it, and would
# compile most of them anew for each package alone. What is shipped is built by `just dist`.
build_peers() {
  cargo build --quiet --locked --workspace
}
