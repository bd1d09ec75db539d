//! The reference of the configuration, written from the table of keys, the defaults and `schemas/config.json`.
//! Compiled for tests only.

use std::fmt::Write;

use buslane_protocol::ErrorCode;
use serde_json::Value as Json;

use super::{Config, environment, keys};
use crate::generated::{self, cell};

/// Flags of `serve` that set a key.
const FLAGS: &[(&str, &str)] = &[
    ("listen", "--listen"),
    ("data", "--data"),
    ("insecure", "--insecure"),
    ("log.format", "--log-format"),
    ("log.level", "--log-level"),
];

/// Defaults that differ from machine to machine.
const VARYING: &[(&str, &str)] = &[
    ("node", "the host's name"),
    ("data", "the platform's state directory"),
    (
        "http.client",
        "`buslane.js` beside the program, else in `../share/buslane/`",
    ),
];

/// Headings of the sections of keys.
const SECTIONS: &[(&str, &str)] = &[
    ("", "The broker"),
    ("http", "HTTP"),
    ("log", "The log"),
    ("contracts", "Contracts"),
    ("limits", "Limits"),
];

fn page() -> String {
    let schema: Json = serde_json::from_str(include_str!("../../../../schemas/config.json")).unwrap();
    let mut page = generated::head("Configuration");
    page.push_str(INTRODUCTION);
    let mut written = 0;
    for (section, heading) in SECTIONS {
        let of_it: Vec<_> = keys::expectations()
            .filter(|(path, _)| path.split_once('.').map_or("", |(section, _)| section) == *section)
            .collect();
        if of_it.is_empty() {
            continue;
        }
        written += of_it.len();
        let past = if *section == "limits" { " past it |" } else { "" };
        let rule = if past.is_empty() { "" } else { "---|" };
        write!(
            page,
            "\n## {heading}\n\n| key | takes | default | environment | flag | meaning |{past}\n"
        )
        .unwrap();
        writeln!(page, "|---|---|---|---|---|---|{rule}").unwrap();
        for (path, expected) in of_it {
            let (meaning, error) = described(&schema, path);
            let variable = environment::variable(path);
            let flag = FLAGS.iter().find(|(key, _)| *key == path);
            let flag = flag.map_or_else(String::new, |(_, flag)| format!("`{flag}`"));
            write!(
                page,
                "| `{path}` | {} | {} | `{variable}` | {flag} | {} |",
                cell(expected),
                default(path),
                cell(&meaning)
            )
            .unwrap();
            if !past.is_empty() {
                write!(page, " {} |", coded(&error)).unwrap();
            }
            page.push('\n');
        }
    }
    assert_eq!(written, keys::paths().count(), "a section of keys has no heading");
    page.push_str(CONCLUSION);
    page
}

/// Returns what a key means, and what happens past it if it is a limit.
fn described(schema: &Json, path: &str) -> (String, String) {
    let pointer = format!("/properties/{}", path.replace('.', "/properties/"));
    let text = schema
        .pointer(&pointer)
        .and_then(|key| key["description"].as_str());
    let text = text.unwrap_or_else(|| panic!("schemas/config.json does not describe {path}"));
    let (text, past) = text.split_once(" Past it: ").unwrap_or((text, "-"));
    let meaning = text.split(" Default").next().unwrap_or(text);
    let meaning = if meaning.ends_with('.') {
        meaning.to_owned()
    } else {
        format!("{meaning}.")
    };
    (meaning, past.trim_end_matches('.').to_owned())
}

/// Links the words of a text that are error codes.
fn coded(text: &str) -> String {
    let word = |word: &str| {
        let code = word.trim_matches(',');
        match ErrorCode::parse(code) {
            // Beside codes the table speaks of overflow policies.
            Some(found) if found != ErrorCode::Overflow => {
                word.replace(code, &format!("[`{code}`](errors.md#{code})"))
            }
            _ => word.to_owned(),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn default(path: &str) -> String {
    if let Some((_, default)) = VARYING.iter().find(|(key, _)| *key == path) {
        return (*default).to_owned();
    }
    let config = Config::default();
    let shown = keys::shown(&config).find(|(key, _)| *key == path);
    format!("`{}`", shown.expect("every key is shown").1)
}

const INTRODUCTION: &str = "\
What is set later wins: defaults, then the file of `--config FILE` (or `BUSLANE_CONFIG`), then the environment, then
flags. The file is TOML; every key is a variable of the environment too. A key that does not exist is an error that
names the nearest one that does. `buslane check-config` tells what holds and where it was said, and finds every error.

```toml
listen = [\"127.0.0.1:5959\", \"unix:/run/buslane.sock\"]
drain = \"10s\"

[limits]
payload = \"4MiB\"
```

In the environment a list is separated by commas: `BUSLANE_LISTEN=127.0.0.1:5959,unix:/run/buslane.sock`.
";

const CONCLUSION: &str = "
What went past a limit is counted in `buslane_refused_total` under its error code, and the limits that hold are figures
themselves: `buslane_limit`, `buslane_limit_bytes` and `buslane_limit_seconds` of [the metrics](metrics.md).
";

#[test]
fn the_generated_reference_of_the_configuration_is_fresh() {
    generated::assert_fresh("docs/configuration.md", &page());
}

#[test]
fn the_example_is_a_configuration() {
    let example = INTRODUCTION
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("buslane.toml");
    std::fs::write(&path, example.unwrap()).unwrap();
    let flags = super::Flags {
        config: Some(path),
        ..super::Flags::default()
    };
    let config = Config::load(&flags, []).unwrap();
    assert_eq!((config.listen.len(), config.limits.payload), (2, 4 << 20));
}
