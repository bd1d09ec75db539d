//! `buslane demo`: a broker and three small programs, each a client of its own over a real socket, and what flows
//! between them.
//!
//! [`attic`], [`monitor`] and [`watcher`] use the public client only, as anybody's programs would.

mod attic;
mod journal;
mod monitor;
mod readings;
mod watcher;

use std::path::Path;
use std::time::Duration;

use buslane_broker::{Broker, Config, ListenAddress, RunningBroker, StartError};
use buslane_client::Client;
use tokio::task::JoinSet;

use self::journal::{Journal, Notes};
use crate::arguments::DemoArguments;
use crate::failure::Failure;
use crate::output::{FAINT, HEADING, HINT, Output};
use crate::shutdown::Shutdown;

/// Runs the demo until it is told to stop.
pub(crate) async fn run(arguments: &DemoArguments, out: &mut Output) -> Result<(), Failure> {
    let listen = arguments
        .listen
        .parse()
        .map_err(|error| Failure::usage(format_args!("--listen: {error}")))?;
    let mut shutdown = Shutdown::listen()?;
    let broker = start_broker(listen, out)?;
    print_heading(&broker, out)?;
    let (journal, notes) = journal::open();
    let mut programs = Programs::join(&broker.url(), &journal).await?;
    let ended = tokio::select! {
        result = print_notes(notes, out) => result,
        error = programs.failure() => Err(error),
        () = shutdown.requested() => Ok(()),
        () = time_is_up(arguments.time) => Ok(()),
    };
    programs.leave().await;
    broker.stop().map_err(Failure::failed)?;
    ended?;
    out.line("")?;
    out.line("the programs have left the bus, the broker has stopped: the demo has ended")?;
    out.flush()
}

/// Starts the broker, on a free port if the one that is wanted is taken.
fn start_broker(wanted: ListenAddress, out: &mut Output) -> Result<RunningBroker, Failure> {
    let config = Config {
        listen: vec![wanted],
        ..Config::default()
    };
    match Broker::spawn(config) {
        Err(StartError::InUse { address }) => {
            out.line(format_args!(
                "{address} is in use, by another broker perhaps: the demo takes a free port"
            ))?;
            Ok(Broker::spawn(Config::ephemeral())?)
        }
        started => Ok(started?),
    }
}

fn print_heading(broker: &RunningBroker, out: &mut Output) -> Result<(), Failure> {
    let addresses: Vec<String> = broker.local_addresses().iter().map(ToString::to_string).collect();
    let address = addresses.join(", ");
    let heading = format!(
        "buslane {} demo: a broker on {address} and three programs",
        env!("CARGO_PKG_VERSION")
    );
    out.line(out.paint(HEADING, heading).to_string())?;
    for (name, text) in PROGRAMS {
        out.line(format!("  {name:<8} {text}"))?;
    }
    out.line("")?;
    out.line("try it from another terminal:")?;
    if address != buslane_protocol::DEFAULT_ADDRESS {
        out.line(
            format_args!(
                "  {}",
                out.paint(HINT, format_args!("export BUSLANE_URL={}", broker.url()))
            )
            .to_string(),
        )?;
    }
    let program = program_name();
    for arguments in TRY {
        out.line(format_args!("  {}", out.paint(HINT, format_args!("{program} {arguments}"))).to_string())?;
    }
    out.line(out.paint(FAINT, "Ctrl-C ends the demo").to_string())?;
    out.line("")?;
    out.flush()
}

/// Returns what to type to run this program: its name if it is on the `PATH`, else where it is.
fn program_name() -> String {
    let Ok(path) = std::env::current_exe() else {
        return NAME.to_owned();
    };
    let folders = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&folders).any(|folder| path.parent() == Some(&folder)) {
        return NAME.to_owned();
    }
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here)
        .map(|inside| Path::new(".").join(inside))
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The programs on the bus.
struct Programs {
    clients: Vec<Client>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Programs {
    /// Lets each program join with a connection of its own.
    async fn join(url: &str, journal: &Journal) -> Result<Programs, Failure> {
        let connect = |name: &'static str| Client::builder().url(url).name(name).connect();
        let [attic, watcher, monitor] = [
            connect("attic").await,
            connect("watcher").await,
            connect("monitor").await,
        ]
        .map(|it| it.map_err(anyhow::Error::from));
        let (attic, watcher, monitor) = (attic?, watcher?, monitor?);
        let mut tasks = JoinSet::new();
        tasks.spawn(watcher::run(watcher.clone(), journal.of("watcher")));
        attic::register(&attic, journal.of("attic"))
            .await
            .map_err(anyhow::Error::from)?;
        tasks.spawn(monitor::run(monitor.clone(), journal.of("monitor")));
        Ok(Programs {
            clients: vec![monitor, watcher, attic],
            tasks,
        })
    }

    /// Waits until a program fails, which none is expected to.
    async fn failure(&mut self) -> Failure {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => return error.into(),
                Some(Err(error)) => return Failure::failed(error),
                None => std::future::pending().await,
            }
        }
    }

    /// Lets every program leave.
    async fn leave(mut self) {
        self.tasks.shutdown().await;
        for client in &self.clients {
            client.close().await;
        }
    }
}

async fn print_notes(mut notes: Notes, out: &mut Output) -> Result<(), Failure> {
    while let Some(note) = notes.next().await {
        note.print(out)?;
    }
    Ok(())
}

/// Waits for a time, or for ever.
async fn time_is_up(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// The program's name.
const NAME: &str = "buslane";
/// What the programs do.
const PROGRAMS: [(&str, &str); 3] = [
    ("attic", "keeps values: get and set, with a schema each"),
    (
        "monitor",
        "publishes this machine's cpu, memory and load each second",
    ),
    (
        "watcher",
        "sees who comes, hears the monitor, calls the attic, and once sends what breaks a schema",
    ),
];
/// What is worth a try.
const TRY: [&str; 4] = [
    "services",
    "sub 'host/#'",
    r#"request attic:get '{"app":"watcher","key":"cpu"}'"#,
    r#"request attic:get '{"app":"watcher"}'"#,
];
