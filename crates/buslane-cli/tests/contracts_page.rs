//! `docs/contracts.md`: its files are written, its commands typed, its sessions spoken and its table compared.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use buslane_broker::{Role, SchemaDocument};
use buslane_protocol::Verdict;
use serde_json::Value;
use support::{Broker, program};

const PAGE: &str = include_str!("../../../docs/contracts.md");
/// Stands on the page for what differs from run to run.
const VARYING: &str = "…";
/// How long a line may take. Only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the fenced blocks whose label begins with a word, as the rest of the label and the lines.
fn blocks(word: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut found = Vec::new();
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        if let Some(label) = line.strip_prefix("```") {
            let body: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            if let Some(rest) = label.strip_prefix(word) {
                found.push((rest.trim(), body));
            }
        }
    }
    assert!(!found.is_empty(), "the page has no {word}");
    found
}

fn run(command: &str, folder: &Path) -> String {
    let buslane = PathBuf::from(env!("CARGO_BIN_EXE_buslane"));
    let path = std::env::var("PATH").unwrap_or_default();
    let output = program("bash")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .env("PATH", format!("{}:{path}", buslane.parent().unwrap().display()))
        .current_dir(folder)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_commands_print_what_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    for (name, lines) in blocks("json") {
        std::fs::write(folder.path().join(name), lines.join("\n")).unwrap();
    }
    for (_, lines) in blocks("console") {
        let mut typed: Vec<(&str, String)> = Vec::new();
        for line in lines {
            match line.strip_prefix("$ ") {
                Some(command) => typed.push((command, String::new())),
                None => {
                    let printed = &mut typed.last_mut().expect("a command comes first").1;
                    printed.push_str(line);
                    printed.push('\n');
                }
            }
        }
        for (command, printed) in typed {
            assert_eq!(run(command, folder.path()), printed, "{command}");
        }
    }
}

/// Compares what came with what is printed, but for members whose value the page leaves out.
fn matches(printed: &Value, came: &Value) -> bool {
    match (printed, came) {
        (Value::String(text), _) if text == VARYING => true,
        (Value::Object(printed), _) if printed.is_empty() => came.is_object(),
        (Value::Object(printed), Value::Object(came)) => {
            printed.len() == came.len()
                && printed.iter().all(|(name, value)| match name.as_str() {
                    "expires_in_ms" => came.contains_key(name),
                    _ => came.get(name).is_some_and(|found| matches(value, found)),
                })
        }
        (Value::Array(printed), Value::Array(came)) => {
            printed.len() == came.len()
                && printed
                    .iter()
                    .zip(came)
                    .all(|(printed, came)| matches(printed, came))
        }
        _ => printed == came,
    }
}

#[test]
fn the_sessions_go_as_the_page_says() {
    for (_, lines) in blocks("session") {
        let broker = Broker::start();
        let mut sockets: BTreeMap<&str, BufReader<TcpStream>> = BTreeMap::new();
        for line in lines {
            let (name, rest) = line.split_at(line.find(['<', '>']).unwrap());
            let socket = sockets.entry(name).or_insert_with(|| {
                let socket = TcpStream::connect(&broker.address).unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                BufReader::new(socket)
            });
            if let Some(message) = rest.strip_prefix("> ") {
                writeln!(socket.get_mut(), "{message}").unwrap();
                continue;
            }
            let printed: Value = serde_json::from_str(rest.strip_prefix("< ").unwrap()).unwrap();
            let mut came = String::new();
            socket.read_line(&mut came).unwrap();
            let came: Value = serde_json::from_str(&came).unwrap();
            assert!(matches(&printed, &came), "{printed}\nbut it was\n{came}");
        }
    }
}

#[test]
fn the_table_of_changes_is_what_a_comparison_says() {
    let table = PAGE.split("| from | to |").nth(1).unwrap();
    let rows: Vec<&str> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(rows.len() > 20, "{rows:#?}");
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" |").map(str::trim).collect();
        let document = |cell: &str| {
            SchemaDocument::parse(cell.trim_start_matches('|').trim().trim_matches('`')).unwrap()
        };
        let (old, new) = (document(cells[0]), document(cells[1]));
        let mark = |role| match old.compare(&new, role).unwrap().verdict() {
            Some(Verdict::Breaking) => "B",
            Some(Verdict::MayBreak) => "?",
            None => "",
        };
        let found = [mark(Role::Input), mark(Role::Output)];
        assert_eq!(cells[2..], found, "{row}");
    }
}
