#!/bin/sh
# Puts archives into one, without debugging information: join.sh AR STRIP OUTPUT ARCHIVE...
set -eu
ar=$1 strip=$2 output=$3
shift 3
rm -f "$output"
# A linker's plugin on this machine may not know Rust's LLVM, and says so for each object; it is not needed here.
quiet() {
  "$@" 2>"$output.said" || {
    cat "$output.said" >&2
    exit 1
  }
  rm -f "$output.said"
}
{
  echo "CREATE $output"
  for archive in "$@"; do echo "ADDLIB $archive"; done
  echo "SAVE"
  echo "END"
} | quiet "$ar" -M
quiet "$strip" --strip-debug "$output"
quiet "$ar" -s "$output"
