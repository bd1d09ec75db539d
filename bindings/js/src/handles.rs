//! The sessions of this instance, each under a number, with what they share: where JavaScript writes, and where it reads.
//! Knows nothing of what is done with them.

use std::cell::RefCell;
use std::time::Duration;

use buslane_session::Session;
use buslane_session::protocol::{ErrorCode, Instant, Origin, Problem};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::batch::{Batch, Status};
use crate::stage::Stage;

/// All sessions, and what they share.
#[derive(Default)]
struct Sessions {
    places: Vec<Option<Session>>,
    batch: Batch,
    stage: Stage,
    /// Whose bytes to send are in the batch.
    sender: usize,
}

thread_local! {
    static SESSIONS: RefCell<Sessions> = RefCell::default();
}

/// Gets room for so many bytes of what JavaScript writes before a call, and returns where it begins. What was written
/// there before stays.
#[wasm_bindgen]
pub fn room(bytes: u32) -> u32 {
    SESSIONS.with_borrow_mut(|sessions| sessions.stage.resize(bytes))
}

/// Keeps the session that `make` makes, and returns its number.
pub(crate) fn keep(make: impl FnOnce(&Stage) -> Result<Session, Box<Problem>>) -> f64 {
    SESSIONS.with_borrow_mut(|sessions| {
        let session = match make(&sessions.stage) {
            Ok(session) => session,
            Err(problem) => return refuse(&mut sessions.batch, &problem),
        };
        let places = &mut sessions.places;
        let free = places.iter().position(Option::is_none).unwrap_or(places.len());
        if free == places.len() {
            places.push(None);
        }
        places[free] = Some(session);
        free as f64
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

/// Lets `work` have a session, the empty batch and what JavaScript wrote, and returns where the batch is. Without the
/// session that is an empty one.
pub(crate) fn drive(handle: u32, work: impl FnOnce(&mut Session, &mut Batch, &Stage) -> u32) -> u32 {
    SESSIONS.with_borrow_mut(|sessions| {
        let Sessions {
            places,
            batch,
            stage,
            sender,
        } = sessions;
        let written = batch.reclaim();
        if let (Some(Some(session)), Some(transmit)) = (places.get_mut(*sender), written) {
            session.recycle(transmit);
        }
        *sender = handle as usize;
        batch.clear();
        match places.get_mut(handle as usize).and_then(Option::as_mut) {
            Some(session) => work(session, batch, stage),
            None => batch.finish(Status::default()),
        }
    })
}

/// Lets `work`, which can fail, have a session and what JavaScript wrote. Returns the number that it returns, and
/// [`FAILED`] with a problem in the batch.
pub(crate) fn act(handle: u32, work: impl FnOnce(&mut Session, &Stage) -> Result<f64, Box<Problem>>) -> f64 {
    SESSIONS.with_borrow_mut(|sessions| {
        let Sessions {
            places, batch, stage, ..
        } = sessions;
        let result = match places.get_mut(handle as usize).and_then(Option::as_mut) {
            Some(session) => work(session, stage),
            None => Err(Box::new(own(ErrorCode::Closed, "there is no such session"))),
        };
        result.unwrap_or_else(|problem| refuse(batch, &problem))
    })
}

/// Lets `work` have a session. Without one nothing happens.
pub(crate) fn tell(handle: u32, work: impl FnOnce(&mut Session)) {
    act(handle, |session, _| {
        work(session);
        Ok(0.0)
    });
}

/// Returns where the batch is that holds the problem of the call before, as the text of a string.
#[wasm_bindgen]
pub fn failure() -> u32 {
    SESSIONS.with_borrow_mut(|sessions| sessions.batch.finish(Status::default()))
}

/// Makes a problem that this side reports itself.
pub(crate) fn own(code: ErrorCode, detail: impl std::fmt::Display) -> Problem {
    Problem::new(code).from_origin(Origin::Client).detail(detail)
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

fn refuse(batch: &mut Batch, problem: &Problem) -> f64 {
    batch.clear();
    batch.problem(problem);
    FAILED
}

/// What is returned in place of a number where a problem is to be asked for.
const FAILED: f64 = -2.0;
