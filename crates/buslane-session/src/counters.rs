//! What a session passes over without telling anybody at the time.

/// What a session passed over since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Answers to requests that had ended already, by their deadline or by being cancelled.
    pub late_answers: u64,
    /// Deliveries that no subscription selects any more.
    pub unmatched_deliveries: u64,
    /// Publishes without acknowledgement that still waited for a connection when the session ended.
    pub dropped_publishes: u64,
}
