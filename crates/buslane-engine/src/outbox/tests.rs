//! Outboxes beside a record of what was put in: what comes out parses to whole messages, in order, with exact gaps.

use std::io::ErrorKind;

use buslane_protocol::{BrokerMessage, Delivery, Filter, Headers, Name, Payload, Topic, binary, json};

use super::*;
use crate::test_random::Random;

const ALL: [Framing; 4] = [
    Framing::Binary,
    Framing::JsonLines,
    Framing::WebSocketBinary,
    Framing::WebSocketText,
];

/// One thing that came out.
#[derive(Clone, Debug, PartialEq)]
enum Out {
    Control(u64),
    Delivery(u64),
    Gap(Gap),
    Ping,
}

fn message(framing: Framing, topic: &str, serial: u64, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let payload = format!("\"{serial} {}\"", "x".repeat(length));
    let delivery = Delivery {
        id: None,
        topic: Topic::parse(topic).unwrap(),
        from: "tester".into(),
        headers: Headers::default(),
        payload: Payload::checked(payload.as_bytes()),
        retained: false,
    };
    framing.encode(&mut bytes, &BrokerMessage::Delivery(delivery));
    bytes
}

fn plain(count: u64, bytes: usize) -> Gap {
    Gap {
        count,
        bytes: bytes as u64,
        ..Gap::default()
    }
}

/// Reads a server's WebSocket message off; returns its opcode byte and payload.
fn websocket(wire: &mut &[u8]) -> (u8, Vec<u8>) {
    let (header, length) = match wire[1] {
        126 => (4, u64::from(u16::from_be_bytes(wire[2..4].try_into().unwrap()))),
        127 => (10, u64::from_be_bytes(wire[2..10].try_into().unwrap())),
        short => (2, u64::from(short)),
    };
    let (message, rest) = wire.split_at(header + length as usize);
    let opcode = wire[0];
    *wire = rest;
    (opcode, message[header..].to_vec())
}

fn read(message: BrokerMessage<'_>) -> Out {
    match message {
        BrokerMessage::Gap(gap) => Out::Gap(gap),
        BrokerMessage::Delivery(delivery) => {
            let text = String::from_utf8(delivery.payload.bytes.to_vec()).unwrap();
            let serial = text.trim_matches('"').split(' ').next().unwrap().parse().unwrap();
            match delivery.topic.as_str() {
                "control" => Out::Control(serial),
                _ => Out::Delivery(serial),
            }
        }
        other => panic!("nobody wrote {other:?}"),
    }
}

fn frames(mut bytes: &[u8], out: &mut Vec<Out>) {
    while !bytes.is_empty() {
        let (frame, rest) = bytes.split_at(Framing::Binary.first(bytes));
        out.push(read(binary::decode_broker(frame).unwrap()));
        bytes = rest;
    }
}

fn parse(framing: Framing, mut wire: &[u8]) -> Vec<Out> {
    let mut out = Vec::new();
    match framing {
        Framing::Binary => frames(wire, &mut out),
        Framing::JsonLines => {
            for line in wire.split_inclusive(|byte| *byte == b'\n') {
                out.push(read(
                    json::decode_broker(line.strip_suffix(b"\n").unwrap()).unwrap(),
                ));
            }
        }
        Framing::WebSocketBinary | Framing::WebSocketText => {
            while !wire.is_empty() {
                match websocket(&mut wire) {
                    (0x89, _) => out.push(Out::Ping),
                    (0x82, run) => frames(&run, &mut out),
                    (0x81, text) => out.push(read(json::decode_broker(&text).unwrap())),
                    other => panic!("nobody wrote {other:?}"),
                }
            }
        }
    }
    out
}

/// An outbox with its pool and what it wrote.
struct Bench {
    framing: Framing,
    pool: BufferPool,
    outbox: Outbox,
    wire: Vec<u8>,
}

impl Bench {
    fn new(framing: Framing) -> Bench {
        Bench {
            framing,
            pool: BufferPool::new(),
            outbox: Outbox::new(framing),
            wire: Vec::new(),
        }
    }

