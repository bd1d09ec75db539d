#!/bin/sh
# Puts archives into one, without debugging information: join.sh AR STRIP OUTPUT ARCHIVE...
set -eu
ar=$1 strip=$2 output=$3
shift 3
rm -f "$output"
{
  echo "CREATE $output"
  for archive in "$@"; do echo "ADDLIB $archive"; done
  echo "SAVE"
  echo "END"
} | "$ar" -M
"$strip" --strip-debug "$output"
"$ar" -s "$output"
