//! Faults for which the broker's process matters: what floods cost it in memory, and what becomes of its clients when it
//! is killed, restarted or asked to end.

#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

mod child;
mod endings;
mod floods;
