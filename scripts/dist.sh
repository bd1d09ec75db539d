#!/usr/bin/env bash
# Builds what is shipped and puts it into dist/: the broker's binary for this machine, without symbols.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --release --locked --package buslane-cli
mkdir -p dist
strip -o dist/buslane "${CARGO_TARGET_DIR:-target}/release/buslane"
ls -l dist/buslane
