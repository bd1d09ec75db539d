//! `buslane man`: the manual, as pages for `man` or as one page of Markdown. All of it comes from the definition of the
//! command line.

mod markdown;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command, ValueEnum, ValueHint};
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::output::Output;

/// The arguments of `man`.
#[derive(Args, Debug)]
pub(crate) struct ManualArguments {
    /// The command whose page is wanted [default: that of buslane itself]
    #[arg(conflicts_with = "output", value_hint = ValueHint::Other)]
    command: Option<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// For whom
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["output", "command"])]
    format: Format,
}

/// For whom a manual is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For the program man
    #[default]
    Roff,
    /// For readers of the repository: all commands on one page
    Markdown,
}

/// Prints or writes the manual.
pub(crate) fn run(arguments: &ManualArguments, out: &mut Output) -> Result<(), Failure> {
    let mut definition = Arguments::definition();
    definition.build();
    if arguments.format == Format::Markdown {
        return out.bytes(markdown::page(&definition).as_bytes());
    }
    match (&arguments.output, &arguments.command) {
        (Some(folder), _) => write_pages(&definition, folder, out),
        (None, None) => out.bytes(&page(&definition)?),
        (None, Some(name)) => match visible(&definition).find(|command| command.get_name() == name) {
            Some(command) => out.bytes(&page(command)?),
            None => Err(unknown(&definition, name)),
        },
    }
}

/// Returns the commands that people are told of.
fn visible(definition: &Command) -> impl Iterator<Item = &Command> {
    let told = |command: &&Command| !command.is_hide_set() && command.get_name() != "help";
    definition.get_subcommands().filter(told)
}

fn unknown(definition: &Command, name: &str) -> Failure {
    let names: Vec<&str> = visible(definition).map(Command::get_name).collect();
    Failure::usage(format_args!("there is no command {name:?}"))
        .hint(format_args!("there are {}", names.join(", ")))
}

/// Writes a page for each command, and for each below it.
fn write_pages(definition: &Command, folder: &Path, out: &mut Output) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| refused(folder, &error))?;
    let mut commands = vec![definition];
    while let Some(command) = commands.pop() {
        let path = folder.join(format!("{}.1", name(command)));
        fs::write(&path, page(command)?).map_err(|error| refused(&path, &error))?;
        out.line(path.display())?;
        commands.extend(visible(command));
    }
    Ok(())
}

fn refused(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format_args!("{}: {error}", path.display()))
}

/// Returns the name of a command's page, `buslane-tap`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command.clone())
        .title(name(command))
        .render(&mut page)
        .map_err(Failure::failed)?;
    Ok(page)
}
