//! `buslane completions`: prints what a shell needs to complete a command line.

use clap::{Args, ValueEnum};
use clap_complete::{Generator, Shell};

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::output::Output;

/// The arguments of `completions`.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    shell: KnownShell,
}

/// Shells that are looked after.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum KnownShell {
    /// The GNU shell
    Bash,
    /// The Z shell
    Zsh,
    /// The friendly one
    Fish,
}

/// Prints the script.
pub(crate) fn run(arguments: &CompletionsArguments, out: &mut Output) -> Result<(), Failure> {
    let mut definition = Arguments::definition();
    definition.set_bin_name(definition.get_name().to_owned());
    definition.build();
    let shell = match arguments.shell {
        KnownShell::Bash => Shell::Bash,
        KnownShell::Zsh => Shell::Zsh,
        KnownShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    shell
        .try_generate(&definition, &mut script)
        .map_err(Failure::failed)?;
    out.bytes(&script)
}
