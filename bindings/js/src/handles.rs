//! The sessions of this instance, each under a number. Knows nothing of what is done with them.

use std::cell::RefCell;
use std::time::Duration;

use buslane_session::Session;
use buslane_session::protocol::{ErrorCode, Instant, Origin, Problem};
use wasm_bindgen::JsValue;

use crate::batch::{Batch, problem_text};

/// What a function returns that can fail: the error is a problem as JSON text.
pub(crate) type Fallible<T> = Result<T, JsValue>;

/// All sessions, and the batch that they share.
#[derive(Default)]
struct Sessions {
    places: Vec<Option<Session>>,
    batch: Batch,
}

thread_local! {
    static SESSIONS: RefCell<Sessions> = RefCell::default();
}

/// Keeps a session, and returns its number.
pub(crate) fn keep(session: Session) -> u32 {
    SESSIONS.with_borrow_mut(|sessions| {
        let places = &mut sessions.places;
        let free = places.iter().position(Option::is_none).unwrap_or(places.len());
        if free == places.len() {
            places.push(None);
        }
        places[free] = Some(session);
        free as u32
    })
}

/// Drops a session. Without one nothing happens.
pub(crate) fn drop_session(handle: u32) {
    SESSIONS.with_borrow_mut(|sessions| {
        if let Some(place) = sessions.places.get_mut(handle as usize) {
            *place = None;
        }
    });
}

/// Lets `work` have a session and the empty batch.
pub(crate) fn with<T>(handle: u32, work: impl FnOnce(&mut Session, &mut Batch) -> T) -> Fallible<T> {
    SESSIONS.with_borrow_mut(|sessions| {
        let Sessions { places, batch } = sessions;
        match places.get_mut(handle as usize).and_then(Option::as_mut) {
            Some(session) => Ok(work(session, batch)),
            None => Err(thrown(&own(ErrorCode::Closed, "there is no such session"))),
        }
    })
}

/// Lets `work`, which can fail, have a session.
pub(crate) fn act<T>(handle: u32, work: impl FnOnce(&mut Session) -> Result<T, Box<Problem>>) -> Fallible<T> {
    with(handle, |session, _| work(session))?.map_err(|problem| thrown(&problem))
}

/// Makes a problem that this side reports itself.
pub(crate) fn own(code: ErrorCode, detail: impl std::fmt::Display) -> Problem {
    Problem::new(code).from_origin(Origin::Client).detail(detail)
}

/// Writes a problem in the form in which it is thrown.
pub(crate) fn thrown(problem: &Problem) -> JsValue {
    JsValue::from_str(&problem_text(problem))
}

/// Converts the clock of JavaScript, in milliseconds.
pub(crate) fn instant(now_ms: f64) -> Instant {
    // A float that is negative or no number at all becomes 0, one that is too large the largest number.
    Instant::from_micros((now_ms * 1000.0) as u64)
}

/// Converts a length of time in milliseconds.
pub(crate) fn duration(ms: f64) -> Duration {
    Duration::from_micros((ms * 1000.0) as u64)
}
