//! Schemas by chance: where the comparison is silent, no value may pass the one and fail the other.

use buslane_engine::Validate;
use serde_json::{Value, json};

use super::random::Random;
use super::{receiving, sending, source};
use crate::contracts::schema::CompiledSchema;

const DRAFTS: [(u8, &str); 5] = [
    (4, "http://json-schema.org/draft-04/schema#"),
    (6, "http://json-schema.org/draft-06/schema#"),
    (7, "http://json-schema.org/draft-07/schema#"),
    (9, "https://json-schema.org/draft/2019-09/schema"),
    (20, "https://json-schema.org/draft/2020-12/schema"),
];

/// What the runs came to.
#[derive(Debug, Default)]
struct Tally {
    pairs: usize,
    silent: usize,
    values: usize,
}

fn document(random: &mut Random, draft: (u8, &str)) -> Value {
    let mut schema = random.schema(3, draft.0);
    if schema.is_boolean() {
        schema = json!({});
    }
    schema["$defs"] = json!({ "one": random.schema(1, draft.0), "two": { "type": "object", "properties": { "a": { "$ref": "#" } } } });
    schema["$schema"] = json!(draft.1);
    schema
}

fn pair(random: &mut Random) -> (Value, Value) {
    let draft = DRAFTS[if random.below(2) == 0 { 4 } else { random.below(5) }];
    let old = document(random, draft);
    let other = DRAFTS[random.below(5)];
    let mut new = match random.below(6) {
        0 => document(random, other),
        _ => random.change(&old, 3, draft.0),
    };
    if new.is_boolean() {
        new = json!({ "not": {} });
    }
    // The same words often mean something else in another draft.
    if random.below(12) == 0 {
        new["$schema"] = json!(other.1);
    }
    (old, new)
}

fn compiled(schema: &Value) -> Option<CompiledSchema> {
    CompiledSchema::compile(source(schema, &[])).ok()
}

fn values(random: &mut Random) -> Vec<String> {
    (0..120).map(|_| random.value(3).to_string()).collect()
}

fn run(seed: u64, tally: &mut Tally) {
    let random = &mut Random::new(seed);
    let (old, new) = pair(random);
    let (Some(before), Some(after)) = (compiled(&old), compiled(&new)) else {
        return;
    };
    tally.pairs += 1;
    let (to_send, to_receive) = (sending(&old, &new), receiving(&old, &new));
    tally.silent += usize::from(to_send.verdict().is_none());
    for value in values(random) {
        let (passed, passes) = (
            before.validate(value.as_bytes()).is_ok(),
            after.validate(value.as_bytes()).is_ok(),
        );
        tally.values += usize::from(passed);
        let tell = || format!("seed {seed}: {value} from\n{old:#}\nto\n{new:#}");
        assert!(
            !passed || passes || to_send.verdict().is_some(),
            "{} is refused, and nobody said so",
            tell()
        );
        assert!(
            !passes || passed || to_receive.verdict().is_some(),
            "{} comes, and nobody said so",
            tell()
        );
    }
}

#[test]
fn no_value_contradicts_a_comparison_that_is_silent() {
    let mut tally = Tally::default();
    for seed in 0..RUNS {
        run(seed, &mut tally);
    }
    // Otherwise little would be shown.
    assert!(
        tally.pairs > RUNS as usize / 2 && tally.silent > tally.pairs / 5 && tally.values > tally.pairs * 10,
        "{tally:?}"
    );
}

const RUNS: u64 = 800;
