//! The `buslane` command: a broker, and the tools to try it, to use it from scripts and to measure it.

mod arguments;
mod bench;
mod failure;
mod json_text;
mod output;
mod refusal;
mod shutdown;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    let mut out = Output::stdout();
    match command {
        Command::Bench(arguments) => bench::run(arguments, &mut out),
        _ => Ok(()),
    }
}
