//! `docs/protocol.md` says what the code does: its sessions, frames and tables are read and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use buslane_protocol::binary::Preamble;
use buslane_protocol::{ErrorCode, Limits, binary, json};
use serde_json::Value;

use crate::files;
use crate::round_trips::{unchecked_broker, unchecked_client};
use crate::samples;
use crate::schemas::{described, validator};

/// A fenced block: what stands behind the opening fence, its lines, and the line before it.
struct Block<'a> {
    label: &'a str,
    lines: Vec<&'a str>,
    before: &'a str,
}

fn page() -> String {
    fs::read_to_string(files::path("../docs/protocol.md")).unwrap()
}

fn blocks<'a>(page: &'a str, label: &str) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    let mut before = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(found) = line.strip_prefix("```") {
            let body = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block {
                label: found,
                lines: body,
                before,
            });
        } else if !line.is_empty() {
            before = line;
        }
    }
    blocks.retain(|block| block.label.starts_with(label));
    assert!(!blocks.is_empty(), "{label}");
    blocks
}

/// Returns the text under a heading, up to the next heading of any level.
pub(crate) fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page
        .find(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no section {heading}"));
    let body = &page[start + heading.len() + 2..];
    body.find("\n#").map_or(body, |end| &body[..end])
}

/// Returns the cells of the rows of a section's tables, without heads.
pub(crate) fn rows(section: &str) -> Vec<Vec<&str>> {
    let mut rows = Vec::new();
    let mut table: Vec<&str> = Vec::new();
    for line in section.lines().chain([""]) {
        if line.starts_with('|') {
            table.push(line);
            continue;
        }
        rows.extend(table.drain(..).skip(2).map(cells));
    }
    rows
}

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// Returns the members of a section's table, and which of them are required.
fn members(section: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut all, mut required) = (BTreeSet::new(), BTreeSet::new());
    for row in rows(section) {
        let name = row[0].trim_matches('*').trim_matches('`').to_owned();
        if row[0].starts_with("**") {
            required.insert(name.clone());
        }
        all.insert(name);
    }
    (all, required)
}

fn strings(value: &Value) -> BTreeSet<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

fn number(text: &str) -> Option<u64> {
    text.split(' ').next()?.replace(',', "").parse().ok()
}

#[test]
fn sessions_are_messages() {
    let (client, broker) = (
        validator("envelope-client.json"),
        validator("envelope-broker.json"),
    );
    for block in blocks(&page(), "session") {
        for line in block.lines {
            if let Some(text) = line.strip_prefix("> ") {
                assert!(json::decode_client(text.as_bytes()).is_ok(), "{line}");
                assert!(client.is_valid(&serde_json::from_str(text).unwrap()), "{line}");
            } else if let Some(text) = line.strip_prefix("< ") {
                assert!(json::decode_broker(text.as_bytes()).is_ok(), "{line}");
                assert!(broker.is_valid(&serde_json::from_str(text).unwrap()), "{line}");
            } else {
                assert!(line.starts_with("$ nc "), "{line}");
            }
        }
    }
}

