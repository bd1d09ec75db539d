//! The official test suite of JSON Schema, played through the bus: each schema is the contract of a method, each
//! instance the payload of a request, and a valid one is a request that reaches the service. What is required holds;
//! what of the optional holds is written down in `docs/contracts.md`.
//!
//! The suite is not part of the repository: `scripts/schema-suite.sh` brings it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use buslane_broker::RunningBroker;
use serde::Deserialize;
use serde_json::value::RawValue;
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
    data: Box<RawValue>,
    valid: bool,
}

/// A draft.
struct Suite {
    name: &'static str,
    folder: &'static str,
    dialect: &'static str,
}

/// What came of some tests.
#[derive(Default)]
struct Outcome {
    held: usize,
    /// Tests whose schema is refused.
    omitted: usize,
    refused: Vec<String>,
    wrong: Vec<String>,
}

#[test]
fn every_required_test_of_2020_12_holds_through_the_bus() {
    play_required(&DRAFT_2020_12);
}

#[test]
fn every_required_test_of_2019_09_holds_through_the_bus() {
    play_required(&DRAFT_2019_09);
}

#[test]
fn every_required_test_of_draft_7_holds_through_the_bus() {
    play_required(&DRAFT_7);
}

#[test]
fn every_required_test_of_draft_6_holds_through_the_bus() {
    play_required(&DRAFT_6);
}

#[test]
fn every_required_test_of_draft_4_holds_through_the_bus() {
    play_required(&DRAFT_4);
}

#[test]
fn what_holds_of_the_optional_tests_is_what_the_documentation_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/contracts.md");
    let text = fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(TABLE_BEGINS).unwrap();
    let (found, after) = rest.split_once(TABLE_ENDS).unwrap();
    let made = optional_table();
    if std::env::var_os("BUSLANE_GENERATE").is_some_and(|value| value == "1") {
        fs::write(&page, format!("{before}{TABLE_BEGINS}{made}{TABLE_ENDS}{after}")).unwrap();
    } else {
        assert_eq!(
            found, made,
            "docs/contracts.md is out of date: run `just generate`"
        );
    }
}

/// Plays every required test of a draft.
fn play_required(suite: &Suite) {
    let mut player = Player::start();
    let mut outcome = Outcome::default();
    for file in files(&root().join("tests").join(suite.folder)) {
        player.play(suite, &file, &mut outcome);
    }
    assert!(outcome.held > 500, "the suite is not whole");
    assert!(outcome.wrong.is_empty(), "{:#?}", outcome.wrong);
    assert!(outcome.refused.is_empty(), "{:#?}", outcome.refused);
}

