//! What the driver in JavaScript calls: opening a session, what came by its transport, and its timer. Each call but the
//! first returns where a batch of everything that followed is.

use buslane_session::Session;
use buslane_session::protocol::{ErrorCode, Problem};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::batch::{Batch, Status};
use crate::events;
use crate::handles::{drive, drop_session, instant, keep, tell};
use crate::options::Options;

/// Lets the message of a panic be thrown, instead of a bare trap.
#[wasm_bindgen]
pub fn begin() {
    #[cfg(target_family = "wasm")]
    std::panic::set_hook(Box::new(|panic| wasm_bindgen::throw_str(&panic.to_string())));
}

/// Makes a session, and returns its number. `seed` holds random bits in its two halves. The lengths of `name` and
/// `token` are below 0, and the numbers from `ping_after` are no numbers, where nothing is said.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "one crossing, of numbers only")]
pub fn open(
    web_socket: bool,
    name: i32,
    token: i32,
    seed_high: u32,
    seed_low: u32,
    unix_ms_at_zero: f64,
    now: f64,
    ping_after: f64,
    gone_after: f64,
    first_retry: f64,
    longest_retry: f64,
    offline_bytes: f64,
) -> f64 {
    keep(|stage| {
        let mut parts = stage.parts();
        let options = Options {
            web_socket,
            name: parts.optional(name),
            token: parts.optional(token),
            times: [ping_after, gone_after, first_retry, longest_retry],
            offline_bytes,
            seed: u64::from(seed_high) << 32 | u64::from(seed_low),
            unix_ms_at_zero,
        };
        Ok(Session::new(options.config()?, instant(now)))
    })
}

/// Drops a session.
#[wasm_bindgen]
pub fn forget(handle: u32) {
    drop_session(handle);
}

/// Takes note that the transport is open.
#[wasm_bindgen]
pub fn connected(handle: u32, now: f64) -> u32 {
    drive(handle, |session, batch, _| {
        session.handle_connected(instant(now));
        drain(session, batch, true)
    })
}

/// Takes bytes that came by a stream, cut anywhere, or one message of a WebSocket.
#[wasm_bindgen]
pub fn received(handle: u32, now: f64, bytes: u32, is_message: bool, writable: bool) -> u32 {
    drive(handle, |session, batch, stage| {
        let bytes = stage.parts().bytes(bytes);
        if is_message {
            session.handle_message(instant(now), bytes);
        } else {
            session.handle_bytes(instant(now), bytes);
        }
        drain(session, batch, writable)
    })
}

/// Takes note of a sign of life that is no message.
#[wasm_bindgen]
pub fn sign_of_life(handle: u32, now: f64) {
    tell(handle, |session| session.handle_activity(instant(now)));
}

/// Takes note that the transport is lost, or could not be opened.
#[wasm_bindgen]
pub fn disconnected(handle: u32, now: f64, reason: u32) -> u32 {
    drive(handle, |session, batch, stage| {
        session.handle_disconnected(instant(now), stage.parts().text(reason));
        drain(session, batch, false)
    })
}

/// Takes note of what a server said instead of opening the transport. If that is a refusal for good, the session ends;
/// else this is a loss like any other.
#[wasm_bindgen]
pub fn refused(handle: u32, now: f64, status: u16, body: u32) -> u32 {
    drive(handle, |session, batch, stage| {
        let now = instant(now);
        match Problem::parse(stage.parts().text(body)) {
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
pub fn turn(handle: u32, now: f64, fired: bool, writable: bool) -> u32 {
    drive(handle, |session, batch, _| {
        if fired {
            session.handle_timeout(instant(now));
        }
        drain(session, batch, writable)
    })
}

/// Hands out what is to be sent, and nothing that happened.
#[wasm_bindgen]
pub fn transmit(handle: u32) -> u32 {
    drive(handle, |session, batch, _| hand_out(session, batch, true))
}

/// Collects events, actions and bytes, in the order in which the session wants to be asked.
fn drain(session: &mut Session, batch: &mut Batch, writable: bool) -> u32 {
    while let Some(event) = session.poll_event() {
        events::write(batch, event);
    }
    while let Some(action) = session.poll_action() {
        events::write_action(batch, &action);
    }
    hand_out(session, batch, writable)
}

fn hand_out(session: &mut Session, batch: &mut Batch, writable: bool) -> u32 {
    if writable && let Some(transmit) = session.poll_transmit() {
        batch.transmit(transmit);
    }
    batch.finish(Status {
        due_ms: session.poll_timeout().map(|due| due.as_micros() as f64 / 1000.0),
        waiting: session.queued_bytes(),
        publishable: session.publishable_bytes(),
    })
}
