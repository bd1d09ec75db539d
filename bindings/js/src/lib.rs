//! The client's session for JavaScript: the WebAssembly half of the npm package `buslane`.
//!
//! One instance of this module holds the sessions of all clients of a program, each under a number. The TypeScript
//! half moves bytes, arms one timer per client and calls the functions exported here; it knows no rule of the protocol
//! and this crate adds none: both serve a [`buslane_session::Session`].
//!
//! ```text
//!   transport --bytes--> handle_bytes --+                       +--> events, to the program
//!   timer ------------->  turn ---------+--> one batch of bytes +--> actions and bytes, to the transport
//!   program --verbs----> request, ...   |    (see `batch`)      +--> when the timer is due
//! ```
//!
//! # Invariants worth naming
//! - A call is over before JavaScript acts on what it returned: no code of the program ever runs inside of one, so
//!   that no borrow is ever taken twice.
//! - Only numbers cross. What a call takes was written to the stage (`stage.rs`) before; what it hands out stays in the
//!   [batch](Batch) until the next call, and is copied or decoded before that.
//! - What a program hands in never panics. A panic is a defect: its message is thrown, and the TypeScript half fails
//!   the instance's clients with `internal` and makes a new one.

mod batch;
mod content;
mod events;
mod handles;
mod options;
mod program;
mod stage;
mod transport;

pub use batch::{Batch, Status};
pub use handles::{failure, room};
pub use program::{
    cancel, chunk, close, consumed, credit_taken, fail, finish, flush, publish, publish_gathered, register,
    reply, request, subscribe, unregister, unsubscribe,
};
pub use transport::{
    begin, connected, disconnected, forget, open, received, refused, sign_of_life, transmit, turn,
};

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: rlsf::GlobalTlsf = rlsf::GlobalTlsf::new();
