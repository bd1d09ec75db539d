#!/usr/bin/env bash
# Brings the official test suite of JSON Schema to .tools/json-schema-test-suite, from the source distribution of the
# Python package jsonschema, which carries it. Pinned by version and hash; what is there already is left alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=4.25.1
sha256=e4a9655ce0da0c0b67a085847e00a3a51449e1157f4f75e9fb5aa545e122eb85
suite=.tools/json-schema-test-suite

if [ -f "$suite/$version" ]; then exit 0; fi

# shellcheck source=scripts/setup.sh
source scripts/setup.sh
require_python

note "bringing the test suite of JSON Schema into $suite"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "jsonschema==$version --hash=sha256:$sha256" >"$work/requirements"
download_python_package --no-deps --no-binary jsonschema --require-hashes --requirement "$work/requirements" --dest "$work" ||
  fail "the source distribution of the Python package jsonschema $version cannot be downloaded" \
    "its registry has to be reachable"
tar --extract --gzip --file "$work/jsonschema-$version.tar.gz" --directory "$work"
rm -rf "$suite"
mkdir -p "$suite"
cp -r "$work/jsonschema-$version/json/tests" "$work/jsonschema-$version/json/remotes" "$suite/"
touch "$suite/$version"