#[test]
fn frames_say_what_stands_before_them() {
    for block in blocks(&page(), "frame") {
        let hex = block
            .lines
            .iter()
            .flat_map(|line| line.split("  ").next().unwrap().split(' '));
        let frame: Vec<u8> = hex.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        let text = block.before.rsplit('`').nth(1).unwrap_or_default();
        match block.label {
            "frame client preamble" => assert_eq!(Preamble::parse(&frame), Ok(Some(Preamble::OURS))),
            "frame client" => {
                let message = json::decode_client(text.as_bytes()).unwrap();
                assert_eq!(
                    binary::decode_client(&frame),
                    Ok(unchecked_client(message)),
                    "{text}"
                );
            }
            "frame broker" => {
                let message = json::decode_broker(text.as_bytes()).unwrap();
                assert_eq!(
                    binary::decode_broker(&frame),
                    Ok(unchecked_broker(message)),
                    "{text}"
                );
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn every_message_has_a_table_of_its_members() {
    let page = page();
    for (side, chapter) in [
        ("client", "## Messages from a client"),
        ("broker", "## Messages from the broker"),
    ] {
        let start = page.find(&format!("\n{chapter}\n")).unwrap();
        let chapter = &page[start..];
        for message in files::read(&format!("envelope-{side}.json"))["oneOf"]
            .as_array()
            .unwrap()
        {
            let Some(kind) = message["properties"]["type"]["const"].as_str() else {
                continue;
            };
            let plain = format!("### `{kind}`");
            let sided = format!(
                "{plain} from {} {side}",
                if side == "client" { "a" } else { "the" }
            );
            let heading = [sided, plain]
                .into_iter()
                .find(|heading| chapter.contains(&format!("\n{heading}\n")));
            let Some(heading) = heading else {
                assert!(matches!(kind, "ping" | "pong"), "{kind} has no section");
                continue;
            };
            let (all, required) = members(section(chapter, &heading));
            let mut wanted = described(message);
            let shared = described(&files::read("definitions.json")["$defs"]["content"]);
            if message["allOf"].to_string().contains("content") {
                wanted.retain(|member| !shared.contains(member));
            }
            let mut wanted_required = strings(&message["required"]);
            if kind == "register" {
                wanted_required.extend(strings(&files::read("registration.json")["required"]));
            }
            wanted.remove("type");
            wanted_required.remove("type");
            assert_eq!((all, required), (wanted, wanted_required), "{side} {kind}");
        }
    }
}

#[test]
fn content_and_problems_have_tables_of_their_members() {
    let page = page();
    let (content, _) = members(section(&page, "### Content"));
    assert_eq!(
        content,
        described(&files::read("definitions.json")["$defs"]["content"])
    );
    let problem = files::read("problem.json");
    let (members, required) = members(section(&page, "## Errors").split("These end").next().unwrap());
    assert_eq!(
        (members, required),
        (described(&problem), strings(&problem["required"]))
    );
}

#[test]
fn the_table_of_errors_is_the_table() {
    let page = page();
    let table = section(&page, "## Errors")
        .split("The table of all codes")
        .nth(1)
        .unwrap();
    let rows = rows(table);
    let errors = files::read("errors.json");
    assert_eq!(rows.len(), ErrorCode::ALL.len());
    for ((row, code), entry) in rows
        .iter()
        .zip(ErrorCode::ALL)
        .zip(errors["errors"].as_array().unwrap())
    {
        let wanted = [
            format!("`{code}`"),
            code.number().to_string(),
            code.status().to_string(),
            format!("`{}`", code.retry().as_str()),
            entry["meaning"].as_str().unwrap().to_owned(),
        ];
        assert_eq!(row.as_slice(), wanted);
    }
}

#[test]
fn type_codes_are_those_of_the_frames() {
    let page = page();
    let mut documented = BTreeMap::new();
    for row in rows(section(&page, "### Type codes")) {
        for pair in row.chunks(2).filter(|pair| !pair[0].is_empty()) {
            documented.insert(
                pair[1].trim_matches('`').to_owned(),
                pair[0].parse::<u8>().unwrap(),
            );
        }
    }
    let mut used = BTreeMap::new();
    let mut note = |text: Vec<u8>, frame: Vec<u8>| {
        let message: Value = serde_json::from_slice(&text).unwrap();
        used.insert(message["type"].as_str().unwrap().to_owned(), frame[4]);
    };
    for message in samples::client() {
        let (mut text, mut frame) = (Vec::new(), Vec::new());
        json::encode_client(&mut text, &message);
        binary::encode_client(&mut frame, &message);
        note(text, frame);
    }
    for message in samples::broker() {
        let (mut text, mut frame) = (Vec::new(), Vec::new());
        json::encode_broker(&mut text, &message);
        binary::encode_broker(&mut frame, &message);
        note(text, frame);
    }
    assert_eq!(documented, used);
}

#[test]
fn limits_are_the_defaults() {
    let limits = Limits::default();
    let announced = limits.announced();
    let others = BTreeMap::from([
        ("first_frame", limits.first_frame),
        ("outbox", limits.outbox),
        ("memory", limits.memory),
        ("retained", limits.retained),
        ("wildcards", limits.wildcards),
        ("matches", limits.matches),
        ("schema", limits.schema),
        ("registration", limits.registration),
        ("declarations", limits.declarations),
        ("connections", limits.connections),
    ]);
    let page = page();
    let mut starred = BTreeSet::new();
    for row in rows(section(&page, "## Limits")) {
        let name = row[0].split('`').nth(1).unwrap();
        let wanted = match announced.get(name) {
            Some(limit) => *limit,
            None => others[name] as u64,
        };
        assert_eq!(number(row[1]), Some(wanted), "{name}");
        if row[0].ends_with('*') {
            starred.insert(name.to_owned());
        }
    }
    assert_eq!(starred, announced.into_keys().collect());
}

#[test]
fn links_within_the_page_lead_somewhere() {
    let page = page();
    let anchor = |heading: &str| {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars()
            .filter(|character| character.is_alphanumeric() || *character == '-')
            .collect::<String>()
    };
    let anchors: BTreeSet<String> = page
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches(['#', ' '])))
        .collect();
    for link in page.split("](#").skip(1) {
        let target = link.split(')').next().unwrap();
        assert!(anchors.contains(target), "{target}");
    }
}
