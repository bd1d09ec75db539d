//! Plays every scenario of `schemas/scenarios/` against a broker, over each transport. One test per scenario and
//! transport: `cargo test --test scenarios tcp::call`.

mod actor;
mod broker;
mod format;
mod item;
mod matcher;
mod outgoing;
mod player;
mod relay;
mod service;
mod transport;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use format::Scenario;
use libtest_mimic::{Arguments, Failed, Trial};
use transport::Transport;

fn main() -> ExitCode {
    let mut trials = vec![Trial::test("matchers_tell_what_fits_from_what_does_not", || {
        matcher::matchers_tell_what_fits_from_what_does_not();
        Ok(())
    })];
    for path in scenarios() {
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("the name is text")
            .replace('-', "_");
        if read(&path).is_ok_and(|scenario| scenario.not_over.contains_key(ROAD)) {
            continue;
        }
        for transport in Transport::ALL {
            let path = path.clone();
            trials.push(Trial::test(format!("{}::{name}", transport.name()), move || {
                play(&path, transport)
            }));
        }
    }
    assert!(trials.len() > Transport::ALL.len(), "there are no scenarios");
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Lists the files of all scenarios, in the order of their names.
fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/scenarios");
    let entries = fs::read_dir(folder).expect("the folder of scenarios is there");
    let paths = entries.map(|entry| entry.expect("the folder can be listed").path());
    let is_scenario = |path: &PathBuf| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        name.ends_with(".json") && !name.ends_with(".schema.json") && name != INDEX
    };
    let mut paths: Vec<PathBuf> = paths.filter(is_scenario).collect();
    paths.sort();
    paths
}

/// Reads a scenario. One that cannot be read fails where it is to be played.
fn read(path: &Path) -> Result<Scenario, Failed> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}

fn play(path: &Path, transport: Transport) -> Result<(), Failed> {
    let scenario = read(path)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(player::play(&scenario, transport))?)
}

/// The road that this runner plays over, as scenarios name it.
const ROAD: &str = "sdk";
/// The file that says which scenario shows which promise.
const INDEX: &str = "index.json";
