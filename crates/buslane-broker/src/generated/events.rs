//! The page about the events under `$bus/`, written from `schemas/events/`.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use super::{assert_fresh, cell, head};

fn schemas() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/events");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut schemas: Vec<(String, Value)> = files
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (
                name,
                serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap(),
            )
        })
        .collect();
    schemas.sort_by(|(one, _), (other, _)| one.cmp(other));
    schemas
}

fn page() -> String {
    let mut page = head("Events");
    page.push_str(INTRODUCTION);
    page.push_str("\n| topic | what it tells | members of the payload | schema |\n|---|---|---|---|\n");
    for (file, schema) in schemas() {
        let topic = schema["x-buslane-topic"].as_str().expect("an event has a topic");
        let described = schema["description"].as_str().expect("an event is described");
        writeln!(
            page,
            "| `{topic}` | {} | {} | [{file}](../schemas/events/{file}) |",
            cell(described),
            members(&schema)
        )
        .unwrap();
    }
    page
}

/// Lists the members of a payload, those that may be missing in brackets.
fn members(schema: &Value) -> String {
    let Some(properties) = schema["properties"].as_object() else {
        return "anything".to_owned();
    };
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let shown = properties
        .keys()
        .map(|name| match required.iter().any(|one| one == name) {
            true => format!("`{name}`"),
            false => format!("[`{name}`]"),
        });
    shown.collect::<Vec<_>>().join(", ")
}

const INTRODUCTION: &str = "\
The broker publishes what happens on the bus under `$bus/`. A subscription to `$bus/#` gets all of it; `#` alone does
not, since a wildcard at the first level matches no topic of the broker. Only `$bus/broadcast/` is open to clients.

```
$ buslane sub '$bus/#'
```

Events about messages that nobody handled, payloads that a schema refused and deliveries that were dropped come at once
the first time, then at most once a second for the same subject, with a `count`. Traffic under `$bus/` never causes
another event. Each kind is counted in `buslane_events_total`.
";

#[test]
fn the_generated_page_of_events_is_fresh() {
    assert_fresh("docs/events.md", &page());
}
