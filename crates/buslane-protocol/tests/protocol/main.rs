//! Tests of the whole crate: both encodings, the vectors and the schemas that other languages rely on.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod addresses_page;
mod documentation;
mod error_table;
mod event_schemas;
mod files;
mod round_trips;
mod samples;
mod schemas;
mod sweeps;
mod vectors;
