//! What a check reports.

use std::fmt;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// A file, a file with a line, or a package.
    pub place: String,
    /// What is wrong, and what to do instead.
    pub message: String,
}

impl Finding {
    /// Makes a finding.
    pub fn new(place: impl fmt::Display, message: impl fmt::Display) -> Self {
        Finding {
            place: place.to_string(),
            message: message.to_string(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)
    }
}
