//! Runs the real binary: brokers and commands as child processes that end with the test. Waits for lines, never for
//! time.

// Each test file uses a part of it.
#![allow(dead_code, reason = "shared by several test files")]

pub(crate) mod impostor;
pub(crate) mod service;
#[cfg(unix)]
pub(crate) mod terminal;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// What a command that has ended left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    /// The signal that ended it, where there are signals.
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Asserts the exit code and returns what went to stdout.
    #[track_caller]
    pub(crate) fn succeeds(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Asserts the exit code and that nothing went to stdout, and returns what went to stderr.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:?}");
        self.stderr
    }
}

/// Runs a command to its end, without a broker's URL in its environment.
pub(crate) fn buslane(arguments: &[&str]) -> Outcome {
    buslane_with_input(arguments, "")
}

/// Runs a command to its end with something to read on stdin.
pub(crate) fn buslane_with_input(arguments: &[&str], input: &str) -> Outcome {
    let mut process = Process::start(arguments);
    process
        .stdin()
        .write_all(input.as_bytes())
        .expect("the command reads its stdin");
    process.outcome()
}

/// A command that runs.
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines,
    stderr: Lines,
}

impl Process {
    /// Starts a command.
    pub(crate) fn start(arguments: &[&str]) -> Process {
        Process::spawn(command(arguments))
    }

    /// Starts a prepared command.
    pub(crate) fn spawn(mut command: Command) -> Process {
        command.stdout(Stdio::piped());
        let mut process = Process::spawn_with_stdout(command, std::io::empty());
        let stdout = process.child.stdout.take().expect("stdout is piped");
        process.stdout = Lines::of(stdout);
        process
    }

    /// Starts a command whose stdout is prepared, and can be read elsewhere.
    pub(crate) fn spawn_with_stdout(mut command: Command, stdout: impl Read + Send + 'static) -> Process {
        let mut child = command
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        // The command holds what its output goes to; this process must not, or it would never end.
        drop(command);
        let stdin = child.stdin.take();
        let stdout = Lines::of(stdout);
        let stderr = Lines::of(child.stderr.take().expect("stderr is piped"));
        Process {
            child,
            stdin,
            stdout,
            stderr,
        }
    }

    /// Returns the id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the command's stdin.
    pub(crate) fn stdin(&mut self) -> &mut ChildStdin {
        self.stdin.as_mut().expect("stdin is open")
    }

    /// Waits for the next line on stdout.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        self.stdout.next().expect("a line on stdout")
    }

    /// Waits for a line on stdout that holds a text, over all others.
    #[track_caller]
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        loop {
            let line = self.stdout.next();
            match line {
                Some(line) if line.contains(text) => return line,
                Some(_) => {}
                None => panic!(
                    "stdout ended before a line with {text:?}; stderr: {}",
                    self.stderr.rest()
                ),
            }
        }
    }

    /// Waits for a line on stderr that holds a text, over all others.
    #[track_caller]
    pub(crate) fn error_line_with(&mut self, text: &str) -> String {
        loop {
            let line = self.stderr.next();
            if line.as_ref().is_none_or(|line| line.contains(text)) {
                return line.unwrap_or_else(|| panic!("stderr ended before a line with {text:?}"));
            }
        }
    }

    /// Asks the command to end, as a service manager does.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Asks the command to end, as Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    /// Keeps the command from running.
    #[cfg(unix)]
    pub(crate) fn stop(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Lets the command run again.
    #[cfg(unix)]
    pub(crate) fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the process is there");
    }

    /// Closes the pipe that the command writes its output to.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout = Lines::of(std::io::empty());
    }

    /// Waits until the command has ended.
    pub(crate) fn outcome(mut self) -> Outcome {
        drop(self.stdin.take());
        let (stdout, stderr) = (self.stdout.rest(), self.stderr.rest());
        let status: ExitStatus = self.child.wait().expect("the process is ours");
        Outcome {
            code: status.code(),
            signal: signal(status),
            stdout,
            stderr,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// A broker on a free port.
pub(crate) struct Broker {
    pub(crate) process: Process,
    pub(crate) address: String,
}

impl Broker {
    /// Starts a broker and waits until it listens.
    pub(crate) fn start() -> Broker {
        Broker::start_at("127.0.0.1:0")
    }

    /// Starts a broker at an address and waits until it listens.
    pub(crate) fn start_at(address: &str) -> Broker {
        let mut process = Process::start(&["serve", "--listen", address]);
        let line = process.line_with("listening on");
        let address = line
            .rsplit(' ')
            .next()
            .expect("the line ends with the address")
            .to_owned();
        Broker { process, address }
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        format!("buslane://{}", self.address)
    }

    /// Starts a command that finds the broker by its environment.
    pub(crate) fn start_command(&self, arguments: &[&str]) -> Process {
        let mut command = command(arguments);
        command.env("BUSLANE_URL", self.url());
        Process::spawn(command)
    }

    /// Runs a command that finds the broker by its environment to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.start_command(arguments).outcome()
    }
}

/// Prepares a command in an environment without the variables that it heeds.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_buslane"));
    command.args(arguments);
    command
}

/// Prepares a program in an environment without what commands heed: this project's variables, and those of colours.
pub(crate) fn program(name: &str) -> Command {
    let mut program = Command::new(name);
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_string_lossy().starts_with("BUSLANE_")) {
        program.env_remove(name);
    }
    for name in COLOUR_VARIABLES {
        program.env_remove(name);
    }
    program
}

/// The lines of a pipe, read by a thread so that a test can give up.
struct Lines(Receiver<String>);

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Lines {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Lines(receiver)
    }

    fn next(&mut self) -> Option<String> {
        match self.0.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing came for {PATIENCE:?}"),
        }
    }

    fn rest(&mut self) -> String {
        std::iter::from_fn(|| self.next())
            .map(|line| line + "\n")
            .collect()
    }
}

/// How long silence lasts before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The variables by which an environment, that of a CI service among them, turns colours on and off.
const COLOUR_VARIABLES: [&str; 6] = [
    "CI",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLORTERM",
    "NO_COLOR",
    "TERM",
];
