//! A bounded number of seeds, each from its beginning to when everybody has gone. `just simulate` runs many more.

use buslane_simulator::{Options, run};

#[test]
fn every_promise_is_kept_whatever_happens() {
    for seed in 0..SEEDS {
        if let Err(failure) = run(seed, Options::default()) {
            panic!("{failure}");
        }
    }
}

#[test]
fn equal_seeds_give_equal_bytes_and_others_do_not() {
    let hash = |seed| run(seed, Options::default()).map(|outcome| outcome.hash).unwrap();
    for seed in 0..REPEATED {
        assert_eq!(hash(seed), hash(seed), "seed {seed}");
        assert_ne!(hash(seed), hash(seed + 1), "seed {seed}");
    }
}

/// Seeds that take some seconds without optimizations.
const SEEDS: u64 = 40;
/// Seeds that are run twice.
const REPEATED: u64 = 5;
