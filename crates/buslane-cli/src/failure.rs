//! Why a command did not do what it was asked to, how that is told, and the exit code that it ends with.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::output::{self, ERROR, HINT};

/// Why a command ends before it is done.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    details: Vec<String>,
    hints: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// What was asked for did not work.
    Failed,
    /// What was asked for cannot be.
    Usage,
    /// Nobody reads what is printed any more, which is no failure.
    Unread,
}

impl Failure {
    /// Makes the failure of a command that could not do its work.
    pub(crate) fn failed(message: impl fmt::Display) -> Failure {
        Failure::new(Kind::Failed, message)
    }

    /// Makes the failure of a command line that makes no sense.
    pub(crate) fn usage(message: impl fmt::Display) -> Failure {
        Failure::new(Kind::Usage, message)
    }

    /// Makes the failure of a write to stdout; a closed pipe only ends the command.
    pub(crate) fn of_stdout(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::new(Kind::Unread, ""),
            _ => Failure::failed(format_args!("stdout: {error}")),
        }
    }

    /// Adds a line that says more.
    pub(crate) fn detail(mut self, detail: impl fmt::Display) -> Failure {
        self.details.push(detail.to_string());
        self
    }

    /// Adds a line that says what to try.
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Failure {
        self.hints.push(hint.to_string());
        self
    }

    /// Returns what went wrong, in one line.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Returns what to try first.
    pub(crate) fn first_hint(&self) -> Option<&str> {
        self.hints.first().map(String::as_str)
    }

    /// Tells the user on stderr and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let code = match self.kind {
            Kind::Unread => return ExitCode::SUCCESS,
            Kind::Failed => FAILED,
            Kind::Usage => USAGE,
        };
        output::notice(format_args!("{self:#}"));
        ExitCode::from(code)
    }

    fn new(kind: Kind, message: impl fmt::Display) -> Failure {
        Failure {
            kind,
            message: message.to_string(),
            details: Vec::new(),
            hints: Vec::new(),
        }
    }
}

/// Writes the failure as it is printed, the alternate form in colours.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (error, hint) = if formatter.alternate() {
            (ERROR, HINT)
        } else {
            Default::default()
        };
        write!(formatter, "{error}error:{error:#} {}", self.message)?;
        for detail in &self.details {
            write!(formatter, "\n  {detail}")?;
        }
        for text in &self.hints {
            write!(formatter, "\n  {hint}hint:{hint:#} {text}")?;
        }
        Ok(())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::failed(format_args!("{error:#}"))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::failed(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        Failure::failed(error)
    }
}

const FAILED: u8 = 1;
/// The exit code where the command line makes no sense.
pub(crate) const USAGE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_and_hints_stand_below_the_message() {
        let failure = Failure::failed("no").detail("at /").hint("try again");
        assert_eq!(failure.to_string(), "error: no\n  at /\n  hint: try again");
        assert!(format!("{failure:#}").starts_with("\u{1b}["));
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert_eq!(
            Failure::of_stdout(io::ErrorKind::BrokenPipe.into()).kind,
            Kind::Unread
        );
        assert_eq!(
            Failure::of_stdout(io::ErrorKind::StorageFull.into()).kind,
            Kind::Failed
        );
    }
}
