//! The configuration, completions and the manual.

mod support;

use std::path::PathBuf;

use serde_json::Value;
use support::{Process, buslane, command, program};
use tempfile::TempDir;

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("buslane.toml");
    std::fs::write(&path, text).expect("a file in it");
    (folder, path)
}

#[test]
fn a_configuration_is_shown_with_the_place_of_each_value() {
    let (_folder, path) = file("node = 'attic'\n[limits]\npayload = 2048\n");
    let path = path.display().to_string();
    let mut command = command(&["check-config", &path, "--listen", "127.0.0.1:7000"]);
    command.env("BUSLANE_DRAIN", "9s");
    let stdout = Process::spawn(command).outcome().succeeds();
    let line = |key: &str| {
        stdout
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        line("node").split_whitespace().collect::<Vec<_>>(),
        ["node", "=", "\"attic\"", "#", &format!("{path}:1")]
    );
    assert!(
        line("limits.payload").contains("\"2KiB\"")
            && line("limits.payload").ends_with(&format!("# {path}:3"))
    );
    assert!(line("drain").ends_with("# environment: BUSLANE_DRAIN"));
    assert!(line("listen").ends_with("# --listen"));
    assert!(line("limits.requests").ends_with("# default"));
}

#[test]
fn what_is_shown_is_a_configuration_itself() {
    let shown = buslane(&["check-config", "--listen", "127.0.0.1:7000", "--insecure"]).succeeds();
    let (_folder, path) = file(&shown);
    let again = buslane(&["check-config", &path.display().to_string()]).succeeds();
    let values = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.split(" # ").next().unwrap().trim_end().to_owned())
            .collect()
    };
    assert_eq!(values(&shown), values(&again));
}

#[test]
fn a_configuration_for_machines_names_the_sources() {
    let (_folder, path) = file("drain = '7s'\n");
    let line = buslane(&["check-config", "--json", "--config", &path.display().to_string()]).succeeds();
    let report: Value = serde_json::from_str(&line).unwrap();
    let drain = report["settings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|setting| setting["key"] == "drain")
        .unwrap();
    assert_eq!(
        (&report["ok"], &drain["source"], &drain["toml"]),
        (&Value::Bool(true), &"file".into(), &"\"7s\"".into())
    );
}

#[test]
fn an_unknown_key_is_told_with_its_line_and_the_nearest_one() {
    let (_folder, path) = file("\nlisen = []\n");
    let stderr = buslane(&["check-config", &path.display().to_string()]).fails(1);
    assert!(
        stderr.contains("buslane.toml:2: unknown key lisen, the nearest is listen"),
        "{stderr}"
    );
}

#[test]
fn every_error_of_a_configuration_is_told_at_once() {
    let (_folder, path) = file("lisen = []\nlimits.payload = '1MB'\n");
    let path = path.display().to_string();
    let mut words = command(&["check-config", &path, "--listen", "nowhere"]);
    words.env("BUSLANE_NODES", "x");
    let stderr = Process::spawn(words).outcome().fails(1);
    for part in [
        "4 things are wrong",
        ":1: unknown key lisen",
        ":2: limits.payload expects a size",
        "BUSLANE_NODES, the nearest is BUSLANE_NODE",
        "--listen: listen expects",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    let outcome = buslane(&["check-config", &path, "--json"]);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (outcome.code, report["errors"].as_array().unwrap().len()),
        (Some(1), 2)
    );
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_told() {
    let stderr = buslane(&["check-config", "there-is-no-such.toml"]).fails(1);
    assert!(
        stderr.contains("there-is-no-such.toml cannot be read: No such file"),
        "{stderr}"
    );
    let (_folder, path) = file("node = 'a'\nlisten = [\n");
    let stderr = buslane(&["check-config", &path.display().to_string()]).fails(1);
    assert!(stderr.contains("buslane.toml:"), "{stderr}");
    let (folder, _) = file("");
    buslane(&["check-config", &folder.path().display().to_string()]).fails(1);
}

#[test]
fn values_that_contradict_each_other_are_told() {
    let (_folder, path) = file("[limits]\nping_after = '1m'\n");
    let stderr = buslane(&["check-config", &path.display().to_string()]).fails(1);
    assert!(
        stderr.contains("limits.gone_after must be longer than limits.ping_after"),
        "{stderr}"
    );
}

#[test]
fn a_wrong_flag_is_told_by_its_name() {
    let stderr = buslane(&["check-config", "--listen", "nowhere"]).fails(1);
    assert!(stderr.contains("--listen: listen expects"), "{stderr}");
    let stderr = buslane(&["check-config", "--data", ""]).fails(2);
    assert!(stderr.contains("--data"), "{stderr}");
}

#[test]
fn completions_know_every_command_and_option() {
    for shell in ["bash", "zsh", "fish"] {
        let script = buslane(&["completions", shell]).succeeds();
        for word in ["services", "check-config", "timeout", "no-events"] {
            assert!(script.contains(word), "{shell} {word}");
        }
    }
}

#[cfg(unix)]
#[test]
fn bash_takes_its_completions_and_completes_a_command() {
    let script = buslane(&["completions", "bash"]).succeeds();
    let mut bash = program("bash");
    let question = "COMP_WORDS=(buslane ta) COMP_CWORD=1; _buslane buslane ta buslane; echo ${COMPREPLY[@]}";
    bash.args(["--norc", "-c", &format!("{script}\n{question}")]);
    assert_eq!(Process::spawn(bash).outcome().succeeds(), "tap\n");
}

#[test]
fn fish_is_told_what_stands_without_a_name_and_where_no_file_fits() {
    let script = buslane(&["completions", "fish"]).succeeds();
    let about = |words: &str| {
        let told = |line: &&str| line.contains(&format!("__fish_buslane_using_subcommand {words}"));
        script.lines().filter(told).collect::<Vec<_>>().join("\n")
    };
    assert!(
        about("completions; and not __fish_seen_subcommand_from bash zsh fish")
            .contains("-a zsh -d 'The Z shell'")
    );
    assert!(about("bench; and not __fish_seen_subcommand_from").contains("-a growth -d"));
    assert!(about("sub\" -f").ends_with(" -f"));
    assert_eq!(about("check-config\" -f"), "", "a configuration is a file");
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let listed = buslane(&["man", "--output", &pages.display().to_string()]).succeeds();
    for name in [
        "buslane",
        "buslane-serve",
        "buslane-tap",
        "buslane-check-config",
        "buslane-schema-diff",
    ] {
        let path = pages.join(format!("{name}.1"));
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(
            page.contains(&format!(".TH {name} 1")) && listed.contains(&path.display().to_string()),
            "{name}: {page}"
        );
    }
    assert!(!listed.contains("buslane-help"), "{listed}");
}

#[test]
fn a_page_has_options_and_examples() {
    let page = buslane(&["man", "tap"]).succeeds();
    assert!(
        page.contains("\\-\\-rates") && page.contains("Examples:"),
        "{page}"
    );
    assert_eq!(
        buslane(&["man"])
            .succeeds()
            .lines()
            .find(|line| line.starts_with(".SH")),
        Some(".SH NAME")
    );
}
