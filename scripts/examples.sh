#!/usr/bin/env bash
# Builds the four programs of examples/ in every language, and has those of all languages play their story together.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=scripts/setup.sh
source scripts/setup.sh
require_python

./scripts/cpp.sh examples
./bindings/js/scripts/build.sh
./scripts/java.sh examples
python3 examples/story.py "$(target_folder)/debug/buslane" rust cpp js java
