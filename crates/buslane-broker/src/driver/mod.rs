//! Moves bytes between sockets and the engine, on one thread.
//!
//! ```text
//!  listener ──accept──> Opening ──first frame──> Talk ──end──> Leaving      one small future per connection
//!                          └──HTTP──> http ──/ws──┘│
//!                           the API: InProcess ───>│
//!                                                  │ read, decode in place, Engine::handle
//!                                                  v
//!                                                 Hub ──wakes once──> Flusher: outputs, then each outbox once
//! ```
//!
//! # Invariants worth naming
//! - What is handled of one read, however many messages it holds, is routed before anything is written; each socket that
//!   has something to be written is then written to once.
//! - Per message there is no allocation, no task, no channel and no lock here.
//! - An idle connection holds no buffer: reads go into one buffer that all share, and only what is left of a frame is
//!   kept.
//! - A reader who does not read blocks nobody: its socket is waited for in its own future.
//! - Nobody keeps the thread: what a client sent is handled for a turn, and the rest of it after everybody else's.

mod breather;
mod budget;
mod connection;
mod conversation;
mod flusher;
pub(crate) mod frames;
mod hub;
mod in_process;
mod input;
mod intake;
mod leaving;
mod lines;
mod listener;
mod opening;
mod pipe;
mod slow_lane;
mod sniff;
mod socket;
mod talk;
mod transport;
mod turn;

pub(crate) use conversation::Conversation;
pub(crate) use flusher::Flusher;
pub(crate) use hub::{Hub, Setup, Statistics};
pub(crate) use in_process::{Frame, InProcess};
pub(crate) use input::{Account, Charged, Head, Lease};
pub(crate) use intake::{End, Intake, Next, Progress};
pub(crate) use listener::{Listener, serve};
pub(crate) use slow_lane::Usher;
pub(crate) use socket::{Admission, Local, Origin, Socket};
pub(crate) use transport::Transport;
