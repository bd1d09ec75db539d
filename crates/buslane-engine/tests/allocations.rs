//! The hot paths allocate nothing per message, once their buffers have grown.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use buslane_engine::{ClientId, Config, Engine, Peer, Principal};
use buslane_protocol::{
    ClientMessage, Deadline, Framing, Headers, Id, Instant, Name, Payload, Publish, Register, Registration,
    Reply, Request, Retain, Subscribe, Targets, Topic,
};

fn open(engine: &mut Engine, framing: Framing) -> ClientId {
    let (principal, address) = (Principal::anonymous(), String::new());
    let id = engine
        .open(
            Instant::ZERO,
            Peer {
                framing,
                principal,
                loopback: true,
                address,
            },
        )
        .unwrap();
    let _ = engine.handle(Instant::ZERO, id, ClientMessage::Ping(None));
    id
}

/// Writes everything out and takes every output, as a driver does after a batch.
fn flush(engine: &mut Engine, now: Instant) {
    while let Some(id) = engine.poll_dirty() {
        engine
            .transmit(now, id, |slices| Ok(slices.iter().map(|slice| slice.len()).sum()))
            .unwrap();
    }
    while engine.poll_output().is_some() {}
}

fn engine() -> Engine {
    Engine::new(Config::new(Name::parse("here").unwrap(), [7; 32]))
}

fn subscribe(engine: &mut Engine, id: ClientId, filter: &str) {
    let subscribe: Subscribe = serde_json::from_value(serde_json::json!({ "filter": filter })).unwrap();
    let _ = engine.handle(Instant::ZERO, id, ClientMessage::Subscribe(subscribe));
}

fn count(mut step: impl FnMut()) -> u64 {
    (0..1_000).for_each(|_| step());
    allocation_counter::measure(|| (0..1_000).for_each(|_| step())).count_total
}

#[test]
fn a_publish_from_binary_to_binary_allocates_nothing() {
    let mut engine = engine();
    let publisher = open(&mut engine, Framing::Binary);
    for filter in ["host/+/cpu", "host/a/cpu", "#"] {
        let id = open(&mut engine, Framing::Binary);
        subscribe(&mut engine, id, filter);
    }
    flush(&mut engine, Instant::ZERO);
    let mut micros = 0;
    let allocations = count(|| {
        micros += 10;
        let now = Instant::from_micros(micros);
        for _ in 0..8 {
            let publish = Publish {
                id: None,
                topic: Topic::parse("host/a/cpu").unwrap(),
                headers: Headers::default(),
                payload: Payload::json(&b"{\"load\":0.5}"[..]),
                ack: false,
                retain: Retain::Keep,
                retain_ms: None,
                exclude_self: false,
            };
            engine.touch(now, publisher);
            let _ = engine.handle(now, publisher, ClientMessage::Publish(publish));
        }
        flush(&mut engine, now);
    });
    assert_eq!(allocations, 0);
    assert_eq!(engine.counters().deliveries, 2_000 * 8 * 3);
}

#[test]
fn a_request_and_its_reply_between_binary_clients_allocate_nothing() {
    let mut engine = engine();
    let (caller, callee) = (
        open(&mut engine, Framing::Binary),
        open(&mut engine, Framing::Binary),
    );
    let registration: Registration =
        serde_json::from_value(serde_json::json!({ "name": "attic", "version": "1", "methods": ["get"] }))
            .unwrap();
    let register = Register {
        id: None,
        resume: None,
        registration,
    };
    let _ = engine.handle(Instant::ZERO, callee, ClientMessage::Register(Box::new(register)));
    flush(&mut engine, Instant::ZERO);
    let (mut delivery, mut micros) = (0, 0);
    let allocations = count(|| {
        micros += 100;
        let now = Instant::from_micros(micros);
        for number in 0..8_u8 {
            let request = Request {
                id: Id::from_bytes(&[b'a' + number]).unwrap(),
                to: Targets::One(buslane_protocol::Address::parse("attic:get").unwrap()),
                headers: Headers::default(),
                payload: Payload::json(&b"1"[..]),
                deadline: Deadline::Default,
                stream: false,
                credit: 0,
            };
            let _ = engine.handle(now, caller, ClientMessage::Request(request));
        }
        flush(&mut engine, now);
        for _ in 0..8 {
            delivery += 1;
            let reply = Reply {
                delivery,
                headers: Headers::default(),
                payload: Payload::json(&b"2"[..]),
            };
            let _ = engine.handle(now, callee, ClientMessage::Reply(reply));
        }
        flush(&mut engine, now);
    });
    assert_eq!(allocations, 0);
    assert_eq!(engine.counters().replied, 16_000);
}