    fn control(&mut self, serial: u64) {
        let bytes = message(self.framing, "control", serial, 10);
        let foretold = self.pool.lent() + self.outbox.control_growth(&self.pool, bytes.len());
        let length = self
            .outbox
            .write_control(&mut self.pool, |buffer| buffer.extend_from_slice(&bytes));
        assert_eq!((length, self.pool.lent()), (bytes.len(), foretold));
    }

    fn push(&mut self, serial: u64, length: usize) -> usize {
        let bytes = message(self.framing, "t", serial, length);
        let foretold = self.pool.lent() + self.outbox.delivery_growth(&self.pool, bytes.len());
        self.outbox.push_delivery(&mut self.pool, &bytes);
        assert_eq!(self.pool.lent(), foretold);
        bytes.len()
    }

    fn share(&mut self, serial: u64, length: usize) -> usize {
        let bytes = message(self.framing, "t", serial, length);
        let frame = self.pool.share(self.framing, &bytes);
        self.outbox.push_shared_delivery(&mut self.pool, frame);
        bytes.len()
    }

    /// Lets the transport take `room` bytes.
    fn take(&mut self, mut room: usize) -> Transmit {
        let wire = &mut self.wire;
        let write = |slices: &[IoSlice<'_>]| {
            assert!(slices.len() <= 16 && slices.iter().all(|slice| !slice.is_empty()));
            if room == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            let before = wire.len();
            for slice in slices {
                let taken = slice.len().min(room);
                wire.extend_from_slice(&slice[..taken]);
                room -= taken;
            }
            Ok(wire.len() - before)
        };
        self.outbox.transmit(&mut self.pool, write).unwrap()
    }

    /// Holds the account against what is there.
    fn check_account(&self) {
        let open = self.outbox.control.open.capacity() + self.outbox.deliveries.open.capacity();
        let backlog = self.outbox.backlog.as_ref().map_or(0, |backlog| backlog.held());
        assert_eq!(self.pool.lent_buffers(), open + backlog);
    }

    /// Writes the rest and reads all that came out.
    fn finish(mut self) -> Vec<Out> {
        assert_eq!(self.take(usize::MAX), Transmit::Empty);
        assert!(self.outbox.is_empty());
        assert_eq!(
            (self.outbox.control_bytes(), self.outbox.delivery_bytes()),
            (0, 0)
        );
        assert_eq!((self.pool.lent(), self.outbox.control.open.capacity()), (0, 0));
        assert!(self.outbox.backlog.is_none());
        parse(self.framing, &self.wire)
    }
}

#[test]
fn an_outbox_is_small_and_holds_nothing_while_empty() {
    assert!(size_of::<Outbox>() <= 96, "{}", size_of::<Outbox>());
    let mut bench = Bench::new(Framing::Binary);
    bench.push(1, 100_000);
    bench.push(2, 10);
    assert_eq!(bench.finish(), [Out::Delivery(1), Out::Delivery(2)]);
}

#[test]
fn control_goes_before_deliveries_but_not_into_a_message() {
    for framing in ALL {
        let mut bench = Bench::new(framing);
        let first = bench.push(1, 100);
        bench.push(2, 100);
        bench.control(10);
        bench.take(message(framing, "control", 10, 10).len() + first / 2);
        bench.control(11);
        let out = bench.finish();
        let expected = match framing {
            // A run of frames is one WebSocket message.
            Framing::WebSocketBinary => [
                Out::Control(10),
                Out::Delivery(1),
                Out::Delivery(2),
                Out::Control(11),
            ],
            _ => [
                Out::Control(10),
                Out::Delivery(1),
                Out::Control(11),
                Out::Delivery(2),
            ],
        };
        assert_eq!(out, expected, "{framing:?}");
    }
}

