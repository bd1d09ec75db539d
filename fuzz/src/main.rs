//! The targets behind libFuzzer. Which of them runs is said by the environment, since libFuzzer reads the arguments.
#![no_main]

use std::sync::OnceLock;

use buslane_fuzz::Target;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(init: { outlive_broken_pipes(); TARGET.get_or_init(chosen); }, |input: &[u8]| {
    (TARGET.get_or_init(chosen).run)(input);
});

/// Lets a write to a socket that is closed fail, as in any program that begins in Rust. This one begins in libFuzzer, and
/// the signal would end it without a word. It is caught for as long as the process lives.
fn outlive_broken_pipes() {
    let runtime = Builder::new_current_thread().enable_io().build();
    let runtime = runtime.expect("the system has room for a runtime");
    let _context = runtime.enter();
    drop(signal(SignalKind::pipe()).expect("any program may catch this signal"));
}

fn chosen() -> Target {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    match Target::find(&name) {
        Some(target) => target,
        None => panic!("{VARIABLE} has to name a target, not {name:?}"),
    }
}

/// The variable of the environment that names the target.
const VARIABLE: &str = "BUSLANE_FUZZ_TARGET";
