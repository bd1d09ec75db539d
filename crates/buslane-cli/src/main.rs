//! The `buslane` command: a broker, and the tools to try it, to use it from scripts and to measure it.

mod arguments;
mod bench;
mod command;
mod demo;
mod example;
mod failure;
mod json_text;
mod json_view;
mod output;
mod refusal;
mod shell;
mod shutdown;

use std::process::ExitCode;

use crate::arguments::{Arguments, Command};
use crate::command::{
    check_config, completions, doctor, manual, publish, request, schema, serve, services, subscribe, tap,
};
use crate::failure::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    output::choose_color(arguments::color_wanted(std::env::args_os().skip(1)));
    let arguments = match Arguments::read(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => return answer(&error),
    };
    output::choose_color(arguments.global.color.into());
    let out = &mut Output::stdout();
    let result = run(&arguments, out);
    match result.and(out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(arguments: &Arguments, out: &mut Output) -> Result<(), Failure> {
    let connection = &arguments.global.connection;
    match &arguments.command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Demo(arguments) => wait_for(demo::run(arguments, out)),
        Command::Publish(arguments) => wait_for(publish::run(arguments, connection, out)),
        Command::Subscribe(arguments) => wait_for(subscribe::run(arguments, connection, out)),
        Command::Request(arguments) => wait_for(request::run(arguments, connection, out)),
        Command::Services(arguments) => wait_for(services::run(arguments, connection, out)),
        Command::Tap(arguments) => wait_for(tap::run(arguments, connection, out)),
        Command::CheckConfig(arguments) => check_config::run(arguments, out),
        Command::Schema(arguments) => schema::run(arguments, out),
        Command::Completions(arguments) => completions::run(arguments, out),
        Command::Man(arguments) => manual::run(arguments, out),
        Command::Doctor(arguments) => wait_for(doctor::run(arguments, connection, out)),
        Command::Bench(arguments) => bench::run(arguments, connection, out),
    }
}

/// Tells what the reading of the command line ended with: what is wrong with it, or the help that it asks for.
fn answer(error: &clap::Error) -> ExitCode {
    let text = error.render();
    if error.use_stderr() {
        output::notice(text.ansi().to_string().trim_end());
        return ExitCode::from(failure::USAGE);
    }
    let out = &mut Output::stdout();
    match out.styled(&text).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Runs a command on this thread.
fn wait_for(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(command)
}