/// Plays the optional tests of all drafts, and makes the table of what holds.
fn optional_table() -> String {
    let mut table = String::from(
        "\n| draft | hold | hold in part, with how many do | schemas refused |\n|---|---|---|---|\n",
    );
    let mut player = Player::start();
    for suite in [&DRAFT_2020_12, &DRAFT_2019_09, &DRAFT_7, &DRAFT_6, &DRAFT_4] {
        let folder = root().join("tests").join(suite.folder).join("optional");
        let (mut whole, mut part, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for file in files_below(&folder) {
            let name = file.strip_prefix(&folder).unwrap().with_extension("");
            let name = name.display().to_string();
            let mut outcome = Outcome::default();
            player.play(suite, &file, &mut outcome);
            if !outcome.refused.is_empty() {
                refused.push(format!("{name} {}", outcome.refused.len()));
            }
            let right = outcome.held - outcome.wrong.len();
            match right == outcome.held && outcome.refused.is_empty() {
                true => whole.push(name),
                false => part.push(format!("{name} {right}/{}", outcome.held + outcome.omitted)),
            }
        }
        for names in [&mut whole, &mut part, &mut refused] {
            names.sort();
        }
        let (whole, part, refused) = (whole.join(", "), part.join(", "), refused.join(", "));
        table += &format!("| {} | {whole} | {part} | {refused} |\n", suite.name);
    }
    table
}

/// Plays tests through a broker.
struct Player {
    _broker: RunningBroker,
    service: Lines,
    caller: Lines,
}

impl Player {
    fn start() -> Player {
        let broker = start(|_| {});
        let (service, caller) = (Lines::join(&broker), Lines::join(&broker));
        Player {
            _broker: broker,
            service,
            caller,
        }
    }

    /// Plays the tests of a file.
    fn play(&mut self, suite: &Suite, file: &Path, outcome: &mut Outcome) {
        let cases: Vec<Case> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        for case in cases {
            let place = format!("{}: {}", file.file_name().unwrap().display(), case.description);
            let schemas = remotes(&root().join("remotes"), suite, &case.schema);
            let registration = json!({
                "type": "register", "name": "suite", "version": "1",
                "methods": { "hold": { "input": in_dialect(case.schema, suite.dialect) } },
                "schemas": schemas,
            });
            self.service.send(registration);
            let answer = self.service.receive();
            if answer["type"] != "registered" {
                outcome.refused.push(format!("{place}: {}", answer["error"]));
                outcome.omitted += case.tests.len();
                continue;
            }
            for instance in case.tests {
                let held = self.reaches(&instance.data);
                outcome.held += 1;
                if held != Ok(instance.valid) {
                    let description = instance.description;
                    outcome.wrong.push(format!("{place}: {description}: {held:?}"));
                }
            }
            self.service
                .send(json!({ "type": "unregister", "name": "suite" }));
            self.service.flush();
        }
    }

    /// Tells whether a payload matches: it then reaches the service. An error is one that says something else.
    fn reaches(&mut self, payload: &RawValue) -> Result<bool, String> {
        let line = format!(
            "{{\"type\":\"request\",\"id\":\"1\",\"to\":\"suite:hold\",\"payload\":{}}}\n",
            on_one_line(payload)
        );
        self.caller.send_raw(line.as_bytes());
        self.caller.send(json!({ "type": "cancel", "id": "1" }));
        let answer = self.caller.expect("error");
        match answer["error"]["code"].as_str().unwrap() {
            "schema_violation" => {
                // The cancellation finds nothing and is answered by nothing.
                Ok(false)
            }
            "cancelled" => {
                let expected: Value = serde_json::from_str(payload.get()).unwrap();
                assert_eq!(self.service.expect("request")["payload"], expected);
                self.service.expect("cancel");
                Ok(true)
            }
            code => Err(code.to_owned()),
        }
    }
}

/// Returns a value as it is written, without the line breaks between its parts.
fn on_one_line(payload: &RawValue) -> String {
    payload.get().replace(['\n', '\r'], " ")
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
            let of_other_draft =
                path.starts_with("draft") && !path.starts_with(suite.folder) && !text.contains(&uri);
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

const DRAFT_2020_12: Suite = Suite {
    name: "2020-12",
    folder: "draft2020-12",
    dialect: "https://json-schema.org/draft/2020-12/schema",
};
const DRAFT_2019_09: Suite = Suite {
    name: "2019-09",
    folder: "draft2019-09",
    dialect: "https://json-schema.org/draft/2019-09/schema",
};
const DRAFT_7: Suite = Suite {
    name: "7",
    folder: "draft7",
    dialect: "http://json-schema.org/draft-07/schema#",
};
const DRAFT_6: Suite = Suite {
    name: "6",
    folder: "draft6",
    dialect: "http://json-schema.org/draft-06/schema#",
};
const DRAFT_4: Suite = Suite {
    name: "4",
    folder: "draft4",
    dialect: "http://json-schema.org/draft-04/schema#",
};
/// Between these stands the table in the documentation.
const TABLE_BEGINS: &str = "<!-- made by `just generate` from the test suite -->\n";
const TABLE_ENDS: &str = "<!-- end of what is made -->\n";
/// Where the suite expects its further documents to be served.
const BASE: &str = "http://localhost:1234/";
