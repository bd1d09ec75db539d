//! What was looked at, what was found, and what to do.

use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::{ERROR, FAINT, GOOD, HINT, Output};

/// How good or bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Ok,
    /// Worth knowing; nothing is broken.
    Note,
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    check: &'static str,
    verdict: Verdict,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Value::is_null")]
    data: Value,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

/// What machines are told.
#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    findings: &'a [Finding],
}

impl Finding {
    /// Makes a finding that is as it should be.
    pub(super) fn ok(check: &'static str, text: impl ToString) -> Finding {
        Finding::new(check, Verdict::Ok, text)
    }

    /// Makes a finding that is worth knowing.
    pub(super) fn note(check: &'static str, text: impl ToString) -> Finding {
        Finding::new(check, Verdict::Note, text)
    }

    /// Makes a finding of something that is wrong.
    pub(super) fn wrong(check: &'static str, text: impl ToString) -> Finding {
        Finding::new(check, Verdict::Wrong, text)
    }

    /// Says what to do.
    pub(super) fn hint(mut self, hint: impl ToString) -> Finding {
        self.hint = Some(hint.to_string());
        self
    }

    /// Adds what machines want to know.
    pub(super) fn data(mut self, data: Value) -> Finding {
        self.data = data;
        self
    }

    fn new(check: &'static str, verdict: Verdict, text: impl ToString) -> Finding {
        Finding {
            check,
            verdict,
            text: text.to_string(),
            hint: None,
            data: Value::Null,
        }
    }
}

impl Findings {
    /// Adds a finding; tells whether it is well.
    pub(super) fn add(&mut self, finding: Finding) -> bool {
        let well = finding.verdict != Verdict::Wrong;
        self.0.push(finding);
        well
    }

    /// Tells whether nothing is wrong.
    pub(super) fn are_well(&self) -> bool {
        self.count_wrong() == 0
    }

    /// Counts what is wrong.
    pub(super) fn count_wrong(&self) -> usize {
        self.0
            .iter()
            .filter(|finding| finding.verdict == Verdict::Wrong)
            .count()
    }

    /// Prints everything.
    pub(super) fn print(&self, json: bool, out: &mut Output) -> Result<(), Failure> {
        if json {
            let (ok, findings) = (self.are_well(), self.0.as_slice());
            return out.json(&Report { ok, findings });
        }
        self.0.iter().try_for_each(|finding| finding.print(out))
    }
}

impl Finding {
    fn print(&self, out: &mut Output) -> Result<(), Failure> {
        let (word, style) = match self.verdict {
            Verdict::Ok => ("ok", GOOD),
            Verdict::Note => ("note", FAINT),
            Verdict::Wrong => ("wrong", ERROR),
        };
        let word = out.paint(style, format!("{word:<5}"));
        out.line(format!("{word}  {:<11} {}", self.check, self.text))?;
        match &self.hint {
            Some(hint) => out.line(format!("{:20}{} {hint}", "", out.paint(HINT, "do:"))),
            None => Ok(()),
        }
    }
}
