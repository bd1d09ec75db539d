//! Starts a server to measure as a process of its own, on a free port of the loopback interface, and ends it.

use std::env;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::time::timeout;

use super::measurement::Target;
use super::peer::Peer;
use super::wire::{self, Wire};

/// How to start a server.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    path: PathBuf,
    /// `None` for this broker.
    peer: Option<Peer>,
    /// Variables of its environment.
    variables: Vec<(&'static str, String)>,
}

/// A server under measurement. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// Milliseconds from starting the process to the first session.
    pub(crate) started_in: f64,
}

impl Program {
    /// Makes the program of this broker.
    pub(crate) fn buslane() -> anyhow::Result<Program> {
        let path = env::current_exe().context("the path of this program is unknown")?;
        Ok(Program {
            path,
            peer: None,
            variables: Vec::new(),
        })
    }

    /// Adds a variable to its environment.
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Program {
        self.variables.push((name, value.to_string()));
        self
    }

    /// Finds the program of a peer: at the path given, else on the `PATH`.
    pub(crate) fn of(peer: Peer, path: Option<&Path>) -> Option<Program> {
        let path = match path {
            Some(path) => Some(path.to_owned()).filter(|path| is_program(path)),
            None => find(peer.program()),
        };
        Some(Program {
            path: path?,
            peer: Some(peer),
            variables: Vec::new(),
        })
    }

    /// Returns the first line in which the program tells its version.
    pub(crate) fn version(&self) -> Option<String> {
        let argument = self.peer.map_or("--version", Peer::version_argument);
        let output = Command::new(&self.path).arg(argument).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        // What one of them adds to its version says how it was built.
        Some(text.lines().next()?.split(" sha=").next()?.trim().to_owned())
    }

    /// Starts the server and waits for its first session.
    ///
    /// Somebody else may take the free port before the server does, hence more than one attempt.
    pub(crate) async fn start<W: Wire>(&self) -> anyhow::Result<Server> {
        let mut attempts = START_ATTEMPTS;
        loop {
            attempts -= 1;
            match self.try_start::<W>().await {
                Err(_) if attempts > 0 => {}
                result => return result,
            }
        }
    }

    async fn try_start<W: Wire>(&self) -> anyhow::Result<Server> {
        let address = free_address()?;
        let started = Instant::now();
        let mut command = self.command(address);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command
            .spawn()
            .with_context(|| format!("{} does not start", self.path.display()))?;
        if let (Some(mut stdin), Some(peer)) = (child.stdin.take(), self.peer) {
            stdin.write_all(peer.input(address).as_bytes())?;
        }
        let mut server = Server {
            child,
            address,
            started_in: 0.0,
        };
        server
            .await_session::<W>(started)
            .await
            .with_context(|| self.path.display().to_string())?;
        server.started_in = started.elapsed().as_secs_f64() * 1e3;
        Ok(server)
    }
}

impl Program {
    fn command(&self, address: SocketAddr) -> Command {
        let mut command = Command::new(&self.path);
        match self.peer {
            Some(peer) => command.args(peer.arguments(address)),
            None => command.args(["serve", "--listen", &address.to_string(), "--log-level", "error"]),
        };
        // What is measured is the defaults, not somebody's settings.
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BUSLANE_")) {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Server {
    /// Returns what a measurement needs to know.
    pub(crate) fn target(&self) -> Target {
        Target {
            address: self.address,
            pid: Some(self.child.id()),
        }
    }

    /// Tries to begin a session until one begins.
    async fn await_session<W: Wire>(&mut self, started: Instant) -> anyhow::Result<()> {
        while timeout(START_LIMIT, wire::open::<W>(self.address))
            .await
            .is_ok_and(|session| session.is_err())
        {
            if let Some(status) = self.child.try_wait()? {
                bail!("ended at once with {status}");
            }
            if started.elapsed() > START_LIMIT {
                break;
            }
            // The event loop's own timer counts whole milliseconds.
            tokio::task::block_in_place(|| std::thread::sleep(START_STEP));
        }
        ensure!(
            started.elapsed() < START_LIMIT,
            "began no session within {} s",
            START_LIMIT.as_secs()
        );
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server under measurement holds nothing that a clean end would save.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Finds an address of the loopback interface that nobody listens on.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Finds a program on the `PATH`.
fn find(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(&file))
        .find(|path| is_program(path))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// How often a server is started before that counts as failed.
const START_ATTEMPTS: usize = 3;
/// How long a server may take to begin its first session.
const START_LIMIT: Duration = Duration::from_secs(20);
/// Time between two attempts at a first session.
const START_STEP: Duration = Duration::from_micros(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_nowhere_is_not_found() {
        assert_eq!(find("no-program-has-this-name"), None);
    }

    #[cfg(unix)]
    #[test]
    fn programs_are_found_on_the_path_or_where_the_user_says() {
        let shell = find("sh").unwrap();
        assert_eq!(Program::of(Peer::Nats, Some(&shell)).unwrap().path, shell);
        assert!(Program::of(Peer::Nats, Some(Path::new("/"))).is_none());
    }
}
