//! `buslane schema`, with what people get wrong.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Broker, buslane, buslane_with_input};
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and returns its path.
    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        shown(&path)
    }
}

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Checks a schema from stdin that is refused, and returns what is said of it.
#[track_caller]
fn refused(text: &str) -> String {
    let error = buslane_with_input(&["schema", "check", "-"], text).fails(1);
    assert!(error.starts_with("error: stdin: "), "{error}");
    error
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = Folder::new();
    let missing = shown(&folder.path("missing.json"));
    for arguments in [
        &["schema", "check", &missing][..],
        &["schema", "diff", &missing, &missing],
    ] {
        let error = buslane(arguments).fails(2);
        assert!(
            error.contains(&missing) && error.contains("hint: name a file, or - for stdin"),
            "{error}"
        );
    }
    let error = buslane(&["schema", "check", folder.path("").to_str().unwrap()]).fails(2);
    assert!(error.contains("irectory") || error.contains("denied"), "{error}");
}

#[test]
fn what_is_not_utf_8_says_from_which_byte_on() {
    let folder = Folder::new();
    let file = folder.file("latin.json", b"{\"title\":\"\xe4\"}");
    let error = buslane(&["schema", "check", &file]).fails(2);
    assert!(error.contains("not UTF-8, from byte 10 on"), "{error}");
}

#[test]
fn an_empty_file_is_said_to_be_empty() {
    for text in ["", " \n\t"] {
        let error = refused(text);
        assert!(
            error.contains("there is nothing in it")
                && error.contains("hint: a schema that takes anything is: true"),
            "{error}"
        );
    }
    let folder = Folder::new();
    let (empty, any) = (folder.file("empty.json", ""), folder.file("any.json", "true"));
    let error = buslane(&["schema", "diff", &any, &empty]).fails(2);
    assert!(error.contains("empty.json: there is nothing in it"), "{error}");
}

#[test]
fn what_is_not_json_is_told_with_line_and_column() {
    assert!(refused("{\n  \"type\": \"string\",\n}").contains("not JSON: trailing comma at line 3 column 1"));
    assert!(refused("type: string").contains("not JSON: "));
    assert!(refused("{\"type\":\"null\",\"type\":\"null\"}").contains("two members of one name"));
    assert!(refused("true false").contains("not JSON: trailing characters"));
}

#[test]
fn a_schema_that_is_too_large_says_how_large_it_may_be() {
    let text = json!({ "description": "x".repeat(300 << 10) }).to_string();
    let error = refused(&text);
    assert!(
        error.contains("more than the 262144 that a broker takes") && error.contains("limits.schema"),
        "{error}"
    );
    let registration = json!({ "name": "attic", "version": "1",
        "methods": { "get": { "input": { "description": "x".repeat(300 << 10) } } } });
    let error = refused(&registration.to_string());
    assert!(error.contains("methods.get.input: "), "{error}");
}

#[test]
fn deep_nesting_is_refused_with_a_way_out() {
    let text = "{\"items\":".repeat(200) + "true" + &"}".repeat(200);
    let error = refused(&text);
    assert!(
        error.contains("more than 128 levels deep")
            && error.contains("hint: give the inner schemas names under $defs"),
        "{error}"
    );
    let error = refused(&("[".repeat(100_000) + &"]".repeat(100_000)));
    assert!(error.contains("more than 128 levels deep"), "{error}");
}