#[test]
fn the_oldest_give_way_and_leave_one_gap() {
    for framing in ALL {
        let mut bench = Bench::new(framing);
        let length = bench.push(1, 50);
        (2..=9).for_each(|serial| assert_eq!(bench.push(serial, 50), length));
        let limit = 9 * length;
        let dropped = bench.outbox.drop_oldest(&mut bench.pool, length, limit);
        assert_eq!(
            dropped,
            Dropped {
                count: 1,
                bytes: length as u64
            }
        );
        bench.push(10, 49);
        let dropped = bench.outbox.drop_oldest(&mut bench.pool, 2 * length - 1, limit);
        assert_eq!(
            dropped,
            Dropped {
                count: 2,
                bytes: 2 * length as u64
            }
        );
        assert_eq!(
            bench.outbox.drop_oldest(&mut bench.pool, 2 * length, limit),
            Dropped::default()
        );
        let mut expected = vec![Out::Gap(plain(3, 3 * length))];
        expected.extend((4..=10).map(Out::Delivery));
        assert_eq!(bench.finish(), expected, "{framing:?}");
    }
}

#[test]
fn a_message_partly_written_is_never_dropped() {
    for framing in ALL {
        let mut bench = Bench::new(framing);
        let length = bench.push(1, 50);
        bench.take(5);
        for serial in 2..=3 {
            bench.push(serial, 50);
        }
        bench.outbox.drop_oldest(&mut bench.pool, 10 * length, length);
        assert_eq!(bench.outbox.delivery_bytes(), 0);
        assert_eq!(
            bench.finish(),
            [Out::Delivery(1), Out::Gap(plain(2, 2 * length))],
            "{framing:?}"
        );
    }
}

#[test]
fn the_newest_leave_their_gap_where_they_would_have_been() {
    for framing in ALL {
        let mut bench = Bench::new(framing);
        bench.push(1, 10);
        bench.outbox.push_gap(&mut bench.pool, plain(1, 7));
        bench.outbox.push_gap(&mut bench.pool, plain(1, 8));
        bench.push(2, 10);
        bench.outbox.push_gap(&mut bench.pool, plain(1, 9));
        let expected = [
            Out::Delivery(1),
            Out::Gap(plain(2, 15)),
            Out::Delivery(2),
            Out::Gap(plain(1, 9)),
        ];
        assert_eq!(bench.finish(), expected, "{framing:?}");
    }
}

#[test]
fn gaps_of_different_subscriptions_stay_apart() {
    let mut bench = Bench::new(Framing::Binary);
    let filter = Some(Filter::parse("t/+").unwrap());
    let labelled = |count| Gap {
        filter: filter.clone(),
        ..plain(count, 0)
    };
    bench.push(1, 10);
    for gap in [plain(1, 5), labelled(2), plain(3, 5), labelled(4)] {
        bench.outbox.push_gap(&mut bench.pool, gap);
    }
    let length = bench.push(2, 10);
    bench.push(3, 10);
    bench.outbox.drop_oldest(&mut bench.pool, 0, length);
    bench.check_account();
    let expected = [
        Out::Gap(labelled(6)),
        Out::Gap(plain(6, 10 + 2 * length)),
        Out::Delivery(3),
    ];
    assert_eq!(bench.finish(), expected);
}

#[test]
fn a_ping_stands_between_runs_of_frames() {
    for framing in [Framing::WebSocketBinary, Framing::WebSocketText] {
        let mut bench = Bench::new(framing);
        bench.control(1);
        bench.outbox.write_raw_control(&mut bench.pool, &[0x89, 0]);
        bench.control(2);
        assert_eq!(
            bench.finish(),
            [Out::Control(1), Out::Ping, Out::Control(2)],
            "{framing:?}"
        );
    }
}

#[test]
fn frames_of_one_turn_go_out_as_one_websocket_message() {
    let mut bench = Bench::new(Framing::WebSocketBinary);
    for serial in 1..=100 {
        bench.push(serial, 100);
    }
    bench.take(usize::MAX);
    let mut wire = &*bench.wire;
    websocket(&mut wire);
    assert!(wire.is_empty());
}

