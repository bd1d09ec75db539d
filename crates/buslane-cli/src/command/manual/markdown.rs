//! The manual as one page of Markdown.

use clap::{Arg, Command};

use super::visible;

/// Makes the page.
pub(super) fn page(definition: &Command) -> String {
    let mut page = PREFACE.to_owned();
    page.push_str("| command | what it does |\n|---|---|\n");
    for command in visible(definition) {
        let name = command.get_name();
        page.push_str(&format!(
            "| [`{name}`](#buslane-{name}) | {} |\n",
            cell(&about(command))
        ));
    }
    page.push_str("\n## Every command\n\n");
    let everywhere: Vec<&Arg> = definition
        .get_arguments()
        .filter(|one| !one.is_hide_set())
        .collect();
    page.push_str(&table(&everywhere));
    page.push_str(CONVENTIONS);
    for command in visible(definition) {
        page.push_str(&section(command, "##", &everywhere));
    }
    page.trim_end().to_owned() + "\n"
}

/// Makes the section of a command, and those of the commands below it.
fn section(command: &Command, mark: &str, everywhere: &[&Arg]) -> String {
    let full = command.get_bin_name().unwrap_or(command.get_name());
    let mut text = format!("\n{mark} `{full}`\n\n{}.\n", about(command));
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    text.push_str(&format!("\n```\n{usage}\n```\n"));
    let is_own = |one: &&Arg| {
        !one.is_hide_set()
            && !everywhere.iter().any(|other| other.get_id() == one.get_id())
            && one.get_id() != "help"
    };
    let own: Vec<&Arg> = command.get_arguments().filter(is_own).collect();
    if !own.is_empty() {
        text.push('\n');
        text.push_str(&table(&own));
    }
    if let Some(more) = command.get_after_long_help().or(command.get_after_help()) {
        text.push_str(&examples(&more.to_string()));
    }
    for below in visible(command) {
        text.push_str(&section(below, &format!("{mark}#"), everywhere));
    }
    text
}

/// Makes a code block of the examples.
fn examples(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("  "))
        .map(str::trim)
        .collect();
    format!("\n```\n{}\n```\n", lines.join("\n"))
}

fn table(arguments: &[&Arg]) -> String {
    let mut text = "| argument | meaning |\n|---|---|\n".to_owned();
    for argument in arguments {
        text.push_str(&format!(
            "| `{}` | {} |\n",
            cell(&form(argument)),
            cell(&meaning(argument))
        ));
    }
    text
}

/// Writes how an argument is written.
fn form(argument: &Arg) -> String {
    let value = argument
        .get_value_names()
        .filter(|_| argument.get_action().takes_values())
        .map(|names| {
            names
                .iter()
                .map(|name| name.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        });
    let several = if argument
        .get_num_args()
        .is_some_and(|count| count.max_values() > 1)
    {
        "..."
    } else {
        ""
    };
    let short = argument
        .get_short()
        .map(|short| format!("-{short}, "))
        .unwrap_or_default();
    match (argument.get_long(), value) {
        (Some(long), Some(value)) => format!("{short}--{long} {value}"),
        (Some(long), None) => format!("{short}--{long}"),
        (None, Some(value)) if argument.is_required_set() => format!("{value}{several}"),
        (None, value) => format!("[{}]{several}", value.unwrap_or_default()),
    }
}

fn meaning(argument: &Arg) -> String {
    let mut text = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default()
        .replace('\n', " ");
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| argument.get_action().takes_values())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !values.is_empty() {
        text.push_str(&format!("; one of {}", values.join(", ")));
    }
    let defaults: Vec<String> = argument
        .get_default_values()
        .iter()
        .filter(|_| argument.get_action().takes_values())
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    if !defaults.is_empty() {
        text.push_str(&format!("; default {}", defaults.join(", ")));
    }
    text
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// Makes a text fit into a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

const PREFACE: &str =
    "<!-- Made by `just generate` from the definition of the command line; changes here are lost. -->

# Commands

What `buslane` can do. `buslane COMMAND --help` says the same, and `buslane man` has it as pages for `man`.

";

const CONVENTIONS: &str = "
What is data goes to stdout, everything else to stderr. `--json` prints data for machines.

| exit code | when |
|---|---|
| 0 | done; also when `serve`, `demo`, `sub` or `tap` is ended with Ctrl-C or SIGTERM, and when whoever reads the output goes away, as `head` does |
| 1 | it did not work: no broker, a refusal, a full disk |
| 2 | the command line makes no sense |
| 130 | any other command was ended with Ctrl-C; a shell says 130 for a program that the signal ended |

A payload is one JSON value. `-` reads it from stdin, `@FILE` from a file. A length of time has a unit: `250ms`, `5s`,
`2m`, `1h`. Colours come where a person looks on; `NO_COLOR` and `CLICOLOR_FORCE` are respected, `--color` wins.
";