#[test]
fn references_in_circles_are_refused_on_the_same_value_only() {
    for text in [
        "{\"$ref\":\"#\"}",
        "{\"anyOf\":[{\"$ref\":\"#/$defs/a\"}],\"$defs\":{\"a\":{\"not\":{\"$ref\":\"#\"}}}}",
    ] {
        assert!(refused(text).contains("again and again"), "{text}");
    }
    let tree = "{\"properties\":{\"left\":{\"$ref\":\"#\"},\"right\":{\"$ref\":\"#\"}}}";
    let folder = Folder::new();
    let file = folder.file("tree.json", tree);
    let wider = folder.file(
        "wider.json",
        tree.replacen("{\"properties\"", "{\"maxProperties\":3,\"properties\"", 1),
    );
    buslane(&["schema", "check", &file]).succeeds();
    let outcome = buslane(&["schema", "diff", &file, &wider]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(
        outcome.stdout,
        "breaks callers\n  /maxProperties  more than 3 properties are refused now\n"
    );
    buslane(&["schema", "diff", &wider, &file]).succeeds();
}

#[test]
fn remote_references_are_refused_by_name() {
    for reference in ["https://example.com/key", "file:///etc/passwd", "key.json"] {
        let error = refused(&json!({ "properties": { "a": { "$ref": reference } } }).to_string());
        assert!(
            error.contains(reference)
                && error.contains("put what it refers to into the registration's schemas"),
            "{error}"
        );
    }
}

#[test]
fn an_unknown_dialect_is_refused_by_name() {
    let error = refused("{\"$schema\":\"https://example.com/mine\"}");
    assert!(
        error.contains(
            "$schema names \"https://example.com/mine\"; known are the drafts 4, 6, 7, 2019-09 and 2020-12"
        ),
        "{error}"
    );
}

#[test]
fn what_could_cost_too_much_is_refused() {
    let link = |index: usize| {
        let twice = json!({ "$ref": format!("#/$defs/d{}", index + 1) });
        (format!("d{index}"), json!({ "allOf": [twice, twice] }))
    };
    let mut definitions: serde_json::Map<String, Value> = (0..14).map(link).collect();
    definitions.insert("d14".to_owned(), json!(true));
    let error = refused(&json!({ "$ref": "#/$defs/d0", "$defs": definitions }).to_string());
    assert!(error.contains("applies more than 10000 subschemas"), "{error}");
    assert!(refused("{\"pattern\":\"((a{100}){100}){100}\"}").starts_with("error: "));
}

#[test]
fn every_schema_of_a_registration_is_looked_at() {
    let registration = json!({ "name": "attic", "version": "1",
        "methods": { "get": { "input": { "type": "text" } }, "set": { "output": { "minimum": "a" } } },
        "topics": { "changed": { "schema": { "type": "object" } } } });
    let error = refused(&registration.to_string());
    assert!(
        error.contains("2 things are wrong")
            && error.contains("methods.get.input at \"/type\"")
            && error.contains("methods.set.output at \"/minimum\""),
        "{error}"
    );
    assert!(refused("{\"name\":\"a b\",\"methods\":{}}").contains("not a registration: "));
    let report = buslane_with_input(
        &["schema", "check", "-", "--json"],
        "{\"name\":\"attic\",\"methods\":[\"get\"]}",
    );
    assert_eq!(
        serde_json::from_str::<Value>(&report.succeeds()).unwrap(),
        json!({ "valid": true, "schemas": [] })
    );
}

#[test]
fn machines_are_told_the_same_as_people() {
    let outcome = buslane_with_input(
        &["schema", "check", "-", "--json"],
        "{\"properties\":{\"a\":{\"type\":\"text\"}}}",
    );
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (
            &report["valid"],
            &report["errors"][0]["pointer"],
            &report["errors"][0]["keyword"]
        ),
        (&json!(false), &json!("/properties/a/type"), &json!("anyOf"))
    );
    let folder = Folder::new();
    let (old, new) = (
        folder.file("old.json", "{\"required\":[\"a\"]}"),
        folder.file("new.json", "{\"required\":[\"a\",\"b\"],\"title\":\"n\"}"),
    );
    let outcome = buslane(&["schema", "diff", &old, &new, "--as", "input", "--json"]);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (outcome.code, &report["verdict"], &report["as"]),
        (Some(1), &json!("breaking"), &json!("input"))
    );
    assert_eq!(
        report["contracts"][0]["changes"][0],
        json!({ "verdict": "breaking", "pointer": "/required", "keyword": "required", "old": ["a"], "new": ["a", "b"],
            "detail": "the property \"b\" is required now" })
    );
    assert_eq!(
        report["changes"].as_array().unwrap().len(),
        1,
        "the title is none: {report}"
    );
    let report = buslane(&["schema", "diff", &new, &old, "--json"]).succeeds();
    assert_eq!(
        serde_json::from_str::<Value>(&report).unwrap()["verdict"],
        "compatible"
    );
}

