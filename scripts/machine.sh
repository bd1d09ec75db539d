# What the scripts say, and what they ask of the machine. Sourced by them, never run.

# fail LINE...: says why, and ends the script.
fail() {
  printf 'error: %s\n' "$@" >&2
  exit 1
}

note() {
  printf '==> %s\n' "$*" >&2
}

# has PROGRAM: whether it is on the PATH.
has() {
  command -v "$1" >/dev/null 2>&1
}

# as_root COMMAND...: runs it as root if that is possible without a question.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif has sudo && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

# install_debian_packages PACKAGE...: on Debian and its children, as root.
install_debian_packages() {
  has apt-get || return 1
  note "installing $* by apt-get"
  as_root apt-get update --quiet --quiet >&2 || return 1
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install --quiet --quiet --yes --no-install-recommends "$@" >&2
}
