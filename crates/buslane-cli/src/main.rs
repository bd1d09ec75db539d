//! The `buslane` command: a broker, and the tools to try it, to use it from scripts and to measure it.

mod arguments;
mod bench;
mod command;
mod demo;
mod failure;
mod json_text;
mod output;
mod refusal;
mod shutdown;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::command::{publish, request, serve, services, subscribe};
use crate::failure::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    let out = &mut Output::stdout();
    match command {
        Command::Serve(arguments) => serve::run(arguments, out),
        Command::Demo(arguments) => wait_for(demo::run(arguments, out)),
        Command::Publish(arguments) => wait_for(publish::run(arguments, out)),
        Command::Subscribe(arguments) => wait_for(subscribe::run(arguments, out)),
        Command::Request(arguments) => wait_for(request::run(arguments, out)),
        Command::Services(arguments) => wait_for(services::run(arguments, out)),
        Command::Bench(arguments) => bench::run(arguments, out),
    }
}

/// Runs a command on this thread.
fn wait_for(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(command)
}