#[test]
fn versions_of_different_dialects_are_compared_by_what_they_mean() {
    let folder = Folder::new();
    let draft = |name: &str, keywords: Value| {
        let mut schema = keywords;
        schema["$schema"] = json!(format!("http://json-schema.org/{name}/schema#"));
        schema.to_string()
    };
    let old = folder.file(
        "old.json",
        draft("draft-04", json!({ "maximum": 3, "exclusiveMaximum": true })),
    );
    let same = folder.file("same.json", "{\"exclusiveMaximum\":3}");
    let wider = folder.file("wider.json", "{\"maximum\":3}");
    buslane(&["schema", "diff", &old, &same, "--as", "topic"]).succeeds();
    buslane(&["schema", "diff", &old, &wider]).succeeds();
    let outcome = buslane(&["schema", "diff", &old, &wider, "--as", "output"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    // The older drafts hold texts against `format`, the newer ones describe by it.
    let (demands, describes) = (
        folder.file("demands.json", draft("draft-07", json!({ "format": "email" }))),
        folder.file("describes.json", "{\"format\":\"email\"}"),
    );
    buslane(&["schema", "diff", &demands, &describes]).succeeds();
    assert_eq!(buslane(&["schema", "diff", &describes, &demands]).code, Some(1));
}

#[test]
fn registrations_are_compared_contract_by_contract() {
    let folder = Folder::new();
    let registration = |version: &str, key: &str, methods: &[&str]| {
        let method = |name: &&str| {
            let method = json!({ "input": { "$ref": "urn:key" }, "output": { "$ref": "urn:key" } });
            ((*name).to_owned(), method)
        };
        json!({ "name": "attic", "version": version, "schemas": { "urn:key": { "type": key } },
            "methods": methods.iter().map(method).collect::<serde_json::Map<_, _>>() })
        .to_string()
    };
    let old = folder.file("old.json", registration("1", "number", &["get", "set"]));
    let new = folder.file("new.json", registration("2", "integer", &["get", "list"]));
    let outcome = buslane(&["schema", "diff", &old, &new]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (
            Some(1),
            "methods.get.input: breaks callers\n  urn:key#/type  values of type number are refused now\n\
             methods.set: breaks callers\n  /  the method is not offered any more\n\
             compatible\n  methods.list  added\n"
        ),
        "{outcome:?}"
    );
    let error = buslane(&["schema", "diff", &old, &new, "--as", "output"]).fails(2);
    assert!(error.contains("--as is for single schemas"), "{error}");
    let schema = folder.file("schema.json", "true");
    let error = buslane(&["schema", "diff", &old, &schema]).fails(2);
    assert!(
        error.contains("one is a schema and the other a registration"),
        "{error}"
    );
}

#[test]
fn a_broker_logs_what_a_new_version_breaks() {
    let mut broker = Broker::start();
    let mut client = TcpStream::connect(&broker.address).unwrap();
    for (version, required) in [("1.0.0", json!(["key"])), ("2.0.0", json!(["key", "app"]))] {
        let methods = json!({ "get": { "input": { "required": required } } });
        let register = json!({ "type": "register", "name": "attic", "version": version, "methods": methods });
        writeln!(client, "{register}").unwrap();
    }
    let line = broker.process.error_line_with("schema changed");
    for part in [
        "WARN",
        "service=attic",
        "version=\"2.0.0\"",
        "previous=\"1.0.0\"",
        "verdict=\"breaking\"",
        "methods.get.input for callers",
        "refused=false",
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[test]
fn one_stdin_serves_one_version() {
    let error = buslane(&["schema", "diff", "-", "-"]).fails(2);
    assert!(error.contains("both versions cannot come from stdin"), "{error}");
    let folder = Folder::new();
    let old = folder.file("old.json", "true");
    buslane_with_input(&["schema", "diff", &old, "-"], "true").succeeds();
}
