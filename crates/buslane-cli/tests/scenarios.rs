//! The scenarios, played against the real binary by the runner of `schemas/scenarios/runner`: over each encoding on each
//! transport and over HTTP, by a client that shares nothing with this workspace.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// One road at a time: each plays several scenarios side by side already, and a step has to end in some time.
static TURN: Mutex<()> = Mutex::new(());

/// Plays every scenario that fits a road, and wants at least so many to pass.
fn play(road: &str, least: usize) {
    // A road that failed says nothing about the next one.
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runner = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/scenarios/runner");
    let played = Command::new("python3")
        .args(["-B", runner, "--road", road, "--least", &least.to_string()])
        .env("BUSLANE_BROKER", env!("CARGO_BIN_EXE_buslane"))
        .output()
        .expect("the tests need python3");
    let said = String::from_utf8_lossy(&played.stdout);
    println!("{said}");
    let complaint = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{said}\n{complaint}");
}

#[test]
fn every_scenario_holds_over_json_lines() {
    play("lines", LEAST_OVER_CONNECTIONS);
}

#[test]
fn every_scenario_holds_over_binary_frames() {
    play("frames", LEAST_OVER_CONNECTIONS);
}

#[test]
fn every_scenario_holds_over_json_on_a_websocket() {
    play("websocket", LEAST_OVER_CONNECTIONS);
}

#[test]
fn every_scenario_holds_over_binary_frames_on_a_websocket() {
    play("websocket-frames", LEAST_OVER_CONNECTIONS);
}

#[test]
fn every_scenario_that_fits_holds_over_http() {
    play("http", LEAST_OVER_HTTP);
}

/// Fewer than these would mean that scenarios were lost, or excused.
const LEAST_OVER_CONNECTIONS: usize = 80;
const LEAST_OVER_HTTP: usize = 55;
