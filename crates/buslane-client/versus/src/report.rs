//! Sums the turns up: medians of both sides, and the ratio of each pair of turns.

use serde::Serialize;

use crate::Kind;
use crate::rows::{Row, Sample};

/// The turns of one row.
pub(crate) struct Spread {
    row: Row,
    kind: Kind,
    ours: Vec<Sample>,
    theirs: Vec<Sample>,
}

/// What is printed.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    row: String,
    runtime: String,
    ours: f64,
    theirs: f64,
    unit: &'static str,
    /// Above 1 where ours is better, latencies inverted.
    ratio: f64,
    ratio_min: f64,
    ratio_max: f64,
    ours_cpu_us: f64,
    theirs_cpu_us: f64,
    rounds: usize,
}

impl Spread {
    pub(crate) fn new(row: Row, kind: Kind) -> Spread {
        Spread {
            row,
            kind,
            ours: Vec::new(),
            theirs: Vec::new(),
        }
    }

    /// Adds a turn of each side.
    pub(crate) fn add(&mut self, ours: Sample, theirs: Sample) {
        self.ours.push(ours);
        self.theirs.push(theirs);
    }

    /// Sums up.
    pub(crate) fn outcome(&self) -> Outcome {
        let ratio = |(ours, theirs): (&Sample, &Sample)| {
            if self.row.is_latency() {
                theirs.figure / ours.figure
            } else {
                ours.figure / theirs.figure
            }
        };
        let ratios: Vec<f64> = self.ours.iter().zip(&self.theirs).map(ratio).collect();
        let of = |samples: &[Sample], part: fn(&Sample) -> f64| round(median(samples.iter().map(part)));
        Outcome {
            row: format!("{:?}", self.row),
            runtime: format!("{:?}", self.kind),
            ours: of(&self.ours, |sample| sample.figure),
            theirs: of(&self.theirs, |sample| sample.figure),
            unit: self.row.unit(),
            ratio: round(median(ratios.iter().copied())),
            ratio_min: round(ratios.iter().copied().fold(f64::INFINITY, f64::min)),
            ratio_max: round(ratios.iter().copied().fold(0.0, f64::max)),
            ours_cpu_us: of(&self.ours, |sample| sample.cpu_us),
            theirs_cpu_us: of(&self.theirs, |sample| sample.cpu_us),
            rounds: self.ours.len(),
        }
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn round(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}
