#!/usr/bin/env bash
# Runs cargo-deny over the dependencies: licences, bans and sources always, known vulnerabilities where the
# database can be reached. Compiles cargo-deny into .tools/ the first time, which takes minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export PATH="$PWD/.tools/cargo/bin:$PATH"
if ! cargo deny --version >/dev/null 2>&1; then
  printf '==> installing cargo-deny into .tools/\n' >&2
  cargo install --quiet --locked --root .tools/cargo cargo-deny
fi

cargo deny --locked check bans licenses sources
if ! cargo deny --locked fetch db; then
  printf 'warning: the database of vulnerabilities cannot be reached: they are not checked\n' >&2
  exit 0
fi
cargo deny --locked --offline check --disable-fetch advisories
