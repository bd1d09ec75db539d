//! The official test suite of JSON Schema, played through the bus: each schema is the contract of a method, each
//! instance the payload of a request, and a valid one is a request that reaches the service.
//!
//! The suite is not part of the repository: `scripts/schema-suite.sh` brings it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use support::{Lines, start};

/// One schema with what is held against it.
#[derive(Deserialize)]
struct Case {
    description: String,
    schema: Value,
    tests: Vec<Instance>,
}

/// What is held against a schema.
#[derive(Deserialize)]
struct Instance {
    description: String,
    data: Value,
    valid: bool,
}

/// A draft, and what of its required tests cannot be asked of a broker.
struct Suite {
    folder: &'static str,
    dialect: &'static str,
    /// The description of each case whose schema has to be refused, and a part of the refusal.
    refused: &'static [(&'static str, &'static str)],
}

/// What came of one draft.
#[derive(Default)]
struct Outcome {
    held: usize,
    refused: Vec<String>,
    wrong: Vec<String>,
}

#[test]
fn every_required_test_of_2020_12_holds_through_the_bus() {
    play(&Suite {
        folder: "draft2020-12",
        dialect: "https://json-schema.org/draft/2020-12/schema",
        refused: &[],
    });
}

#[test]
fn every_required_test_of_2019_09_holds_through_the_bus() {
    play(&Suite {
        folder: "draft2019-09",
        dialect: "https://json-schema.org/draft/2019-09/schema",
        refused: &[],
    });
}

#[test]
fn every_required_test_of_draft_7_holds_through_the_bus() {
    play(&Suite {
        folder: "draft7",
        dialect: "http://json-schema.org/draft-07/schema#",
        refused: &[],
    });
}

#[test]
fn every_required_test_of_draft_6_holds_through_the_bus() {
    play(&Suite {
        folder: "draft6",
        dialect: "http://json-schema.org/draft-06/schema#",
        refused: &[],
    });
}

#[test]
fn every_required_test_of_draft_4_holds_through_the_bus() {
    play(&Suite {
        folder: "draft4",
        dialect: "http://json-schema.org/draft-04/schema#",
        refused: &[],
    });
}

/// Plays every required test of a draft.
fn play(suite: &Suite) {
    let root = root();
    let broker = start(|_| {});
    let (mut service, mut caller) = (Lines::join(&broker), Lines::join(&broker));
    let mut outcome = Outcome::default();
    for file in files(&root.join("tests").join(suite.folder)) {
        let cases: Vec<Case> = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        for case in cases {
            let place = format!("{}: {}", file.file_name().unwrap().display(), case.description);
            let schemas = remotes(&root.join("remotes"), suite, &case.schema);
            let registration = json!({
                "type": "register", "name": "suite", "version": "1",
                "methods": { "hold": { "input": in_dialect(case.schema, suite.dialect) } },
                "schemas": schemas,
            });
            service.send(registration);
            let answer = service.receive();
            if answer["type"] != "registered" {
                outcome.refused.push(format!("{place}: {}", answer["error"]));
                continue;
            }
            for instance in case.tests {
                let held = reaches(&mut service, &mut caller, &instance.data);
                outcome.held += 1;
                if held != Ok(instance.valid) {
                    let description = instance.description;
                    outcome.wrong.push(format!("{place}: {description}: {held:?}"));
                }
            }
            service.send(json!({ "type": "unregister", "name": "suite" }));
            service.flush();
        }
    }
    judge(suite, &outcome);
}

/// Tells whether a payload matches: it then reaches the service. An error is one that says something else.
fn reaches(service: &mut Lines, caller: &mut Lines, payload: &Value) -> Result<bool, String> {
    caller.send(json!({ "type": "request", "id": "1", "to": "suite:hold", "payload": payload }));
    caller.send(json!({ "type": "cancel", "id": "1" }));
    let answer = caller.expect("error");
    match answer["error"]["code"].as_str().unwrap() {
        "schema_violation" => {
            // The cancellation finds nothing and is answered by nothing.
            Ok(false)
        }
        "cancelled" => {
            assert_eq!(service.expect("request")["payload"], *payload);
            service.expect("cancel");
            Ok(true)
        }
        code => Err(code.to_owned()),
    }
}

fn judge(suite: &Suite, outcome: &Outcome) {
    println!(
        "{}: {} held, {} wrong, {} schemas refused",
        suite.folder,
        outcome.held,
        outcome.wrong.len(),
        outcome.refused.len()
    );
    assert!(outcome.held > 500, "the suite is not whole");
    assert!(outcome.wrong.is_empty(), "{:#?}", outcome.wrong);
    assert_eq!(
        outcome.refused.len(),
        suite.refused.len(),
        "{:#?}",
        outcome.refused
    );
    for (case, reason) in suite.refused {
        let is_refused = |line: &String| line.contains(case) && line.contains(reason);
        assert!(
            outcome.refused.iter().any(is_refused),
            "{case}: {:#?}",
            outcome.refused
        );
    }
}

/// Says which dialect a schema is of, where it does not say so itself.
fn in_dialect(schema: Value, dialect: &str) -> Value {
    match schema {
        Value::Object(mut members) => {
            members.entry("$schema").or_insert_with(|| dialect.into());
            Value::Object(members)
        }
        schema => schema,
    }
}

/// Returns the documents of the suite to which a schema refers, directly or through others, by the URI under which the
/// suite serves them.
fn remotes(folder: &Path, suite: &Suite, schema: &Value) -> Map<String, Value> {
    let mut documents = Map::new();
    let mut texts = vec![schema.to_string()];
    while let Some(text) = texts.pop() {
        for file in files_below(folder) {
            let path = file.strip_prefix(folder).unwrap().display().to_string();
            let uri = format!("{BASE}{path}");
            let of_other_draft = path.starts_with("draft") && !path.starts_with(suite.folder);
            let name = file.file_name().unwrap().to_str().unwrap();
            if of_other_draft || documents.contains_key(&uri) || !text.contains(name) {
                continue;
            }
            let document: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            texts.push(document.to_string());
            documents.insert(uri, in_dialect(document, suite.dialect));
        }
    }
    documents
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/json-schema-test-suite");
    assert!(
        root.is_dir(),
        "the test suite of JSON Schema is missing: run ./scripts/schema-suite.sh"
    );
    root
}

/// Lists the files of a folder, without its folders: those hold what is optional.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = files(folder);
    let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for folder in folders.filter(|path| path.is_dir()) {
        found.extend(files_below(&folder));
    }
    found
}

/// Where the suite expects its further documents to be served.
const BASE: &str = "http://localhost:1234/";
