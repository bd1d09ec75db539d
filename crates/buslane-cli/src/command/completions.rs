//! `buslane completions`: prints what a shell needs to complete a command line.

use clap::builder::PossibleValue;
use clap::{Arg, Args, Command, ValueEnum, ValueHint};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
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
    if arguments.shell == KnownShell::Fish {
        script.extend(fish_positionals(&definition).bytes());
    }
    out.bytes(&script)
}

/// Returns for fish what stands without an option's name, which the library leaves out: the values of what has some,
/// and where no file fits.
fn fish_positionals(definition: &Command) -> String {
    let mut lines = Vec::new();
    for command in definition.get_subcommands() {
        let using = format!("__fish_buslane_using_subcommand {}", command.get_name());
        lines.extend(
            command
                .get_positionals()
                .flat_map(|positional| fish_values(positional, &using)),
        );
        let mut positionals = command.get_positionals().peekable();
        if positionals.peek().is_some() && positionals.all(takes_no_file) {
            lines.push(format!("complete -c buslane -n \"{using}\" -f\n"));
        }
    }
    lines.concat()
}

fn takes_no_file(positional: &Arg) -> bool {
    positional.get_value_hint() == ValueHint::Other || !positional.get_possible_values().is_empty()
}

/// Returns a line for each value of an argument, which is offered until one of them is there.
fn fish_values(positional: &Arg, using: &str) -> Vec<String> {
    let values = positional.get_possible_values();
    let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
    let until = format!("{using}; and not __fish_seen_subcommand_from {}", names.join(" "));
    let line = |value: &PossibleValue| {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        let help = help.replace('\\', "\\\\").replace('\'', "\\'");
        let name = value.get_name();
        format!("complete -c buslane -n \"{until}\" -f -a {name} -d '{help}'\n")
    };
    values.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fish_knows_the_values_of_every_argument_without_a_name() {
        let mut definition = Arguments::definition();
        definition.build();
        let lines = fish_positionals(&definition);
        let mut commands = vec![&definition];
        while let Some(command) = commands.pop() {
            let values = command.get_positionals().flat_map(Arg::get_possible_values);
            for value in values {
                let offer = format!("-a {} ", value.get_name());
                assert!(lines.contains(&offer), "{} {offer}", command.get_name());
            }
            commands.extend(command.get_subcommands());
        }
    }
}
