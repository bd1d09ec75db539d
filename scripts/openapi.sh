#!/usr/bin/env bash
# Holds a broker against its own /openapi.json: starts one on a free port with two services, has schemathesis send it
# what the document allows and what it does not, and fails on every answer that the document does not foresee.
#
# Usage: openapi.sh [EXAMPLES] [OPTIONS OF schemathesis run]   EXAMPLES per endpoint and phase, 15 unless said
#
# Without options the examples are the same each time, so that a change is judged by what it changed; a deeper search
# takes another seed: openapi.sh 300 --seed 7.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/setup.sh
source scripts/setup.sh

# The versions of schemathesis and of what it generates examples with.
schemathesis_packages=('schemathesis==4.4.4' 'hypothesis==6.135.0')
examples=${1:-15}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- --seed 1

has_schemathesis() {
  python3 - "${schemathesis_packages[@]}" 2>/dev/null <<'PYTHON'
import importlib.metadata, sys
wanted = (package.split("==") for package in sys.argv[1:])
sys.exit(any(importlib.metadata.version(name) != version for name, version in wanted))
PYTHON
}

# wait_for FILE PATTERN: waits until a line of a file fits, and prints what the pattern's group found.
wait_for() {
  for _ in $(seq 200); do
    if sed -nE "s/$2/\\1/p" "$1" | grep --max-count 1 .; then return; fi
    sleep 0.05
  done
  cat "$1" >&2
  fail "nothing like '$2' came in time"
}

started=()
workplace=$(mktemp -d)
stop() {
  for process in "${started[@]}"; do
    kill "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  rm -rf "$workplace"
}
trap stop EXIT

require_rust
require_python
has_schemathesis || install_python_packages "${schemathesis_packages[@]}" ||
  fail "${schemathesis_packages[*]} cannot be installed by pip"
build_peers

"$(target_folder)/debug/buslane" serve --listen 127.0.0.1:0 >"$workplace/broker" 2>"$workplace/log" &
started+=($!)
address=$(wait_for "$workplace/broker" '.*listening on ([0-9.:]+).*')
python3 examples/by-hand/greeter.py "$address" >"$workplace/greeter" 2>&1 &
started+=($!)
wait_for "$workplace/greeter" '(registered greeter)' >/dev/null

cd "$workplace"
PYTHONPATH=$OLDPWD/scripts/openapi${PYTHONPATH:+:$PYTHONPATH} SCHEMATHESIS_HOOKS=hooks python3 -m schemathesis.cli \
  --config-file "$OLDPWD/scripts/openapi/schemathesis.toml" run "http://$address/openapi.json" \
  --checks all --max-examples "$examples" --request-timeout 10 --generation-database none \
  --suppress-health-check all --continue-on-failure "$@"
kill -0 "${started[0]}" || fail "the broker is gone: $(cat "$workplace/log")"
