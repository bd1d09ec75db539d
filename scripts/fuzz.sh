#!/usr/bin/env bash
# Fuzzes what takes bytes from outside, with libFuzzer and the coverage that the stable compiler can be asked for.
#
#   fuzz.sh run [TARGET|all] [SECONDS]   searches for new inputs, from the seeds and the kept corpus on (default: all, 60)
#   fuzz.sh short [TARGET]               takes the kept corpus and a fixed number of new inputs: the same each time
#   fuzz.sh keep [TARGET|all]            puts what a run found into fuzz/corpus/, made as small as its coverage allows
#   fuzz.sh build                        builds what the others need
#
# Work goes on in fuzz/ below the target folder: corpus/TARGET holds what was found, crashes/TARGET what failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=scripts/setup.sh
source scripts/setup.sh
require_rust
require_cpp

work=$(target_folder)/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
fuzzer=$work/$host/fuzz/fuzz
tool=$(target_folder)/debug/fuzz-corpus

# Coverage of edges with counters, the table of their places, and the operands of comparisons. They go to the crates of
# the target platform only, and to a folder of their own, so that no other build is disturbed.
coverage="-Cpasses=sancov-module
-Cllvm-args=-sanitizer-coverage-level=4
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters
-Cllvm-args=-sanitizer-coverage-pc-table
-Cllvm-args=-sanitizer-coverage-trace-compares
--cfg=fuzzing"

# What libFuzzer takes note of depends on addresses too: where the system allows it, they are the same each time.
repeatable=()
if setarch -R true 2>/dev/null; then repeatable=(setarch -R); fi

build() {
  build_peers
  CARGO_TARGET_DIR=$work CARGO_INCREMENTAL=0 RUSTFLAGS=${coverage//$'\n'/ } \
    cargo build --locked --package buslane-fuzz --bin fuzz --features libfuzzer --profile fuzz --target "$host"
  mkdir -p "$work"
  "$tool" dictionary "$work/words.dict"
}

targets() {
  "$tool" targets | awk -v wanted="$1" 'wanted == "all" || $1 == wanted { print; found = 1 } END { exit !found }' || {
    echo "no target is called '$1'; there are: $("$tool" targets | cut -d' ' -f1 | paste -sd' ')" >&2
    exit 2
  }
}

# Runs libFuzzer on the target whose turn it is.
fuzz() {
  mkdir -p "$work/crashes/$target"
  BUSLANE_FUZZ_TARGET=$target "${repeatable[@]}" "$fuzzer" -max_len="$longest" -timeout=60 -rss_limit_mb=1024 \
    -malloc_limit_mb=256 -dict="$work/words.dict" -artifact_prefix="$work/crashes/$target/" "$@"
}

# Builds, then calls something for a target, or for each: each TARGET|all COMMAND ARGUMENT...
each() {
  build
  local list target longest count
  list=$(targets "$1")
  while read -r target longest count; do
    "${@:2}" </dev/null
  done <<<"$list"
}

run() {
  echo "== $target" >&2
  "$tool" unpack "$target" "$work/corpus/$target"
  fuzz -max_total_time="$1" -print_final_stats=1 "$work/corpus/$target"
}

# The order of the inputs is a part of what makes a run the same each time, and a folder has none.
short() {
  local folder=$work/short/$target
  rm -rf "$folder"
  "$tool" unpack "$target" "$folder/inputs"
  find "$folder/inputs" -type f | sort -V | paste -sd, >"$folder/list"
  if ! fuzz -seed=1 -runs="$count" -seed_inputs="@$folder/list" >"$folder/log" 2>&1; then
    cat "$folder/log" >&2
    echo "$target fails; the input is in $work/crashes/$target" >&2
    exit 1
  fi
  echo "$target: $(grep -o 'DONE.*' "$folder/log")"
}

keep() {
  local folder
  folder=$(mktemp -d)
  "$tool" unpack "$target" "$work/corpus/$target"
  fuzz -merge=1 "$folder" "$work/corpus/$target" 2>/dev/null
  "$tool" keep "$target" "$folder"
  rm -rf "$folder"
}

case ${1:-} in
  run) each "${2:-all}" run "${3:-60}" ;;
  short | keep) each "${2:-all}" "$1" ;;
  build) build ;;
  *)
    sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
