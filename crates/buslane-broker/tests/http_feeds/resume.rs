//! Readers who lose their connection and come back.

use std::time::Duration;

use serde_json::json;

use super::reader::{Reader, Tally, figure, publish, wait_until};
use super::support::http::{ask, get};
use super::support::{Lines, start};

const QUERY: &str = "filter=a/%23";

/// Numbers that look random, the same for the same seed (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Loses the connection again and again while messages of some length come. Returns how many were told to be missing.
fn play(seed: u64, longest: u64) -> u64 {
    println!("seed {seed}");
    let broker = start(|config| config.limits.outbox = 256 << 10);
    let mut writer = Lines::join(&broker);
    // The first message of a client has to be a short one.
    writer.flush();
    let mut numbers = Numbers(seed);
    let mut tally = Tally::default();
    let mut last_id = Reader::open(&broker, QUERY).lose();
    let mut published = 0;
    for _ in 0..40 {
        let more = numbers.below(12);
        publish(
            &mut writer,
            published..published + more,
            numbers.below(longest) as usize,
        );
        published += more;
        let mut reader = Reader::resume(&broker, QUERY, &last_id);
        let (mut read, most) = (0, numbers.below(3 * longest) as usize);
        while read < most && tally.next < published {
            read += reader.receive();
            reader.take_events().iter().for_each(|event| tally.take(event));
        }
        last_id = reader.last_id;
    }
    let mut reader = Reader::resume(&broker, QUERY, &last_id);
    publish(&mut writer, published..=published, 0);
    while tally.next <= published {
        tally.take(&reader.next());
    }
    assert_eq!(tally.next, published + 1);
    tally.missing
}

#[test]
fn who_comes_back_sees_each_small_message_once() {
    for seed in 0..4 {
        assert_eq!(play(seed, 2_000), 0);
    }
}

#[test]
fn who_comes_back_sees_each_large_message_once_or_a_gap_that_counts_it() {
    let missing: u64 = (100..104).map(|seed| play(seed, 200_000)).sum();
    assert!(missing > 0, "nothing was missed: the messages were too small");
}

#[test]
fn the_id_may_stand_in_the_url() {
    let broker = start(|_| {});
    let id = Reader::open(&broker, QUERY).lose();
    publish(&mut Lines::join(&broker), 0..3, 0);
    let mut reader = Reader::open(&broker, &format!("{QUERY}&last_event_id={id}"));
    let mut tally = Tally::default();
    while tally.next < 3 {
        tally.take(&reader.next());
    }
    assert_eq!(tally.missing, 0);
}

#[test]
fn a_feed_that_nobody_knows_is_a_gap_of_unknown_size() {
    let broker = start(|_| {});
    let unknown = format!("{}-17", "0".repeat(32));
    let mut reader = Reader::resume(&broker, QUERY, &unknown);
    assert_eq!(reader.expect("gap")["unknown"], true);
    let feed = reader.answer.header("buslane-feed").unwrap().to_owned();
    assert_eq!(reader.last_id, format!("{feed}-0"));
    publish(&mut Lines::join(&broker), 0..1, 0);
    assert_eq!(reader.expect("delivery")["payload"]["number"], 0);
}

#[test]
fn a_newer_reader_takes_the_place_of_the_older() {
    let broker = start(|_| {});
    let mut writer = Lines::join(&broker);
    let mut older = Reader::open(&broker, QUERY);
    publish(&mut writer, 0..1, 0);
    older.expect("delivery");
    let mut newer = Reader::resume(&broker, QUERY, &older.last_id);
    assert_eq!(older.try_next(), None);
    publish(&mut writer, 1..2, 0);
    assert_eq!(newer.expect("delivery")["payload"]["number"], 1);
}

#[test]
fn who_comes_back_has_to_want_the_same() {
    let broker = start(|_| {});
    let id = Reader::open(&broker, "filter=a/b&filter=c").lose();
    let header = format!("last-event-id: {id}");
    for query in [
        "filter=a/b",
        "filter=a/b&filter=d",
        "filter=a/b&filter=c&overflow=drop_newest",
        "filter=a/b&filter=c&shared=s",
        "filter=a/b&filter=c&format=cloudevents",
    ] {
        let answer = ask(
            &broker,
            &format!("GET /api/v1/subscribe?{query}"),
            &[&header],
            b"",
        );
        let detail = answer.refused(400, "invalid_message");
        assert!(detail.contains("another filter"), "{detail}");
    }
    // In which order the filters stand does not matter.
    Reader::resume(&broker, "filter=c&filter=a/b&overflow=drop_oldest", &id);
}

#[test]
fn a_place_that_the_feed_never_reached_is_refused() {
    let broker = start(|_| {});
    let id = Reader::open(&broker, QUERY).lose();
    let header = format!("last-event-id: {}1", id.strip_suffix('0').unwrap());
    let answer = ask(
        &broker,
        &format!("GET /api/v1/subscribe?{QUERY}"),
        &[&header],
        b"",
    );
    answer.refused(400, "invalid_id");
}

#[test]
fn feeds_of_readers_who_do_not_come_back_end_with_their_clients() {
    let broker = start(|config| config.limits.feed_linger = Duration::from_millis(20));
    let readers: Vec<_> = (0..5).map(|_| Reader::open(&broker, QUERY)).collect();
    assert_eq!(
        (figure(&broker, "clients"), figure(&broker, "subscriptions")),
        (5, 5)
    );
    drop(readers);
    wait_until("the end of the feeds", || figure(&broker, "clients") == 0);
    assert_eq!(figure(&broker, "subscriptions"), 0);
    assert_eq!(figure(&broker, "http_feeds"), 0);
    assert_eq!(figure(&broker, "http_feed_bytes"), 0);
}

#[test]
fn a_feed_without_a_reader_outlives_its_heartbeats() {
    let broker = start(|config| {
        config.limits.ping_after = Duration::from_millis(5);
        config.limits.gone_after = Duration::from_millis(15);
        config.limits.feed_linger = Duration::from_millis(160);
    });
    let id = Reader::open(&broker, QUERY).lose();
    // A client that is silent for as long as this one is gone before the feed may go.
    let mut silent = Lines::join(&broker);
    silent.send(json!({ "type": "connect", "id": "c", "heartbeat_ms": 5 }));
    silent.expect("connected");
    while silent.try_receive().is_some() {}
    assert_eq!(
        Reader::resume(&broker, QUERY, &id).answer.header("buslane-feed"),
        id.split('-').next()
    );
}

#[test]
fn a_broker_that_ends_does_not_wait_for_readers_who_may_come_back() {
    let broker = start(|config| config.drain = Duration::from_secs(3_600));
    let id = Reader::open(&broker, QUERY).lose();
    publish(&mut Lines::join(&broker), 0..40, 50_000);
    assert!(get(&broker, "/healthz").status == 200 && !id.is_empty());
    broker.stop().unwrap();
}
