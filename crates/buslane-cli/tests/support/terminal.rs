//! A terminal, as far as a command can tell.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{Process, command};

/// Starts a command whose stdout is a terminal of a kind.
pub(crate) fn start(kind: &str, url: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Process {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("the system has terminals");
    grantpt(&terminal).expect("it is ours");
    unlockpt(&terminal).expect("it is ours");
    let name = ptsname(&terminal, Vec::new()).expect("it has a name");
    let path = OsStr::from_bytes(name.to_bytes());
    let stdout = OpenOptions::new()
        .write(true)
        .open(path)
        .expect("it can be written to");
    let mut command = command(arguments);
    command
        .env("BUSLANE_URL", url)
        .env("TERM", kind)
        .envs(environment.iter().copied())
        .stdout(Stdio::from(stdout));
    Process::spawn_with_stdout(command, File::from(terminal))
}
