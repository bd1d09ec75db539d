//! A service as it is shown: what it declares, who it is, and how to call it.

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::service::Service;
use support::{Broker, Process, program};

/// Starts a service with something of everything.
fn library(broker: &Broker, instance: &str) -> Service {
    let registration = json!({
        "type": "register", "name": "library", "version": "2.1.0", "instance": instance, "groups": ["readers", "storage"],
        "methods": {
            "lend": {
                "description": "Lends a book.",
                "input": {"$ref": "book"},
                "output": {"type": "object", "required": ["until"], "properties": {"until": {"type": "string", "format": "date"}}},
            },
            "close": {},
            "never": {"input": {"allOf": [{"minLength": 3}, {"maxLength": 2}, {"type": "string"}]}},
        },
        "topics": {"library/lent": {"description": "A book is out.", "schema": {"$ref": "book"}, "retain": true}},
        "schemas": {"book": {
            "type": "object", "required": ["title", "copies"],
            "properties": {
                "title": {"type": "string", "examples": ["It's a \"book\""]},
                "copies": {"type": "integer", "minimum": 2},
                "note": {"type": "string"},
            },
        }},
        "meta": {"team": "shelves"},
    });
    Service::start(&broker.address, &registration, |_| {
        vec![json!({"type": "reply", "payload": {"until": "2026-01-31"}})]
    })
}

#[test]
fn a_service_is_shown_with_everything_that_it_declares() {
    let broker = Broker::start();
    let _services = [library(&broker, "one"), library(&broker, "two")];
    let stdout = broker.run(&["services", "library"]).succeeds();
    for line in [
        "library 2.1.0",
        "groups readers storage",
        "meta {\"team\":\"shelves\"}",
        "  lend                     Lends a book.",
        "    input {\"$ref\":\"book\"}",
        "    try buslane request library:close",
        "  library/lent             (retained) A book is out.",
        "    schema {\"$ref\":\"book\"}",
    ] {
        assert!(stdout.lines().any(|shown| shown == line), "{line:?}: {stdout}");
    }
    assert!(
        stdout.contains("  one                      2.1.0 @readers @storage client-"),
        "{stdout}"
    );
    assert!(
        stdout.contains("  two                      2.1.0 @readers @storage client-"),
        "{stdout}"
    );
}

#[test]
fn an_example_is_valid_and_its_command_can_be_pasted() {
    let broker = Broker::start();
    let _library = library(&broker, "one");
    let line = broker.run(&["services", "library", "--json"]).succeeds();
    let shown: Value = serde_json::from_str(&line).unwrap();
    let lend = &shown["methods"]["lend"];
    assert_eq!(lend["example"], json!({"title": "It's a \"book\"", "copies": 2}));
    let folder = Path::new(env!("CARGO_BIN_EXE_buslane")).parent().unwrap();
    let mut shell = program("sh");
    let path = std::env::join_paths([folder, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    shell
        .args(["-c", lend["command"].as_str().unwrap()])
        .env("PATH", path)
        .env("BUSLANE_URL", broker.url());
    let reply = Process::spawn(shell).outcome().succeeds();
    assert_eq!(
        reply,
        "{\"until\":\"2026-01-31\"}
"
    );
}

#[test]
fn an_input_without_an_example_asks_for_one() {
    let broker = Broker::start();
    let _library = library(&broker, "one");
    let stdout = broker.run(&["services", "library"]).succeeds();
    let expected = "    try buslane request library:never -\n        no example of its input was found";
    assert!(stdout.contains(expected), "{stdout}");
}

#[test]
fn a_service_for_machines_keeps_what_the_broker_says() {
    let broker = Broker::start();
    let _services = [library(&broker, "one"), library(&broker, "two")];
    let line = broker.run(&["services", "library", "--json"]).succeeds();
    let shown: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&shown["name"], &shown["meta"]["team"]),
        (&json!("library"), &json!("shelves"))
    );
    assert_eq!(shown["instances"].as_array().unwrap().len(), 2);
    assert_eq!(shown["methods"]["lend"]["input"], json!({"$ref": "book"}));
    assert_eq!(shown["topics"]["library/lent"]["retain"], true);
    assert!(shown.get("next").is_none());
}

#[test]
fn every_method_of_the_brokers_own_service_can_be_called_as_shown() {
    let broker = Broker::start();
    let line = broker.run(&["services", "$bus", "--json"]).succeeds();
    let shown: Value = serde_json::from_str(&line).unwrap();
    for (name, method) in shown["methods"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "describe")
    {
        let address = format!("$bus:{name}");
        let example = method.get("example").map(Value::to_string);
        let words = [Some("request"), Some(address.as_str()), example.as_deref()];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        broker.run(&words).succeeds();
    }
}

#[cfg(unix)]
#[test]
fn long_schemas_are_laid_out_on_a_terminal() {
    let broker = Broker::start();
    let shown = support::terminal::start("dumb", &broker.url(), &["services", "$bus"], &[]);
    let shown = shown.outcome().succeeds();
    assert!(
        shown.contains("    input {\n      \"properties\": {\n"),
        "{shown}"
    );
}
