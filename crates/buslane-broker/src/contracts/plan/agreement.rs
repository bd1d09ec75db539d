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
/// Schemas that are tried, unless the environment names another number.
const RUNS: u64 = 1_000;
/// The variable of the environment that names another number.
const RUNS_VARIABLE: &str = "BUSLANE_AGREEMENT_RUNS";
/// Payloads that are held against each.
const PAYLOADS: usize = 60;