#[test]
fn a_shared_frame_is_accounted_once_and_given_back_by_the_last() {
    let mut bench = Bench::new(Framing::Binary);
    let mut other = Outbox::new(Framing::Binary);
    let bytes = message(Framing::Binary, "t", 1, 20_000);
    let frame = bench.pool.share(Framing::Binary, &bytes);
    other.push_shared_delivery(&mut bench.pool, frame.clone());
    bench.outbox.push_shared_delivery(&mut bench.pool, frame);
    assert_eq!(bench.pool.lent(), bytes.len());
    assert_eq!(
        (bench.outbox.delivery_bytes(), other.delivery_bytes()),
        (bytes.len(), bytes.len())
    );
    bench.take(100);
    other.clear(&mut bench.pool);
    assert_eq!(bench.pool.lent(), bytes.len());
    assert_eq!(bench.finish(), [Out::Delivery(1)]);
}

#[test]
fn a_failed_write_leaves_everything_in_place() {
    let mut bench = Bench::new(Framing::Binary);
    bench.push(1, 10);
    let mut tries = 0;
    let write = |_: &[IoSlice<'_>]| {
        tries += 1;
        Err(if tries == 1 {
            ErrorKind::Interrupted
        } else {
            ErrorKind::BrokenPipe
        }
        .into())
    };
    assert_eq!(
        bench.outbox.transmit(&mut bench.pool, write).unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
    assert_eq!((tries, bench.finish()), (2, vec![Out::Delivery(1)]));
}

#[test]
fn a_blocked_client_keeps_no_room_that_it_does_not_need() {
    let mut bench = Bench::new(Framing::Binary);
    bench.push(1, 60_000);
    bench.take(usize::MAX);
    bench.push(2, 100);
    assert!(bench.pool.lent() > 60_000);
    bench.take(0);
    assert!(bench.pool.lent() < 500);
    bench.check_account();
    assert_eq!(bench.finish(), [Out::Delivery(1), Out::Delivery(2)]);
}

#[test]
fn gaps_that_drops_have_passed_are_given_back_with_the_rest() {
    let mut bench = Bench::new(Framing::Binary);
    let gap = Gap {
        filter: Some(Filter::parse("a/b").unwrap()),
        ..plain(1, 10)
    };
    bench.outbox.push_gap(&mut bench.pool, gap);
    let bytes = bench.push(1, 100);
    bench.push(2, 100);
    let dropped = bench.outbox.drop_oldest(&mut bench.pool, bytes, bytes);
    assert_eq!(dropped.count, 2);
    bench.outbox.clear(&mut bench.pool);
    assert_eq!(bench.pool.lent(), 0);
}

#[test]
fn a_gap_that_is_cut_takes_no_room_that_was_not_there() {
    for framing in [Framing::Binary, Framing::JsonLines, Framing::WebSocketText] {
        let mut bench = Bench::new(framing);
        let gap = Gap {
            filter: Some(Filter::parse("\"".repeat(512)).unwrap()),
            shared: Some(Name::parse(&"x".repeat(128)).unwrap()),
            ..plain(u64::MAX, usize::MAX)
        };
        bench.outbox.push_gap(&mut bench.pool, gap);
        let before = bench.pool.lent();
        bench.take(1);
        assert!(
            bench.pool.lent() <= before,
            "{framing:?}: {} of {before}",
            bench.pool.lent()
        );
        bench.check_account();
        assert_eq!(bench.finish().len(), 1);
    }
}

#[test]
fn a_message_that_is_cut_takes_no_room_that_was_not_there() {
    for framing in [Framing::Binary, Framing::JsonLines, Framing::WebSocketText] {
        let mut bench = Bench::new(framing);
        let length = bench.push(1, 5_000);
        let serials = 2..10;
        for serial in serials.clone() {
            bench.push(serial, 5_000);
        }
        let before = bench.pool.lent();
        for room in [0, 100, length, 1, length - 1, length] {
            bench.take(room);
            assert!(
                bench.pool.lent() <= before,
                "{framing:?}: {} of {before}",
                bench.pool.lent()
            );
            bench.check_account();
        }
        assert_eq!(bench.finish().len(), 9);
    }
}

/// Puts in and takes out at random; returns what came out and the length of each delivery by serial, all of which
/// were queued or dropped.
fn run(framing: Framing, seed: u64) -> (Vec<Out>, Vec<usize>, u64) {
    let mut random = Random::new(seed);
    let mut bench = Bench::new(framing);
    let (mut lengths, mut controls, mut labelled) = (Vec::new(), 0, 0);
    let limit = [2_000, 20_000, 300_000][random.below(3) as usize];
    let longest = [50, 500, 30_000][random.below(3) as usize];
    for _ in 0..random.below(600) {
        match random.below(12) {
            0..=6 => deliver(&mut bench, &mut random, &mut lengths, limit, longest),
            7 => {
                bench.control(controls);
                controls += 1;
            }
            8 if random.below(2) == 0 => {
                let filter = Some(Filter::parse(["a", "b"][random.below(2) as usize]).unwrap());
                bench.outbox.push_gap(
                    &mut bench.pool,
                    Gap {
                        filter,
                        ..plain(1, 0)
                    },
                );
                labelled += 1;
            }
            8 if framing == Framing::WebSocketBinary || framing == Framing::WebSocketText => {
                bench.outbox.write_raw_control(&mut bench.pool, &[0x89, 0]);
            }
            9 => {
                bench.take(0);
            }
            _ => {
                let room = random.below(3 * longest) + random.below(limit as u64 / 4);
                bench.take(room as usize);
            }
        }
        bench.check_account();
    }
    let out = bench.finish();
    let found = out.iter().map(|out| match out {
        Out::Gap(gap) if gap.filter.is_some() => gap.count,
        _ => 0,
    });
    assert_eq!(found.sum::<u64>(), labelled, "seed {seed}");
    (out, lengths, controls)
}

fn deliver(bench: &mut Bench, random: &mut Random, lengths: &mut Vec<usize>, limit: usize, longest: u64) {
    let (serial, length) = (lengths.len() as u64, random.below(longest) as usize);
    let bytes = message(bench.framing, "t", serial, length).len();
    lengths.push(bytes);
    if bench.outbox.delivery_bytes() + bytes > limit {
        if random.below(4) == 0 {
            bench.outbox.push_gap(&mut bench.pool, plain(1, bytes));
            return;
        }
        let surplus = bench.outbox.delivery_bytes() + bytes - limit;
        let before = bench.outbox.delivery_bytes();
        let dropped = bench.outbox.drop_oldest(&mut bench.pool, bytes, limit).bytes as usize;
        assert_eq!(bench.outbox.delivery_bytes(), before - dropped);
        assert!(dropped >= surplus.min(before) && dropped < surplus + longest as usize + 500);
    }
    match random.below(5) {
        0 => bench.share(serial, length),
        _ => bench.push(serial, length),
    };
}

#[test]
fn random_runs_lose_nothing_without_a_gap() {
    for seed in 1..=300 {
        let framing = ALL[seed as usize % 4];
        let (out, lengths, controls) = run(framing, seed);
        let written = out.iter().filter_map(|out| match out {
            Out::Control(serial) => Some(*serial),
            _ => None,
        });
        assert!(written.eq(0..controls), "seed {seed}: control");
        let (mut next, mut missing) = (0, plain(0, 0));
        for out in out.iter().chain([&Out::Delivery(lengths.len() as u64)]) {
            match out {
                Out::Gap(gap) if gap.filter.is_none() => {
                    missing = plain(missing.count + gap.count, (missing.bytes + gap.bytes) as usize)
                }
                Out::Delivery(serial) => {
                    let skipped = &lengths[next as usize..*serial as usize];
                    let expected = plain(skipped.len() as u64, skipped.iter().sum());
                    assert_eq!(missing, expected, "seed {seed}: before {serial}");
                    (next, missing) = (*serial + 1, plain(0, 0));
                }
                _ => {}
            }
        }
    }
}
