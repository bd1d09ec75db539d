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

target_folder=$(cargo metadata --format-version 1 --no-deps --locked | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
work=$target_folder/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
fuzzer=$work/$host/fuzz/fuzz
tool=$target_folder/debug/fuzz-corpus

# Coverage of edges with counters, the table of their places, and the operands of comparisons. They go to the crates of
# the target platform only, and to a folder of their own, so that no other build is disturbed.
coverage="-Cpasses=sancov-module
-Cllvm-args=-sanitizer-coverage-level=4
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters
-Cllvm-args=-sanitizer-coverage-pc-table
-Cllvm-args=-sanitizer-coverage-trace-compares
--cfg=fuzzing"

build() {
  cargo build --quiet --locked --package buslane-fuzz --bin fuzz-corpus
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

# Runs libFuzzer on a target: fuzz TARGET LONGEST ARGUMENT...
fuzz() {
  local target=$1 longest=$2
  shift 2
  mkdir -p "$work/crashes/$target"
  BUSLANE_FUZZ_TARGET=$target "$fuzzer" -max_len="$longest" -timeout=20 -rss_limit_mb=1024 -malloc_limit_mb=256 \
    -dict="$work/words.dict" -artifact_prefix="$work/crashes/$target/" "$@"
}

run() {
  build
  local list
  list=$(targets "${1:-all}")
  while read -r target longest _; do
    echo "== $target" >&2
    "$tool" unpack "$target" "$work/corpus/$target"
    fuzz "$target" "$longest" -max_total_time="${2:-60}" -print_final_stats=1 "$work/corpus/$target" </dev/null
  done <<<"$list"
}

short() {
  build
  local list
  list=$(targets "${1:-all}")
  while read -r target longest count; do
    local folder
    folder=$(mktemp -d)
    "$tool" unpack "$target" "$folder"
    if ! fuzz "$target" "$longest" -seed=1 -runs="$count" "$folder" </dev/null >"$work/short.log" 2>&1; then
      cat "$work/short.log" >&2
      echo "$target fails; the input is in $work/crashes/$target" >&2
      exit 1
    fi
    echo "$target: $(grep '^Done' "$work/short.log")"
    rm -rf "$folder"
  done <<<"$list"
}

keep() {
  build
  local list
  list=$(targets "${1:-all}")
  while read -r target longest _; do
    local folder
    folder=$(mktemp -d)
    "$tool" unpack "$target" "$work/corpus/$target"
    fuzz "$target" "$longest" -merge=1 "$folder" "$work/corpus/$target" </dev/null 2>/dev/null
    "$tool" keep "$target" "$folder"
    rm -rf "$folder"
  done <<<"$list"
}

case ${1:-} in
  run | short | keep) "$@" ;;
  build) build ;;
  *)
    sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
