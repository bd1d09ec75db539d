//! A service as large as services are: five methods with a schema for what they take and one for what they give. Also
//! measures how fast such services are registered, and what each takes.

use std::io;
use std::time::Instant;

use buslane_protocol::{ClientMessage, MethodDeclaration, Name, Register, Registration, Schema, Unregister};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::churn::{self, Round};
use super::contract;
use super::measurement::{Cost, Measured, Target};
use super::process::{CpuTimes, resident_kib};
use super::progress::Progress;
use super::tables::any_id;
use super::wire::{self, Own};

/// A service with schemas of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    number: usize,
}

/// What services with schemas cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registered {
    /// How many were registered.
    pub(crate) services: usize,
    /// Services registered per second.
    pub(crate) rate: f64,
    /// What they cost.
    pub(crate) cost: Cost,
    /// The broker's memory before, in KiB.
    pub(crate) resident_before: Option<u64>,
    /// The broker's memory while all are there, in KiB.
    pub(crate) resident_after: Option<u64>,
}

impl Service {
    /// Makes a service; no two numbers have a schema in common.
    pub(crate) fn new(number: usize) -> Service {
        Service { number }
    }

    /// Returns the message that registers it.
    pub(crate) fn register(&self) -> ClientMessage<'static> {
        ClientMessage::Register(Box::new(Register {
            id: None,
            resume: None,
            registration: self.registration(),
        }))
    }

    /// Returns the message that unregisters it.
    pub(crate) fn unregister(&self) -> ClientMessage<'static> {
        ClientMessage::Unregister(Unregister {
            id: Some(any_id()),
            name: self.name(),
            instance: None,
            drain: false,
        })
    }

    fn name(&self) -> Name {
        name(&format!("service-{}", self.number))
    }

    fn registration(&self) -> Registration {
        let method = |index: usize| {
            let declaration = MethodDeclaration {
                input: Some(self.schema(contract::LARGE.schema, index)),
                output: Some(self.schema(contract::SMALL.schema, index)),
                ..MethodDeclaration::default()
            };
            (name(&format!("method-{index}")), declaration)
        };
        Registration {
            name: self.name(),
            version: "1.0.0".into(),
            instance: None,
            groups: Vec::new(),
            methods: (0..METHODS).map(method).collect(),
            topics: Default::default(),
            schemas: Default::default(),
            meta: None,
        }
    }

    /// Makes a schema of one text that no other is equal to, without white space, as programs write them.
    fn schema(&self, text: &str, method: usize) -> Schema {
        let mut schema: serde_json::Value = serde_json::from_str(text).expect("the schema is JSON");
        schema["title"] = format!("{}.{method}", self.number).into();
        Schema::parse(schema.to_string()).expect("the schema is JSON")
    }
}

/// Registers services over several connections and looks at the broker's memory.
pub(crate) async fn measure<W: Own>(
    target: Target,
    services: usize,
    progress: &Progress,
) -> io::Result<Registered> {
    let mut sockets = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        sockets.push(wire::open::<W>(target.address).await?);
    }
    let rounds: Vec<Vec<Round>> = (0..CONNECTIONS)
        .map(|first| rounds::<W>((first..services).step_by(CONNECTIONS)))
        .collect();
    let resident_before = target.pid.and_then(resident_kib);
    progress.show(format_args!("{services} services"));
    let (start, times) = (Instant::now(), CpuTimes::read(target.pid));
    let open = register_all::<W>(sockets.into_iter().zip(rounds)).await?;
    let measured = Measured {
        operations: services as u64,
        seconds: start.elapsed().as_secs_f64(),
        load: CpuTimes::read(target.pid).since(&times),
    };
    let resident_after = target.pid.and_then(resident_kib);
    drop(open);
    Ok(Registered {
        services,
        rate: measured.rate(),
        cost: measured.cost(),
        resident_before,
        resident_after,
    })
}

async fn register_all<W: Own>(
    work: impl Iterator<Item = (TcpStream, Vec<Round>)>,
) -> io::Result<Vec<TcpStream>> {
    let mut workers = JoinSet::new();
    for (mut socket, rounds) in work {
        workers.spawn(async move {
            churn::send::<W>(&mut socket, &rounds).await?;
            io::Result::Ok(socket)
        });
    }
    let mut open = Vec::new();
    while let Some(socket) = workers.join_next().await {
        open.push(socket.map_err(io::Error::other)??);
    }
    Ok(open)
}

/// Makes the messages that register some services, a few at a time.
fn rounds<W: Own>(numbers: impl Iterator<Item = usize>) -> Vec<Round> {
    let numbers: Vec<usize> = numbers.collect();
    let round = |numbers: &[usize]| {
        let mut round = Round::default();
        for number in numbers {
            round.push(|out| W::push(out, &Service::new(*number).register()), 1, 1);
        }
        round
    };
    numbers.chunks(TOGETHER).map(round).collect()
}

impl Registered {
    /// Returns the broker's memory per service, in KiB.
    pub(crate) fn kib_per_service(&self) -> Option<f64> {
        Some((self.resident_after? as f64 - self.resident_before? as f64) / self.services.max(1) as f64)
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a benchmark's name is a name")
}

/// Methods of a service, with two schemas each.
const METHODS: usize = 5;
/// Schemas of a service.
pub(crate) const SCHEMAS: usize = 2 * METHODS;
/// Connections that register.
const CONNECTIONS: usize = 8;
/// Registrations that a connection sends before the first is confirmed.
const TOGETHER: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_a_sound_registration_with_schemas_of_its_own() {
        let [one, two] = [1, 2].map(|number| Service::new(number).registration());
        assert_eq!(one.check(&buslane_protocol::Limits::default()), Ok(()));
        let texts: std::collections::BTreeSet<String> = [one, two]
            .iter()
            .flat_map(|registration| registration.methods.values())
            .flat_map(|method| [&method.input, &method.output])
            .map(|schema| serde_json::to_string(schema).unwrap())
            .collect();
        assert_eq!(texts.len(), 2 * SCHEMAS);
    }
}
