//! Coverage-guided fuzzing of everything that takes bytes from outside: one function for each target, the inputs that
//! a run begins with, and the corpora that are kept.
//!
//! A target is a plain function of bytes that panics when a promise is broken. libFuzzer drives it (`just fuzz`), and so
//! does an ordinary test over the seeds and the kept corpora, which needs no fuzzer and no special compiler flags.
//!
//! # Invariants worth naming
//! - **A run follows from its input.** No target keeps state from one input to the next, and none asks for the time.
//! - **A target asserts more than that nothing panics**: both encodings agree, cutting changes nothing, books balance,
//!   memory stays within what the input pays for.
//! - **A crash becomes a test of the crate at fault**, with its input. The corpora here keep what reaches far, not what
//!   once failed.
//! - Nothing here is shipped, and no product crate depends on it.

mod allocation;
mod books;
mod choices;
mod configuration;
mod contracts;
mod conversing;
pub mod corpus;
mod decoding;
pub mod dictionary;
mod engine;
mod names;
mod seeds;
mod session;
mod wire;

/// Something that takes bytes from outside.
#[derive(Clone, Copy)]
pub struct Target {
    /// What it is called on the command line and in `fuzz/corpus/`.
    pub name: &'static str,
    /// Takes one input. Panics if a promise is broken.
    pub run: fn(&[u8]),
    /// The inputs that a run begins with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Bytes of the longest input.
    pub longest: usize,
    /// Inputs of a short run, those that it begins with among them.
    pub short: u64,
}

/// Every target there is.
pub const TARGETS: [Target; 14] = [
    Target::new(
        "client-frames",
        decoding::client_frames,
        seeds::client_frames,
        4_096,
        100_000,
    ),
    Target::new(
        "broker-frames",
        decoding::broker_frames,
        seeds::broker_frames,
        4_096,
        100_000,
    ),
    Target::new(
        "client-text",
        decoding::client_text,
        seeds::client_texts,
        4_096,
        100_000,
    ),
    Target::new(
        "broker-text",
        decoding::broker_text,
        seeds::broker_texts,
        4_096,
        100_000,
    ),
    Target::new("names", names::run, names::seeds, 1_024, 100_000),
    Target::new(
        "first-bytes",
        conversing::first_bytes,
        conversing::seeds_of_first_bytes,
        4_096,
        5_000,
    ),
    Target::new(
        "json-lines",
        conversing::json_lines,
        conversing::seeds_of_lines,
        4_096,
        5_000,
    ),
    Target::new(
        "websocket",
        conversing::websocket,
        conversing::seeds_of_websocket,
        4_096,
        5_000,
    ),
    Target::new("http", conversing::http, conversing::seeds_of_http, 4_096, 5_000),
    Target::new("session", session::run, session::seeds, 2_048, 6_000),
    Target::new("engine", engine::run, engine::seeds, 2_048, 4_000),
    Target::new(
        "configuration",
        configuration::run,
        configuration::seeds,
        4_096,
        6_000,
    ),
    Target::new(
        "contract",
        contracts::contract,
        contracts::seeds_of_contract,
        4_096,
        10_000,
    ),
    Target::new(
        "comparison",
        contracts::comparison,
        contracts::seeds_of_comparison,
        4_096,
        5_000,
    ),
];

impl Target {
    const fn new(
        name: &'static str,
        run: fn(&[u8]),
        seeds: fn() -> Vec<Vec<u8>>,
        longest: usize,
        short: u64,
    ) -> Target {
        Target {
            name,
            run,
            seeds,
            longest,
            short,
        }
    }

    /// Finds a target by its name.
    pub fn find(name: &str) -> Option<Target> {
        TARGETS.into_iter().find(|target| target.name == name)
    }
}
