//! The command behind `just simulate`: runs many seeds, shows what breaks a promise, and says how often each kind of
//! thing happened. Owns threads, signals and the terminal; what a run is, is the library's.

mod interrupt;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use buslane_simulator::{Coverage, Failure, Options, kinds, run};

/// What the command was asked for.
struct Wanted {
    first: u64,
    count: u64,
    threads: u64,
    /// Failures after which it stops.
    failures: usize,
    options: Options,
}

/// What came of all seeds so far.
#[derive(Default)]
struct Sum {
    /// Seeds that were run to their end.
    done: u64,
    coverage: Coverage,
    failures: Vec<Failure>,
    unstable: Vec<u64>,
}

fn main() -> ExitCode {
    let wanted = match wanted(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(USAGE_EXIT);
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    if let Err(problem) = interrupt::watch(Arc::clone(&stop)) {
        eprintln!("signals are not watched, so there will be no summary if one ends this: {problem}");
    }
    let begun = Instant::now();
    let (next, sum) = (AtomicU64::new(0), Mutex::new(Sum::default()));
    std::thread::scope(|scope| {
        for _ in 0..wanted.threads {
            scope.spawn(|| work(&wanted, &next, &stop, &sum));
        }
        report_progress(&wanted, &sum, &stop, begun);
    });
    let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    conclude(&wanted, begun.elapsed(), &sum)
}

/// Runs seeds until there are none left.
fn work(wanted: &Wanted, next: &AtomicU64, stop: &AtomicBool, sum: &Mutex<Sum>) {
    while !stop.load(Ordering::Relaxed) {
        let place = next.fetch_add(1, Ordering::Relaxed);
        if place >= wanted.count {
            return;
        }
        let seed = wanted.first + place;
        let outcome = run(seed, wanted.options);
        let again = place.is_multiple_of(REPEATED).then(|| run(seed, wanted.options));
        let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
        sum.done += 1;
        if again.is_some_and(|again| again != outcome) {
            println!("seed {seed}: two runs gave different bytes");
            sum.unstable.push(seed);
        }
        match outcome {
            Ok(outcome) => sum.coverage.merge(&outcome.coverage),
            Err(failure) => {
                println!("{failure}\n");
                sum.failures.push(*failure);
            }
        }
        if sum.failures.len() >= wanted.failures {
            stop.store(true, Ordering::Relaxed);
        }
    }
}

fn report_progress(wanted: &Wanted, sum: &Mutex<Sum>, stop: &AtomicBool, begun: Instant) {
    let mut told = begun;
    let progress = || {
        let sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
        (sum.done, sum.failures.len() + sum.unstable.len())
    };
    while progress().0 < wanted.count && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(GLANCE);
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            let (done, failed) = progress();
            let seconds = begun.elapsed().as_secs();
            let rate = done / seconds.max(1);
            eprintln!(
                "{done} of {} seeds, {failed} failed, {seconds} s, {rate} a second",
                wanted.count
            );
        }
    }
}

/// Says what came of it all, and whether that is good.
fn conclude(wanted: &Wanted, time: Duration, sum: &Sum) -> ExitCode {
    for (kind, count) in sum.coverage.iter() {
        println!("{kind:40} {count:>12}");
    }
    let missed: Vec<&str> = kinds().filter(|kind| sum.coverage.of(kind) == 0).collect();
    let unreached = !missed.is_empty() && sum.done >= REACHES_ALL && sum.failures.is_empty();
    if unreached {
        println!("never reached: {}", missed.join(", "));
    }
    if sum.done < wanted.count {
        println!("ended before all {} seeds were run", wanted.count);
    }
    println!(
        "{} seeds from {} in {} s: {} broke a promise, {} gave different bytes",
        sum.done,
        wanted.first,
        time.as_secs(),
        sum.failures.len(),
        sum.unstable.len()
    );
    for failure in &sum.failures {
        println!("seed {}: {}", failure.seed, failure.promise);
    }
    let whole = sum.done >= wanted.count;
    let good = whole && sum.failures.is_empty() && sum.unstable.is_empty() && !unreached;
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn wanted(arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted {
        first: 0,
        count: DEFAULT_SEEDS,
        threads: std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64),
        failures: 1,
        options: Options::default(),
    };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let number = |text: Option<String>| -> Result<u64, String> {
            let text = text.ok_or_else(|| format!("{argument} needs a number"))?;
            text.parse().map_err(|_| format!("{text:?} is no number"))
        };
        match argument.as_str() {
            "--from" => wanted.first = number(arguments.next())?,
            "--threads" => wanted.threads = number(arguments.next())?.max(1),
            "--failures" => wanted.failures = number(arguments.next())? as usize,
            "--steps" => wanted.options.steps = number(arguments.next())? as usize,
            "--lines" => wanted.options.lines = Some(number(arguments.next())? as usize),
            "--seed" => (wanted.first, wanted.count) = (number(arguments.next())?, 1),
            _ => wanted.count = number(Some(argument.clone()))?,
        }
    }
    Ok(wanted)
}

const USAGE: &str = "usage: buslane-simulate [SEEDS] [--from SEED] [--threads N] [--failures N] [--steps N] [--seed SEED] [--lines N]";
/// The exit status of a command that was not understood.
const USAGE_EXIT: u8 = 2;
/// Seeds of a run that names no number.
const DEFAULT_SEEDS: u64 = 100_000;
/// One seed in so many is run twice, to see that both give the same bytes.
const REPEATED: u64 = 8;
/// Seeds after which every kind of action has to have been reached.
const REACHES_ALL: u64 = 1_000;
/// How often it is looked whether there is progress to tell.
const GLANCE: Duration = Duration::from_millis(20);
/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(10);
