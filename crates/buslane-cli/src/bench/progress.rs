//! One line on the terminal that says how far a benchmark is; nothing at all where there is no terminal.

use std::fmt;
use std::io::{IsTerminal, Write, stderr};

/// Shows how far a benchmark is. The line goes when this is dropped.
pub(crate) struct Progress {
    label: String,
    visible: bool,
}

impl Progress {
    /// Begins a line with a label, on stderr if that is a terminal.
    pub(crate) fn new(label: impl Into<String>) -> Progress {
        let progress = Progress {
            label: label.into(),
            visible: stderr().is_terminal(),
        };
        progress.show(format_args!("..."));
        progress
    }

    /// Replaces what stands after the label.
    pub(crate) fn show(&self, state: fmt::Arguments<'_>) {
        if self.visible {
            let _ = write!(stderr(), "\r\x1b[K{}  {state}", self.label);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.visible {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
