//! Tests of the whole crate: both encodings, the vectors and the schemas that other languages rely on.

mod round_trips;
mod samples;
mod sweeps;
