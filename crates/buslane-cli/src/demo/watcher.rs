//! A watcher: sees programs come and go, hears the monitor, leaves what it heard in the attic, and once sends what
//! breaks a contract.

use buslane_client::{Client, Instance, Message, PresenceEvent, Problem, RequestError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::attic::{Found, Get, Set};
use super::journal::Journal;

/// Watches until the client is closed.
pub(crate) async fn run(bus: Client, journal: Journal) -> anyhow::Result<()> {
    let mut presence = bus.presence().await?;
    let mut readings = bus.subscribe("host/#").await?;
    let mut watcher = Watcher {
        bus,
        journal,
        attic_is_there: false,
        readings: 0,
    };
    loop {
        tokio::select! {
            Some(event) = presence.next() => watcher.see(event),
            Some(reading) = readings.next() => watcher.hear(&reading).await?,
            else => return Ok(()),
        }
    }
}

struct Watcher {
    bus: Client,
    journal: Journal,
    attic_is_there: bool,
    /// Readings of the processors so far.
    readings: u64,
}

impl Watcher {
    /// Takes note of a program that comes or goes.
    fn see(&mut self, event: PresenceEvent) {
        match event {
            PresenceEvent::Connect(one) => self.journal.note("joined", &one.service, shown_instance(&one)),
            PresenceEvent::Disconnect(one) => self.journal.note("left", &one.service, shown_instance(&one)),
            PresenceEvent::Online { service, .. } if service == "attic" => self.attic_is_there = true,
            PresenceEvent::Offline { service } if service == "attic" => self.attic_is_there = false,
            _ => {}
        }
    }

    /// Takes note of a reading, and keeps one of the processors now and then.
    async fn hear(&mut self, reading: &Message) -> anyhow::Result<()> {
        self.journal.note("hears", reading.topic(), reading.payload());
        if reading.topic().ends_with("/cpu") && self.attic_is_there {
            self.readings += 1;
            if self.readings % READINGS_FOR_ONE_KEPT == 1 {
                self.keep(reading.json()?).await;
            }
            if self.readings == 1 {
                self.break_a_contract().await;
            }
        }
        Ok(())
    }

    /// Leaves a value in the attic and looks whether it is there.
    async fn keep(&self, value: Value) {
        let (app, key) = ("watcher".to_owned(), "cpu".to_owned());
        let set = Set {
            app: app.clone(),
            key: key.clone(),
            value,
        };
        self.call::<Option<Found>>("attic:set", &set).await;
        self.call::<Found>("attic:get", &Get { app, key }).await;
    }

    /// Leaves out what the schema of `get` requires. The broker refuses it before the attic sees it.
    async fn break_a_contract(&self) {
        self.call::<Found>("attic:get", &json!({ "app": "watcher" }))
            .await;
    }

    /// Calls a method and takes note of what comes back.
    async fn call<T: DeserializeOwned + Serialize>(&self, address: &str, input: &impl Serialize) {
        self.journal.note("calls", address, shown(input));
        match self.bus.request::<T>(address, input).await {
            Ok(reply) => self.journal.note("gets", address, shown(&reply)),
            Err(RequestError::SchemaViolation(problem)) => {
                self.journal.note_error("refused", address, violation(&problem));
            }
            Err(error) => self.journal.note_error("fails", address, error),
        }
    }
}

fn shown_instance(one: &Instance) -> String {
    format!("version {}, instance {}", one.version, one.instance)
}

/// Writes a value as JSON, for people.
fn shown(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

/// Says what broke a contract, and where.
fn violation(problem: &Problem) -> String {
    let pointer = problem
        .pointer
        .as_deref()
        .filter(|pointer| !pointer.is_empty())
        .unwrap_or("/");
    let detail = problem.detail.as_deref().unwrap_or_default();
    format!("{}\nat {pointer}  {detail}  ({})", problem.title, problem.code)
}

/// Of so many readings of the processors the first is kept.
const READINGS_FOR_ONE_KEPT: u64 = 5;
