//! `buslane demo`: a broker and three small programs, each a client of its own over a real socket, and what flows
//! between them.
//!
//! [`attic`], [`monitor`] and [`watcher`] use the public client only, as anybody's programs would.

mod attic;
mod journal;
mod monitor;
mod readings;
mod watcher;
