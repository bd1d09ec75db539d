//! Readers who stop reading: what they miss is told to them, nobody else notices, and the memory stays bounded.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use buslane_broker::RunningBroker;
use socket2::{Domain, Socket, Type};

use super::reader::{Reader, Tally, figure, publish, wait_until};
use super::support::http::Connection;
use super::support::{Lines, connect, start};

/// How many readers stop reading.
const READERS: usize = 100;
/// How many messages come meanwhile, and how long they are.
const MESSAGES: u64 = 200;
const LENGTH: usize = 20_000;
/// What the broker may account for.
const MEMORY: usize = 48 << 20;

fn broker() -> RunningBroker {
    start(|config| {
        config.limits.outbox = 128 << 10;
        config.limits.memory = MEMORY;
        // Nobody is given up for reading nothing, however long the test takes.
        config.limits.gone_after = Duration::from_secs(3_600);
    })
}

/// Opens a feed over a connection for which the system keeps little.
fn open(broker: &RunningBroker, query: &str) -> Reader {
    let address: SocketAddr = connect(broker).peer_addr().unwrap();
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    socket.connect(&address.into()).unwrap();
    let stream: TcpStream = socket.into();
    stream.set_read_timeout(Some(super::support::PATIENCE)).unwrap();
    let mut connection = Connection::open(broker);
    connection.stream = stream;
    Reader::over(connection, query, "")
}

/// Has many readers stop reading while messages come.
fn stall(broker: &RunningBroker, readers: usize) -> Vec<Reader> {
    let readers = (0..readers).map(|_| open(broker, "filter=a/b")).collect();
    publish(&mut Lines::join(broker), 0..MESSAGES, LENGTH);
    readers
}

#[test]
fn a_hundred_readers_who_stop_reading_do_not_hold_up_others() {
    let broker = broker();
    let mut reader = Reader::open(&broker, "filter=a/b");
    let _stalled: Vec<_> = (0..READERS).map(|_| open(&broker, "filter=a/b")).collect();
    let mut writer = Lines::join(&broker);
    let mut tally = Tally::default();
    for number in 0..MESSAGES {
        publish(&mut writer, number..=number, LENGTH);
        tally.take(&reader.next());
    }
    assert_eq!((tally.next, tally.missing), (MESSAGES, 0));
}

#[test]
fn a_hundred_readers_who_stop_reading_leave_the_memory_under_its_cap() {
    let broker = broker();
    let stalled = stall(&broker, READERS);
    let (engine, input, feeds) = (
        figure(&broker, "memory_bytes"),
        figure(&broker, "input_bytes"),
        figure(&broker, "http_feed_bytes"),
    );
    assert!(
        engine <= MEMORY as u64 && feeds <= MEMORY as u64 / 8,
        "{engine} {feeds}"
    );
    assert!(
        engine + input + feeds <= MEMORY as u64,
        "{engine} + {input} + {feeds}"
    );
    assert!(feeds > 0, "nothing was remembered: the test measured nothing");
    drop(stalled);
}

#[test]
fn a_hundred_readers_who_read_on_are_told_what_they_missed() {
    let broker = broker();
    for (index, mut reader) in stall(&broker, READERS).into_iter().enumerate() {
        let mut tally = Tally::default();
        while tally.next < MESSAGES {
            tally.take(&reader.next());
        }
        assert_eq!(tally.next, MESSAGES, "reader {index}");
        assert!(
            tally.missing > 0,
            "reader {index} missed nothing: the test wrote too little"
        );
    }
}

#[test]
fn a_reader_who_would_rather_be_disconnected_is() {
    let broker = broker();
    let mut reader = open(&broker, "filter=a/b&overflow=disconnect");
    publish(&mut Lines::join(&broker), 0..MESSAGES, LENGTH);
    let mut tally = Tally::default();
    let error = loop {
        let event = reader.next();
        if event.kind == "error" {
            break event.data;
        }
        tally.take(&event);
    };
    assert_eq!(
        (&error["type"], &error["error"]["code"]),
        (&"error".into(), &"overflow".into())
    );
    assert_eq!(reader.try_next(), None);
    assert!(tally.missing == 0 && tally.next < MESSAGES);
    wait_until("the end of the feed", || figure(&broker, "http_feeds") == 0);
    // What comes later nobody counts any more.
    let mut again = Reader::resume(&broker, "filter=a/b&overflow=disconnect", &reader.last_id);
    assert_eq!(again.expect("gap")["unknown"], true);
}
