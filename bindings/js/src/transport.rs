//! What the driver in JavaScript calls: opening a session, what came by its transport, and its timer. Each call but the
//! first returns a batch of everything that followed.

use buslane_session::Session;
use buslane_session::protocol::{ErrorCode, Problem};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::batch::Batch;
use crate::events;
use crate::handles::{Fallible, drop_session, instant, keep, thrown, with};
use crate::options::Options;

/// Lets the message of a panic be thrown, instead of a bare trap.
#[wasm_bindgen]
pub fn begin() {
    #[cfg(target_family = "wasm")]
    std::panic::set_hook(Box::new(|panic| wasm_bindgen::throw_str(&panic.to_string())));
}

/// Makes a session, and returns its number. `options` is JSON text; `seed` holds random bits in its two halves.
#[wasm_bindgen]
pub fn open(options: &str, seed_high: u32, seed_low: u32, unix_ms_at_zero: f64, now: f64) -> Fallible<u32> {
    let seed = u64::from(seed_high) << 32 | u64::from(seed_low);
    let config = Options::parse(options).and_then(|options| options.config(seed, unix_ms_at_zero));
    let config = config.map_err(|problem| thrown(&problem))?;
    Ok(keep(Session::new(config, instant(now))))
}

/// Drops a session.
#[wasm_bindgen]
pub fn forget(handle: u32) {
    drop_session(handle);
}

/// Takes note that the transport is open.
#[wasm_bindgen]
pub fn connected(handle: u32, now: f64) -> Fallible<Vec<u8>> {
    with(handle, |session, batch| {
        session.handle_connected(instant(now));
        drain(session, batch, true)
    })
}

/// Takes bytes that came by a stream, cut anywhere.
#[wasm_bindgen]
pub fn received(handle: u32, now: f64, bytes: &[u8], writable: bool) -> Fallible<Vec<u8>> {
    with(handle, |session, batch| {
        session.handle_bytes(instant(now), bytes);
        drain(session, batch, writable)
    })
}

/// Takes one message of a WebSocket.
#[wasm_bindgen]
pub fn received_message(handle: u32, now: f64, message: &[u8], writable: bool) -> Fallible<Vec<u8>> {
    with(handle, |session, batch| {
        session.handle_message(instant(now), message);
        drain(session, batch, writable)
    })
}

/// Takes note of a sign of life that is no message.
#[wasm_bindgen]
pub fn sign_of_life(handle: u32, now: f64) -> Fallible<()> {
    with(handle, |session, _| session.handle_activity(instant(now)))
}

/// Takes note that the transport is lost, or could not be opened.
#[wasm_bindgen]
pub fn disconnected(handle: u32, now: f64, reason: &str) -> Fallible<Vec<u8>> {
    with(handle, |session, batch| {
        session.handle_disconnected(instant(now), reason);
        drain(session, batch, false)
    })
}

/// Takes note of what a server said instead of opening the transport. If that is a refusal for good, the session ends;
/// else this is a loss like any other.
#[wasm_bindgen]
pub fn refused(handle: u32, now: f64, status: u16, body: &str) -> Fallible<Vec<u8>> {
    with(handle, |session, batch| {
        let now = instant(now);
        match serde_json::from_str::<Problem>(body) {
            Ok(problem) if problem.error_code() == Some(ErrorCode::UnsupportedVersion) => {
                session.handle_refused(now, problem);
            }
            Ok(problem) => {
                session.handle_disconnected(now, &format!("the server answers HTTP {status}: {problem}"));
            }
            Err(_) => session.handle_disconnected(now, &format!("the server answers HTTP {status}")),
        }
        drain(session, batch, false)
    })
}

/// Lets the session do what is due, if the timer fired, and hands out what is there. Bytes to send only if the
/// transport takes some: what is handed out counts as sent.
#[wasm_bindgen]
pub fn turn(handle: u32, now: f64, fired: bool, writable: bool) -> Fallible<Vec<u8>> {
    with(handle, |session, batch| {
        if fired {
            session.handle_timeout(instant(now));
        }
        drain(session, batch, writable)
    })
}

/// Collects events, actions and bytes, in the order in which the session wants to be asked.
fn drain(session: &mut Session, batch: &mut Batch, writable: bool) -> Vec<u8> {
    batch.clear();
    while let Some(event) = session.poll_event() {
        events::write(batch, event);
    }
    while let Some(action) = session.poll_action() {
        events::write_action(batch, &action);
    }
    if writable && let Some(transmit) = session.poll_transmit() {
        events::write_transmit(batch, &transmit);
        session.recycle(transmit);
    }
    let due = session.poll_timeout().map(|due| due.as_micros() as f64 / 1000.0);
    batch.finish(due, session.queued_bytes())
}
