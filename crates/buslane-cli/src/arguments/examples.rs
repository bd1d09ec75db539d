//! Examples of each command, for its help, its manual page and docs/commands.md. Each is a command line that is right.

/// Examples of `serve`.
pub(super) const SERVE: &str = "Examples:
  buslane serve
  buslane serve --listen 127.0.0.1:5959 --listen unix:/run/buslane.sock
  buslane serve --config buslane.toml --log-format json";

/// Examples of `demo`.
pub(super) const DEMO: &str = "Examples:
  buslane demo
  buslane demo --for 10s";

/// Examples of `pub`.
pub(super) const PUBLISH: &str = "Examples:
  buslane pub host/a/cpu '{\"percent\":12.5}'
  buslane pub host/a/name '\"attic\"' --retain
  buslane pub host/a/name --clear
  buslane pub jobs/new @job.json --header priority=high";

/// Examples of `sub`.
pub(super) const SUBSCRIBE: &str = "Examples:
  buslane sub 'host/+/cpu'
  buslane sub 'jobs/#' --shared workers --json
  buslane sub host/a/cpu --count 1";

/// Examples of `request`.
pub(super) const REQUEST: &str = "Examples:
  buslane request attic:get '{\"app\":\"demo\",\"key\":\"colour\"}'
  buslane request @storage:get @query.json --timeout 30s
  buslane request attic#one:watch '{\"app\":\"demo\"}' --stream
  buslane request '*:health' --json";

/// Examples of `services`.
pub(super) const SERVICES: &str = "Examples:
  buslane services
  buslane services attic
  buslane services attic --schema get
  buslane services '$bus' --json";

/// Examples of `tap`.
pub(super) const TAP: &str = "Examples:
  buslane tap
  buslane tap 'host/#' --no-events --rates
  buslane tap --service attic --json
  buslane tap 'jobs/#' --field priority=high --grep colour --count 10";

/// Examples of `doctor`.
pub(super) const DOCTOR: &str = "Examples:
  buslane doctor
  buslane doctor --url buslane://bus.local --json";

/// Examples of `check-config`.
pub(super) const CHECK_CONFIG: &str = "Examples:
  buslane check-config
  buslane check-config buslane.toml
  buslane check-config buslane.toml --listen 127.0.0.1:7000 --json";

/// Examples of `bench`.
pub(super) const BENCH: &str = "Examples:
  buslane bench throughput
  buslane bench request --json
  buslane bench idle --connections 1000
  buslane bench --against nats --rows A,D";

/// Examples of `completions`.
pub(super) const COMPLETIONS: &str = "Examples:
  buslane completions bash > ~/.local/share/bash-completion/completions/buslane
  buslane completions zsh > ~/.zfunc/_buslane
  buslane completions fish > ~/.config/fish/completions/buslane.fish";

/// Examples of `man`.
pub(super) const MAN: &str = "Examples:
  buslane man tap | man -l -
  buslane man --output ~/.local/share/man/man1";

/// Examples of `schema`.
pub(super) const SCHEMA: &str = "Examples:
  buslane schema check get.json
  buslane schema diff get.json get-next.json --as input
  buslane schema diff attic-1.json attic-2.json --json";
