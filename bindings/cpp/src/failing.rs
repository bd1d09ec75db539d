//! How an error reaches C++ whole: it stays on the thread on which it happened until the C++ half fetches it.

use std::cell::RefCell;
use std::fmt;
use std::mem::ManuallyDrop;

use buslane_bridge::client::protocol::Origin;
use buslane_bridge::client::{ErrorCode, Retry};
use buslane_bridge::{Failure, guarded};

use crate::border::crossing::Problem;

/// Says that there is a failure to be fetched.
#[derive(Debug)]
pub(crate) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("see take_problem")
    }
}

thread_local! {
    /// Without a destructor it is there until the very end of the thread: a client that is a global variable ends after
    /// the thread's other local data.
    static LAST: RefCell<ManuallyDrop<Option<Failure>>> = const { RefCell::new(ManuallyDrop::new(None)) };
}

/// Does what C++ asked for. A failure, a panic too, is kept for [`take_problem`].
pub(crate) fn attempt<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failed> {
    guarded(|| {
        #[cfg(feature = "test-hooks")]
        crate::panicking::panic_if_told();
        work()
    })
    .map_err(|failure| {
        keep(Some(failure));
        Failed
    })
}

/// Hands out why the last call on this thread failed.
pub(crate) fn take_problem() -> Problem {
    keep(None).map(|failure| problem(&failure)).unwrap_or_default()
}

/// Keeps a failure for whoever asks on this thread, and returns the one that was kept before.
fn keep(failure: Option<Failure>) -> Option<Failure> {
    LAST.with(|last| ManuallyDrop::into_inner(last.replace(ManuallyDrop::new(failure))))
}

/// Makes the problem of an error that the C++ half finds itself.
pub(crate) fn own_problem(number: u16, detail: String) -> Problem {
    let known = ErrorCode::ALL.iter().find(|code| code.number() == number);
    problem(&Failure::new(*known.unwrap_or(&ErrorCode::Internal), detail))
}

/// Converts a failure.
pub(crate) fn problem(failure: &Failure) -> Problem {
    let problem = failure.problem();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let json = |value: &Option<_>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    Problem {
        number: failure.code().map_or(0, |code| code.number()),
        status: problem.status,
        origin: match problem.origin {
            Origin::Broker => 0,
            Origin::Service => 1,
            Origin::Client => 2,
        },
        retry: match failure.retry() {
            Retry::Never => 0,
            Retry::Later => 1,
            Retry::IfHarmlessTwice => 2,
        },
        code: problem.code.to_string(),
        title: problem.title.to_string(),
        detail: text(&problem.detail),
        address: text(&problem.address),
        has_pointer: problem.pointer.is_some(),
        pointer: text(&problem.pointer),
        keyword: text(&problem.keyword),
        expected: json(&problem.expected),
        data: json(&problem.data),
    }
}
