#!/usr/bin/env bash
# Compiles the pure crates for wasm32-unknown-unknown, and gets that target if it is missing.
# Arguments are handed to cargo in place of the pure crates; the last line printed is the folder of what was built.
#
#   1. The toolchain has the target: use it.
#   2. rustup can add it: do so.
#   3. On Debian and its children: install the packages below, which hold a second rustc and the source of the
#      standard library, and build that along. They go to where the system keeps its packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/setup.sh
source scripts/setup.sh

target=wasm32-unknown-unknown
what=("$@")
if [ $# -eq 0 ]; then what=(-p buslane-protocol -p buslane-session -p buslane-engine); fi
debian_packages=(rustc-web cargo-web rust-web-src lld)

has_target() {
  [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]
}

add_target_by_rustup() {
  has rustup || return 1
  note "adding the target $target by rustup"
  rustup target add "$target" >&2
}

add_debian_packages() {
  dpkg-query --show "${debian_packages[@]}" >/dev/null 2>&1 || install_debian_packages "${debian_packages[@]}"
}

build() {
  cargo build --locked --target "$target" "${what[@]}"
  built=$(target_folder)/$target
}

# Builds with the system's second toolchain, in a target folder of its own.
build_with_std() {
  local folder
  folder=$(target_folder)/wasm-with-std
  built=$folder/$target
  RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTC_WRAPPER='' \
    CARGO_TARGET_DIR=$folder \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld \
    /usr/bin/cargo build --locked -Zbuild-std=std,panic_abort --target "$target" "${what[@]}"
}

if has_target || { add_target_by_rustup && has_target; }; then
  build
elif add_debian_packages; then
  build_with_std
else
  fail "the target $target is missing, and neither rustup nor apt-get could bring it" \
    "add it by 'rustup target add $target', or as root by 'apt-get install ${debian_packages[*]}'"
fi
echo "$built"
