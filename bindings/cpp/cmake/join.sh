#!/bin/sh
# Puts archives into one, without debugging information: join.sh AR STRIP OUTPUT ARCHIVE...
set -eu
ar=$1 strip=$2 output=$3
shift 3
parts=$output.parts
rm -rf "$output" "$parts"
mkdir "$parts"
# Rust's own objects hold their code for LLVM, too. It is of no use here, and harmful: a plugin of `ar` and of linkers that
# knows another LLVM, as systems have them, leaves such objects out of the list of symbols.
#
# strip meets the plugin as well, does its work all the same, and says so for each object.
quiet() {
  "$@" 2>"$parts/said" || {
    cat "$parts/said" >&2
    exit 1
  }
}
script="CREATE $output"
number=0
for archive in "$@"; do
  number=$((number + 1))
  cp "$archive" "$parts/$number.a"
  quiet "$strip" --strip-debug --remove-section=.llvmbc --remove-section=.llvmcmd "$parts/$number.a"
  script="$script
ADDLIB $parts/$number.a"
done
printf '%s\nSAVE\nEND\n' "$script" | "$ar" -M
"$ar" -s "$output"
rm -rf "$parts"
