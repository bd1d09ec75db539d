//! A host monitor: publishes what this machine is doing each second, and tells it when asked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use buslane_client::{Client, ServiceError, TopicContract};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::journal::Journal;
use super::readings::{Cpu, Load, Machine, Memory, Readings};

/// Registers the monitor with the contracts of its topics, then publishes until the client is closed.
pub(crate) async fn run(bus: Client, journal: Journal) -> anyhow::Result<()> {
    let host = format!("host/{}", Machine::host_name());
    let (cpu, memory, load) = (
        format!("{host}/cpu"),
        format!("{host}/memory"),
        format!("{host}/load"),
    );
    let mut machine = Machine::new();
    let latest = Arc::new(Mutex::new(machine.read()));
    let asked = latest.clone();
    bus.service("monitor", "1.0.0")
        .method("read", |_: Option<()>, _context| async move {
            Ok::<_, ServiceError>(copy(&asked))
        })
        .output_schema_of::<Readings>("read")
        .description("read", "Tells the last readings.")
        .topic(
            TopicContract::new(&cpu)
                .schema_of::<Cpu>()
                .description("How busy the processors are."),
        )
        .topic(
            TopicContract::new(&memory)
                .schema_of::<Memory>()
                .description("How full the memory is."),
        )
        .topic(
            TopicContract::new(&load)
                .schema_of::<Load>()
                .description("How many programs want to run."),
        )
        .register()
        .await?;
    journal.note(
        "publishes",
        format_args!("{host}/#"),
        "cpu, memory and load, each second",
    );

    let mut seconds = interval_at(Instant::now() + Machine::SETTLING, Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let readings = machine.read();
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = readings;
        bus.publish(&cpu, &readings.cpu).await?;
        bus.publish(&memory, &readings.memory).await?;
        bus.publish(&load, &readings.load).await?;
    }
}

fn copy(latest: &Mutex<Readings>) -> Readings {
    *latest.lock().unwrap_or_else(PoisonError::into_inner)
}
