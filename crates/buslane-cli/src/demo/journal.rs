//! What the demo shows: who does what, in aligned and labelled lines. Programs note, one task prints.

use std::fmt;

use anstyle::{AnsiColor, Style};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::failure::Failure;
use crate::output::{ERROR, FAINT, Output};

/// Takes notes of one program. Cloning shares the journal.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    program: &'static str,
    notes: UnboundedSender<Note>,
}

/// The notes in the order in which they were taken.
#[derive(Debug)]
pub(crate) struct Notes(UnboundedReceiver<Note>);

/// One thing that happened.
#[derive(Debug)]
pub(crate) struct Note {
    program: &'static str,
    verb: &'static str,
    subject: String,
    text: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Usual,
    Wrong,
}

/// Opens a journal.
pub(crate) fn open() -> (Journal, Notes) {
    let (notes, receiver) = unbounded_channel();
    (
        Journal {
            program: "demo",
            notes,
        },
        Notes(receiver),
    )
}

impl Journal {
    /// Makes the journal of a program.
    pub(crate) fn of(&self, program: &'static str) -> Journal {
        Journal {
            program,
            notes: self.notes.clone(),
        }
    }

    /// Notes that the program did something to a subject.
    pub(crate) fn note(&self, verb: &'static str, subject: impl fmt::Display, text: impl fmt::Display) {
        self.take(Kind::Usual, verb, subject, text);
    }

    /// Notes that something went wrong.
    pub(crate) fn note_error(&self, verb: &'static str, subject: impl fmt::Display, text: impl fmt::Display) {
        self.take(Kind::Wrong, verb, subject, text);
    }

    fn take(&self, kind: Kind, verb: &'static str, subject: impl fmt::Display, text: impl fmt::Display) {
        let note = Note {
            program: self.program,
            verb,
            subject: subject.to_string(),
            text: text.to_string(),
            kind,
        };
        // Nobody reads any more when the demo ends, and then it does not matter.
        let _ = self.notes.send(note);
    }
}

impl Notes {
    /// Waits for the next note; `None` when every journal is closed.
    pub(crate) async fn next(&mut self) -> Option<Note> {
        self.0.recv().await
    }
}

impl Note {
    /// Prints the note as one line for each line of its text.
    pub(crate) fn print(&self, out: &mut Output) -> Result<(), Failure> {
        let mut lines = self.text.lines();
        let style = if self.kind == Kind::Wrong {
            ERROR
        } else {
            style_of(self.program)
        };
        let first = lines.next().unwrap_or_default();
        let program = out.paint(style, format_args!("{:<8}", self.program)).to_string();
        out.line(format_args!(
            "{program} {:<9} {:<24} {first}",
            self.verb, self.subject
        ))?;
        for line in lines {
            let rest = out.paint(FAINT, line).to_string();
            out.line(format_args!("{:<8} {:<9} {:<24} {rest}", "", "", ""))?;
        }
        out.flush()
    }
}

fn style_of(program: &str) -> Style {
    let color = match program {
        "attic" => AnsiColor::Yellow,
        "monitor" => AnsiColor::Green,
        "watcher" => AnsiColor::Cyan,
        _ => AnsiColor::White,
    };
    color.on_default()
}
