//! The targets behind libFuzzer. Which of them runs is said by the environment, since libFuzzer reads the arguments.
#![no_main]

use std::sync::OnceLock;

use buslane_fuzz::Target;
use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(init: { TARGET.get_or_init(chosen); }, |input: &[u8]| {
    (TARGET.get_or_init(chosen).run)(input);
});

fn chosen() -> Target {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    match Target::find(&name) {
        Some(target) => target,
        None => panic!("{VARIABLE} has to name a target, not {name:?}"),
    }
}

/// The variable of the environment that names the target.
const VARIABLE: &str = "BUSLANE_FUZZ_TARGET";
