//! Schemas and payloads by chance: a plan and the general validator agree about every one.

use serde_json::json;

use crate::contracts::compatibility::tests::random::Random;
use crate::contracts::payload;
use crate::contracts::schema::CompiledSchema;
use crate::contracts::tests::compile;

/// What the runs came to.
#[derive(Debug, Default)]
struct Tally {
    compiled: usize,
    planned: usize,
    accepted: usize,
    refused: usize,
    doubted: usize,
    /// Payloads that are not one JSON value without twins.
    unread: usize,
}

#[test]
fn plans_agree_with_the_general_validator() {
    let runs = std::env::var(RUNS_VARIABLE).map_or(RUNS, |runs| runs.parse().unwrap());
    let mut tally = Tally::default();
    for seed in 0..runs {
        run(seed, &mut tally);
    }
    println!("{tally:?}");
    // Otherwise little would be shown.
    let judged = tally.accepted + tally.refused;
    assert!(tally.planned > tally.compiled / 3, "{tally:?}");
    assert!(
        tally.accepted > judged / 10 && tally.refused > judged / 10,
        "{tally:?}"
    );
    assert!(tally.doubted < judged / 10 && tally.unread > 0, "{tally:?}");
}

fn run(seed: u64, tally: &mut Tally) {
    let random = &mut Random::new(seed);
    let draft = DRAFTS[random.below(DRAFTS.len())];
    let mut schema = random.schema(3, draft.0);
    if schema.is_boolean() {
        schema = json!({});
    }
    schema["$defs"] =
        json!({ "one": random.schema(1, draft.0), "two": { "properties": { "a": { "$ref": "#" } } } });
    schema["$schema"] = json!(draft.1);
    let Ok(compiled) = compile(&schema, &[]) else {
        return;
    };
    tally.compiled += 1;
    tally.planned += usize::from(compiled.has_plan());
    for _ in 0..PAYLOADS {
        let mut text = String::new();
        write(random, 3, &mut text);
        compare(&compiled, &text, tally);
    }
}

#[test]
fn plans_agree_with_the_general_validator_about_payloads_that_are_almost_right() {
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["id", "a name of 18 bytes"],
        "properties": {
            "id": { "type": "string", "pattern": "^[a-z0-9-]{8,36}$" },
            "kind": { "enum": ["reading", "alarm", 7, null, true] },
            "twelve bytes": { "$ref": "#/$defs/level" },
            "a name of 18 bytes": { "type": "object", "required": ["v"], "properties": {
                "v": { "type": "number", "minimum": -90, "exclusiveMaximum": 90.5 }, "ä\"": { "type": "string", "maxLength": 3 }
            } },
            "list": { "type": "array", "maxItems": 3, "prefixItems": [{ "type": "boolean" }], "items": { "minLength": 1 } },
            "either": { "anyOf": [{ "type": "null" }, { "type": "integer", "multipleOf": 5 }] }
        },
        "$defs": { "level": { "$ref": "#/$defs/whole" }, "whole": { "type": "integer", "minimum": 0 } }
    });
    let compiled = compile(&schema, &[]).unwrap();
    let sound = "{\"kind\":\"alarm\",\"id\":\"a1b2-c3d4\",\"a name of 18 bytes\":{\"ä\\\"\":\"xä\\n\",\"v\":-89.75,\"o\":[{\"o\":1}],\"p\":2},\
                 \"twelve bytes\":12, \"list\" : [true,{},\"a\"],\"either\":10}";
    let mut tally = Tally::default();
    compare(&compiled, sound, &mut tally);
    assert_eq!(tally.accepted, 1);
    for seed in 0..ALMOST {
        let random = &mut Random::new(seed);
        let mut text: Vec<char> = sound.chars().collect();
        for _ in 0..1 + random.below(3) {
            let at = random.below(text.len());
            let to = (at + random.below(12)).min(text.len());
            match random.below(4) {
                0 => drop(text.splice(at..to, None)),
                1 => drop(text.splice(at..at, SIGNS.chars().nth(random.below(SIGNS.len() - 1)))),
                2 => text[at] = SIGNS.chars().nth(random.below(SIGNS.len() - 1)).unwrap(),
                _ => {
                    let from = random.below(text.len());
                    let part = text[from..(from + 12).min(text.len())].to_vec();
                    drop(text.splice(at..at, part));
                }
            }
        }
        compare(&compiled, &text.into_iter().collect::<String>(), &mut tally);
    }
    println!("{tally:?}");
    assert!(
        tally.accepted > 100 && tally.refused > 100 && tally.unread > 100,
        "{tally:?}"
    );
}

