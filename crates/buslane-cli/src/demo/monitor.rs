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
    let topics = Topics {
        cpu: format!("{host}/cpu"),
        memory: format!("{host}/memory"),
        load: format!("{host}/load"),
    };
    let mut machine = Machine::new();
    let latest = Arc::new(Mutex::new(machine.read()));
    register(&bus, &topics, Arc::clone(&latest)).await?;
    journal.note(
        "publishes",
        format_args!("{host}/#"),
        "cpu, memory and load, each second",
    );
    let mut seconds = interval_at(Instant::now() + Machine::SETTLING, PERIOD);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let readings = machine.read();
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = readings;
        bus.publish(&topics.cpu, &readings.cpu).await?;
        bus.publish(&topics.memory, &readings.memory).await?;
        bus.publish(&topics.load, &readings.load).await?;
    }
}

/// Where the readings are published.
struct Topics {
    cpu: String,
    memory: String,
    load: String,
}

async fn register(bus: &Client, topics: &Topics, latest: Arc<Mutex<Readings>>) -> anyhow::Result<()> {
    let cpu = TopicContract::new(&topics.cpu).schema_of::<Cpu>();
    let memory = TopicContract::new(&topics.memory).schema_of::<Memory>();
    let load = TopicContract::new(&topics.load).schema_of::<Load>();
    bus.service("monitor", "1.0.0")
        .method("read", |_: Option<()>, _context| async move {
            Ok::<_, ServiceError>(copy(&latest))
        })
        .output_schema_of::<Readings>("read")
        .description("read", "Tells the last readings.")
        .topic(cpu.description("How busy the processors are."))
        .topic(memory.description("How full the memory is."))
        .topic(load.description("How many programs want to run."))
        .register()
        .await?;
    Ok(())
}

fn copy(latest: &Mutex<Readings>) -> Readings {
    *latest.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often readings are published.
const PERIOD: Duration = Duration::from_secs(1);
