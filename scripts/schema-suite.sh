#!/usr/bin/env bash
# Brings the official test suite of JSON Schema to .tools/json-schema-test-suite, from the source distribution of the
# Python package jsonschema, which carries it. Pinned by version and hash; what is there already is left alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=4.25.1
sha256=e4a9655ce0da0c0b67a085847e00a3a51449e1157f4f75e9fb5aa545e122eb85
suite=.tools/json-schema-test-suite

if [ -f "$suite/$version" ]; then exit 0; fi

echo "==> bringing the test suite of JSON Schema into $suite" >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=python3
if [ -x .tools/python/bin/python ]; then python=.tools/python/bin/python; fi
echo "jsonschema==$version --hash=sha256:$sha256" >"$work/requirements"
if ! "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary jsonschema \
  --require-hashes --requirement "$work/requirements" --dest "$work" >&2; then
  echo "error: the source distribution of the Python package jsonschema $version cannot be downloaded" >&2
  echo "  hint: its registry has to be reachable, and the Python module pip has to be there" >&2
  exit 1
fi
tar --extract --gzip --file "$work/jsonschema-$version.tar.gz" --directory "$work"
rm -rf "$suite"
mkdir -p "$suite"
cp -r "$work/jsonschema-$version/json/tests" "$work/jsonschema-$version/json/remotes" "$suite/"
touch "$suite/$version"
