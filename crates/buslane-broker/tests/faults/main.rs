//! Garbage and faults, over real sockets and every transport: what whoever causes them is told, that nobody else
//! notices, and that the figures say what happened. Faults that take a process of its own to cause or to weigh are
//! tests of the command.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod attacker;
mod bystander;
mod cases;
mod figures;
mod http;
mod malformed;
mod openings;
mod oversized;
mod services;
