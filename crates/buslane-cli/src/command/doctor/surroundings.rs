//! What around this shell makes trouble: variables, limits of the system, the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use buslane_broker::{Config, Flags};

use super::finding::{Finding, Findings};
use crate::command::serve;

/// Looks at the environment.
pub(super) fn examine(findings: &mut Findings) {
    look_at_variables(findings);
    look_at_files(findings);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if now.as_secs() < PLAUSIBLE_UNIX_TIME {
        let finding = Finding::wrong("system", "the clock of this machine stands before the year 2024");
        findings.add(finding.hint("set it by the network"));
    }
}

/// Looks at what a broker that is started here would be told.
fn look_at_variables(findings: &mut Findings) {
    let examination = Config::examine(&Flags::default(), serve::environment());
    for error in &examination.errors {
        let finding = Finding::wrong("environment", error);
        findings.add(finding.hint("correct the variable or unset it: buslane serve would not start with it"));
    }
    if examination.errors.is_empty() {
        findings.add(Finding::ok("environment", "buslane serve would start with it"));
    }
}

/// Looks at how many files, and so connections, a program may have open.
#[cfg(unix)]
fn look_at_files(findings: &mut Findings) {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Nofile);
    let shown = |limit: Option<u64>| limit.map_or("unlimited".to_owned(), |limit| limit.to_string());
    let (now, most) = (shown(limit.current), shown(limit.maximum));
    let text = format!("{now} open files a program, {most} at most: a broker takes what it may");
    let few = |limit: Option<u64>| limit.is_some_and(|limit| limit < FEW_FILES);
    let finding = match (few(limit.maximum), few(limit.current)) {
        (true, _) => Finding::note("files", text).hint(format_args!(
            "a broker that is started here has few connections: let root raise the limit to {ENOUGH_FILES}"
        )),
        (false, true) => Finding::note("files", text).hint(format_args!(
            "for programs with many connections: ulimit -n {ENOUGH_FILES}"
        )),
        (false, false) => Finding::ok("files", text),
    };
    findings.add(finding);
}

#[cfg(not(unix))]
fn look_at_files(_: &mut Findings) {}

/// The beginning of 2024.
const PLAUSIBLE_UNIX_TIME: u64 = 1_704_067_200;
/// Fewer open files than this are soon used up.
const FEW_FILES: u64 = 4_096;
const ENOUGH_FILES: u64 = 65_536;
