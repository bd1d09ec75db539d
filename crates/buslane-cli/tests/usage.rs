//! What the command says of itself: help, version, and what there is.

mod support;

use support::buslane;

#[test]
fn an_unknown_command_is_told_with_the_usage() {
    let stderr = buslane(&["dance"]).fails(2);
    assert!(
        stderr.contains("'dance'") && stderr.contains("Usage: buslane"),
        "{stderr}"
    );
}

#[test]
fn no_command_at_all_is_answered_with_the_help() {
    let stderr = buslane(&[]).fails(2);
    for name in [
        "serve",
        "demo",
        "pub",
        "sub",
        "request",
        "services",
        "tap",
        "doctor",
        "check-config",
        "bench",
        "schema",
        "completions",
        "man",
    ] {
        assert!(stderr.contains(&format!("  {name} ")), "{name}: {stderr}");
    }
}

#[test]
fn version_and_help_are_no_failures() {
    assert_eq!(
        buslane(&["--version"]).succeeds(),
        format!("buslane {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert!(buslane(&["request", "--help"]).succeeds().contains("--timeout"));
}
