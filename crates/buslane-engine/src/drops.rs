//! What was dropped from a client's deliveries and is not reported yet. Counts; reporting is in `reports.rs`.

use buslane_protocol::Overflow;

/// Drops of one client since the last report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drops {
    /// How many deliveries.
    pub(crate) count: u64,
    /// How many bytes of frames they had.
    pub(crate) bytes: u64,
    /// The policy that decided last.
    pub(crate) policy: Overflow,
    /// Whether something other than the broker's own events was dropped, so that an event may tell of it.
    pub(crate) announced: bool,
    /// Whether a report was made within the last second, so that the next one waits.
    pub(crate) waiting: bool,
}

impl Default for Drops {
    fn default() -> Self {
        Drops {
            count: 0,
            bytes: 0,
            policy: Overflow::DropOldest,
            announced: false,
            waiting: false,
        }
    }
}
