//! Measures the Rust client of Buslane beside async-nats: each with its own server, in turns, in one run. Prints one
//! JSON object a row, with the ratio above 1 where ours is better.
//!
//! ```text
//! cargo run --release -- --broker ../../../target/release/buslane
//! ```

mod bus;
mod report;
mod rows;
mod servers;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};

use bus::{Bus, Ours, Theirs};
use report::Spread;
use rows::Row;
use servers::{Responder, Server};

/// Measures the Rust client of Buslane beside async-nats.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The program of our broker
    #[arg(long, default_value = "buslane")]
    broker: PathBuf,
    /// The program of theirs
    #[arg(long, default_value = "nats-server")]
    peer: PathBuf,
    /// Turns of each side
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure only this row
    #[arg(long)]
    row: Vec<Row>,
    /// Measure only on this kind of runtime
    #[arg(long)]
    runtime: Vec<Kind>,
    /// Have our connection live on a thread of its own
    #[arg(long)]
    own_thread: bool,
    /// Measure only ours, for a profiler
    #[arg(long)]
    alone: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers requests until it is ended
    #[command(hide = true)]
    Serve { side: Side, url: String },
}

/// Whose client.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Side {
    Ours,
    Theirs,
}

/// The runtime that the measured client runs on.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// One thread runs everything
    Current,
    /// A thread for each core
    Multi,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(Command::Serve { side, url }) = arguments.command {
        return Kind::Current.runtime()?.block_on(async {
            match side {
                Side::Ours => servers::answer::<Ours>(&url).await,
                Side::Theirs => servers::answer::<Theirs>(&url).await,
            }
        });
    }
    let ours = Server::start_ours(&arguments.broker)?;
    let theirs = Server::start_theirs(&arguments.peer)?;
    let _responders = (
        Responder::start(Side::Ours, &ours.url)?,
        Responder::start(Side::Theirs, &theirs.url)?,
    );
    let kinds = if arguments.runtime.is_empty() {
        &[Kind::Current, Kind::Multi]
    } else {
        &*arguments.runtime
    };
    let rows = if arguments.row.is_empty() {
        Row::value_variants()
    } else {
        &*arguments.row
    };
    for kind in kinds {
        for row in rows {
            measure(&arguments, *kind, *row, (&ours.url, &theirs.url))?;
        }
    }
    Ok(())
}

fn measure(arguments: &Arguments, kind: Kind, row: Row, (ours, theirs): (&str, &str)) -> anyhow::Result<()> {
    let mut spread = Spread::new(row, kind);
    for _ in 0..arguments.rounds {
        let one = turn::<Ours>(kind, row, ours, arguments.own_thread)?;
        let other = if arguments.alone {
            one
        } else {
            turn::<Theirs>(kind, row, theirs, false)?
        };
        spread.add(one, other);
    }
    println!("{}", serde_json::to_string(&spread.outcome())?);
    Ok(())
}

/// Measures one side once, with a client and a runtime of its own.
fn turn<B: Bus>(kind: Kind, row: Row, url: &str, own_thread: bool) -> anyhow::Result<rows::Sample> {
    let runtime = kind.runtime()?;
    // Programs run in tasks; what `block_on` runs is on a thread that is no worker.
    let url = url.to_owned();
    let measured = runtime.block_on(async move {
        tokio::spawn(async move {
            let bus = B::connect(&url, own_thread).await?;
            row.run(&bus).await
        })
        .await
    });
    measured.context("the measured task panicked")?
}

impl Kind {
    fn runtime(self) -> std::io::Result<tokio::runtime::Runtime> {
        let mut builder = match self {
            Kind::Current => tokio::runtime::Builder::new_current_thread(),
            Kind::Multi => tokio::runtime::Builder::new_multi_thread(),
        };
        builder.enable_all().build()
    }
}
