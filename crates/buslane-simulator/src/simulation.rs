//! One run: a seed from its beginning to when everybody has gone, and what came of it.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use crate::coverage::Coverage;
use crate::workload;
use crate::world::World;

/// How a seed is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Actions until everything comes to rest.
    pub steps: usize,
    /// Whether what happens is kept, to be shown with a promise that is broken.
    pub recording: bool,
    /// How many of the last events of everybody are shown, instead of those of whom it concerns.
    pub lines: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            steps: STEPS,
            recording: false,
            lines: None,
        }
    }
}

/// What came of a run in which every promise was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// A hash of every byte that the broker wrote, and when.
    pub hash: u64,
    /// How often each kind of thing happened.
    pub coverage: Coverage,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The number of actions until then.
    pub step: usize,
    /// The promise, and how it was broken.
    pub promise: String,
    /// What happened last to those whom it concerns; empty unless the run was recorded.
    pub events: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            seed,
            step,
            promise,
            events,
        } = self;
        writeln!(formatter, "seed {seed}, step {step}: {promise}")?;
        for event in events {
            writeln!(formatter, "  {event}")?;
        }
        let steps = step + 1;
        write!(
            formatter,
            "to see it again: just simulate --seed {seed} --steps {steps}"
        )
    }
}

impl std::error::Error for Failure {}

/// Runs a seed. One that fails is run again and recorded, to show what led to it.
pub fn run(seed: u64, options: Options) -> Result<Outcome, Box<Failure>> {
    let first = play(seed, options);
    if first.is_ok() || options.recording {
        return first;
    }
    let recording = Options {
        recording: true,
        ..options
    };
    match play(seed, recording) {
        Err(failure) => Err(failure),
        Ok(_) => first,
    }
}

/// Returns the kinds of actions, each of which a long run has to reach.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    workload::names()
}

fn play(seed: u64, options: Options) -> Result<Outcome, Box<Failure>> {
    match guarded(|| Run::new(seed, options)) {
        Ok(run) => run.play(),
        Err(promise) => Err(Box::new(Failure {
            seed,
            step: 0,
            promise,
            events: Vec::new(),
        })),
    }
}

/// Does something that may panic, and returns the promise that was broken if it does. Where it happened is told by the
/// panic itself, on the standard error.
fn guarded<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    // After a panic only the trace is read, of which each line is whole.
    std::panic::catch_unwind(AssertUnwindSafe(act)).map_err(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
        format!("nothing panics: {}", message.unwrap_or("without a message"))
    })
}

/// A seed that is being played.
struct Run {
    seed: u64,
    options: Options,
    /// Actions until now.
    step: usize,
    world: World,
}

impl Run {
    fn new(seed: u64, options: Options) -> Run {
        Run {
            seed,
            options,
            step: 0,
            world: World::new(seed, options.recording),
        }
    }

    /// Plays it to its end; a panic on the way breaks a promise as well.
    fn play(mut self) -> Result<Outcome, Box<Failure>> {
        guarded(|| self.go_on()).unwrap_or_else(|panic| Err(self.failure(panic, &[])))
    }

    fn go_on(&mut self) -> Result<Outcome, Box<Failure>> {
        while self.step < self.options.steps {
            let world = &mut self.world;
            let wait = world.random.below(world.settings.pace);
            world.act();
            world.pass_for(Duration::from_micros(wait));
            self.judge()?;
            self.step += 1;
        }
        self.world.rest();
        self.judge()?;
        self.world.disband();
        self.judge()?;
        Ok(Outcome {
            hash: self.world.oracle.trace.hash(),
            coverage: std::mem::take(&mut self.world.oracle.coverage),
        })
    }

    fn judge(&self) -> Result<(), Box<Failure>> {
        match &self.world.oracle.broken {
            Some(broken) => Err(self.failure(broken.promise.clone(), &broken.subjects)),
            None => Ok(()),
        }
    }

    /// Says what was broken, with what happened last to whom it concerns.
    fn failure(&self, promise: String, subjects: &[String]) -> Box<Failure> {
        let shown = if subjects.is_empty() {
            FEW_LINES
        } else {
            SHOWN_LINES
        };
        let trace = &self.world.oracle.trace;
        let mut events = match self.options.lines {
            Some(lines) => trace.concerning(&[], lines),
            None => trace.concerning(subjects, shown),
        };
        if !events.is_empty() {
            events.insert(0, format!("{:?}", self.world.settings));
        }
        Box::new(Failure {
            seed: self.seed,
            step: self.step,
            promise,
            events,
        })
    }
}

/// Actions of a run.
const STEPS: usize = 120;
/// Lines shown with a promise that is broken to somebody.
const SHOWN_LINES: usize = 60;
/// Lines shown with a promise that concerns everybody.
const FEW_LINES: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_of_its_seed_with_what_led_to_it() {
        let options = Options {
            recording: true,
            ..Options::default()
        };
        let mut run = Run::new(SEED, options);
        for _ in 0..10 {
            run.world.act();
        }
        run.step = 10;
        run.world.peers.clear();
        let failure = run.play().expect_err("nobody is left to act");
        assert!(failure.promise.starts_with("nothing panics: "), "{failure}");
        assert!(!failure.promise.ends_with("without a message"), "{failure}");
        assert!(failure.events.len() > 1, "{failure}");
        assert!(failure.to_string().ends_with("--seed 7 --steps 11"), "{failure}");
    }

    const SEED: u64 = 7;
}