/// Holds a payload against both, and panics if they disagree.
fn compare(compiled: &CompiledSchema, text: &str, tally: &mut Tally) {
    let (planned, right) = compiled.verdicts(text.as_bytes());
    match planned {
        Some(planned) => assert_eq!(
            planned,
            right,
            "{text} under {}",
            compiled.source().text().as_str()
        ),
        None if payload::parse(text.as_bytes()).is_err() => tally.unread += 1,
        None if compiled.has_plan() => tally.doubted += 1,
        None => return,
    }
    tally.accepted += usize::from(planned == Some(true));
    tally.refused += usize::from(planned == Some(false));
}

/// Writes a payload in one of the ways in which it can be written.
fn write(random: &mut Random, depth: usize, text: &mut String) {
    let any = |random: &mut Random, from: &[&'static str]| from[random.below(from.len())];
    match random.below(if depth == 0 { 5 } else { 9 }) {
        0 => *text += any(random, &["null", "true", "false"]),
        1 | 2 => *text += any(random, &NUMBERS),
        3 | 4 => *text += any(random, &TEXTS),
        5 => {
            text.push('[');
            for index in 0..random.below(4) {
                *text += if index > 0 { " ,\t" } else { "" };
                write(random, depth - 1, text);
            }
            text.push(']');
        }
        _ => {
            text.push('{');
            for index in 0..random.below(4) {
                *text += if index > 0 { ",\n" } else { " " };
                *text += any(random, &NAMES);
                *text += any(random, &[":", " : "]);
                write(random, depth - 1, text);
            }
            text.push('}');
        }
    }
}

const DRAFTS: [(u8, &str); 4] = [
    (6, "http://json-schema.org/draft-06/schema#"),
    (7, "http://json-schema.org/draft-07/schema#"),
    (9, "https://json-schema.org/draft/2019-09/schema"),
    (20, "https://json-schema.org/draft/2020-12/schema"),
];
/// The words of the schemas, and how else they can be written.
const NAMES: [&str; 7] = [
    "\"a\"",
    "\"b\"",
    "\"ab\"",
    "\"c\"",
    "\"\\u0061\"",
    "\"a\\u0062\"",
    "\"a longer name\"",
];
const TEXTS: [&str; 8] = [
    "\"\"",
    "\"a\"",
    "\"b\"",
    "\"ab\"",
    "\"\\u0061bc\"",
    "\"2020-01-01\"",
    "\"ä😀\"",
    "\"\\ud83d\\ude00\"",
];
const NUMBERS: [&str; 16] = [
    "-1",
    "0",
    "-0",
    "1",
    "1.0",
    "10e-1",
    "0.5",
    "5E-1",
    "2",
    "3",
    "3.00",
    "4",
    "-1.5",
    "1e300",
    "18446744073709551615",
    "18446744073709551616",
];
/// What is put into a payload that was right.
const SIGNS: &str = " \n{}[]:,\"\\u0019-+.eEtrufalsnäo";
/// Payloads that are almost right.
const ALMOST: u64 = 4_000;
/// Schemas that are tried, unless the environment names another number.
const RUNS: u64 = 1_000;
/// The variable of the environment that names another number.
const RUNS_VARIABLE: &str = "BUSLANE_AGREEMENT_RUNS";
/// Payloads that are held against each.
const PAYLOADS: usize = 60;
