//! What goes to stdout and stderr: lines for people, JSON for machines, and whether in colours. Nothing here decides
//! what is printed.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::builder::StyledStr;
use serde::Serialize;

use crate::failure::Failure;

/// Decides for the whole program when there are colours.
pub(crate) fn choose_color(choice: ColorChoice) {
    choice.write_global();
}

/// Writes a line to stderr. Where that is closed or full, nobody can be told.
pub(crate) fn notice(text: impl fmt::Display) {
    // In one piece, so that the lines of several programs on one terminal do not mix.
    let line = format!("{text}\n");
    let _ = anstream::stderr().write_all(line.as_bytes());
}

/// The standard output, buffered until [`Output::flush`].
pub(crate) struct Output {
    stream: BufWriter<io::Stdout>,
    terminal: bool,
    colored: bool,
}

impl Output {
    /// Takes the standard output. Unless [`choose_color`] says otherwise, it is coloured if it is a terminal that shows
    /// colours and `NO_COLOR` is not set.
    pub(crate) fn stdout() -> Output {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let colored = AutoStream::choice(&stdout) != ColorChoice::Never;
        Output {
            stream: BufWriter::new(stdout),
            terminal,
            colored,
        }
    }

    /// Tells whether a person looks at it.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Tells whether there are colours.
    pub(crate) fn is_colored(&self) -> bool {
        self.colored
    }

    /// Tells whether lines that are written can be replaced by others.
    pub(crate) fn is_redrawable(&self) -> bool {
        self.terminal && std::env::var_os("TERM").is_some_and(|terminal| terminal != "dumb")
    }

    /// Returns the width of the terminal, or a usual one.
    pub(crate) fn columns(&self) -> usize {
        terminal_size::terminal_size().map_or(COLUMNS, |(width, _)| usize::from(width.0))
    }

    /// Returns the height of the terminal, or a usual one.
    pub(crate) fn rows(&self) -> usize {
        terminal_size::terminal_size().map_or(ROWS, |(_, height)| usize::from(height.0))
    }

    /// Erases the last lines of a terminal.
    pub(crate) fn erase_lines(&mut self, count: usize) -> Result<(), Failure> {
        match count {
            0 => Ok(()),
            count => self.bytes(format!("\x1b[{count}F\x1b[J").as_bytes()),
        }
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, text: impl fmt::Display) -> Result<(), Failure> {
        writeln!(self.stream, "{text}").map_err(Failure::of_stdout)
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(bytes).map_err(Failure::of_stdout)
    }

    /// Writes text that clap has styled, as it is.
    pub(crate) fn styled(&mut self, text: &StyledStr) -> Result<(), Failure> {
        match self.colored {
            true => write!(self.stream, "{}", text.ansi()),
            false => write!(self.stream, "{text}"),
        }
        .map_err(Failure::of_stdout)
    }

    /// Writes a value as one line of JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)?;
        self.line(text)
    }

    /// Hands over what was written.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.stream.flush().map_err(Failure::of_stdout)
    }

    /// Makes a text that appears in a style where there are colours.
    pub(crate) fn paint<T: fmt::Display>(&self, style: Style, text: T) -> Painted<T> {
        Painted {
            style: if self.colored { style } else { Style::new() },
            text,
        }
    }
}

/// A text in a style.
pub(crate) struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.style)?;
        self.text.fmt(formatter)?;
        write!(formatter, "{:#}", self.style)
    }
}

/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// What matters less.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// What is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What went wrong.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// What to try, and names.
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default();
const COLUMNS: usize = 80;
const ROWS: usize = 24;
