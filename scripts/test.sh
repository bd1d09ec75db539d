#!/usr/bin/env bash
# Sets up what is missing, then runs every test: `just ci`.
#
# Everything that this installs goes into .tools/ inside the clone, except what only the system's own package manager
# can provide: see scripts/setup.sh and scripts/wasm.sh. Run it again at any time: what is there already is left alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=scripts/setup.sh
source scripts/setup.sh

require_everything
exec just ci "$@"
