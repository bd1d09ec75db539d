//! Floods: what they are refused, and that they cost the broker no more than it may take.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::net::sockopt::set_socket_linger;
use serde_json::json;

use crate::child::{Bystander, Child, Client, need_files};

/// Sends lines and reads one answer to each; returns how many were of a kind.
fn flood(client: &mut Client, kind: &str, lines: impl Iterator<Item = String>) -> usize {
    let lines: Vec<_> = lines.collect();
    let mut counted = 0;
    for batch in lines.chunks(100) {
        client
            .stream
            .write_all(batch.concat().as_bytes())
            .expect("the broker reads");
        counted += batch.iter().filter(|_| client.answer() == kind).count();
    }
    counted
}

#[test]
fn ten_thousand_connections_that_say_nothing_are_held_and_weigh_little() {
    const SILENT: usize = 10_000;
    need_files(SILENT as u64 + 200);
    let child = Child::start(64);
    let bystander = Bystander::join(&child);
    let silent: Vec<TcpStream> = (0..SILENT).map(|_| child.connect()).collect();
    // They, two bystanders, and whoever looks.
    child.wait_for("sockets", SILENT as f64 + 3.0);
    assert_eq!(child.figure("sockets_turned_away_total"), 0.0);
    child.check_memory();
    bystander.ends_well();
    drop(silent);
    child.wait_for("sockets", 1.0);
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let child = Child::start(16);
    let bystander = Bystander::join(&child);
    let before = child.figure("sockets_accepted_total");
    for number in 0..3_000 {
        let mut stream = child.connect();
        if number % 3 == 0 {
            stream
                .write_all(b"{\"type\":\"ping\"}\n")
                .expect("the broker reads");
        } else if number % 3 == 1 {
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\n")
                .expect("the broker reads");
        }
        // Reset, not closed: nobody's ports run out.
        set_socket_linger(&stream, Some(std::time::Duration::ZERO)).expect("a socket can be told");
    }
    bystander.ends_well();
    child.wait_for("sockets", 1.0);
    assert!(child.figure("sockets_accepted_total") - before >= 3_000.0);
    child.check_memory();
}

#[test]
fn heads_of_requests_without_end_are_refused_beyond_their_part() {
    let child = Child::start(16);
    let bystander = Bystander::join(&child);
    let head = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(8_000));
    let mut begun: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = child.connect();
            stream.write_all(head.as_bytes()).expect("the broker reads");
            stream
        })
        .collect();
    // A quarter of the memory holds 128 of them.
    let mut answer = String::new();
    begun[199]
        .read_to_string(&mut answer)
        .expect("the broker answers");
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("memory_full"),
        "{answer}"
    );
    drop(begun);
    child.wait_for("http_requests_total{route=\"not_heard\",status=\"5xx\"}", 72.0);
    child.check_memory();
    bystander.ends_well();
}

#[test]
fn subscriptions_without_end_are_refused_beyond_their_number() {
    let child = Child::start(16);
    let bystander = Bystander::join(&child);
    let mut client = child.join();
    let lines = (0..10_100)
        .map(|number| format!("{{\"type\":\"subscribe\",\"id\":\"1\",\"filter\":\"f/{number}/+\"}}\n"));
    assert_eq!(flood(&mut client, "subscribed", lines), 10_000);
    assert_eq!(
        child.figure("refused_total{code=\"too_many_subscriptions\"}"),
        100.0
    );
    child.check_memory();
    drop(client);
    bystander.ends_well();
    child.wait_for("subscriptions", 0.0);
}

#[test]
fn wildcards_that_explode_are_bounded_for_each_publish() {
    // A topic of thirteen levels is held against 1,092 beginnings of these filters.
    const LEVELS: usize = 12;
    let child = Child::start_with(32, &[("BUSLANE_LIMITS_MATCHES", "1000")]);
    let bystander = Bystander::join(&child);
    let mut client = child.join();
    let wild = (0_u32..1 << LEVELS).filter(|wild| wild.count_ones() <= 3);
    let filters = wild.map(|wild| {
        let level = |bit: usize| if wild >> bit & 1 == 0 { "a" } else { "+" };
        let levels: Vec<_> = (0..LEVELS).map(level).collect();
        format!(
            "{{\"type\":\"subscribe\",\"id\":\"1\",\"filter\":\"{}/#\"}}\n",
            levels.join("/")
        )
    });
    assert_eq!(flood(&mut client, "subscribed", filters), 299);
    let mut publisher = child.join();
    let publishes = |beginning: String| {
        (0..500).map(move |number| {
            format!("{{\"type\":\"publish\",\"id\":\"1\",\"topic\":\"{beginning}{number}\",\"payload\":1,\"ack\":true}}\n")
        })
    };
    let bomb = publishes("a/".repeat(LEVELS));
    assert_eq!(flood(&mut publisher, "match_limit", bomb), 500);
    assert_eq!(child.figure("refused_total{code=\"match_limit\"}"), 500.0);
    let others = publishes("calm/".to_owned());
    assert_eq!(flood(&mut publisher, "ack", others), 500);
    child.check_memory();
    bystander.ends_well();
}

#[test]
fn retained_values_without_end_are_refused_beyond_their_part() {
    let child = Child::start(16);
    let bystander = Bystander::join(&child);
    let mut client = child.join();
    let payload = "x".repeat(4_000);
    let lines = (0..3_000).map(|number| {
        format!(
            "{{\"type\":\"publish\",\"id\":\"1\",\"topic\":\"r/{number}\",\"payload\":\"{payload}\",\"retain\":\"set\",\"ack\":true}}\n"
        )
    });
    let taken = flood(&mut client, "ack", lines);
    assert!(
        taken > 500 && taken < 1_050,
        "{taken} values of 4 KB are in 4 MiB"
    );
    assert_eq!(
        child.figure("refused_total{code=\"memory_full\"}"),
        (3_000 - taken) as f64
    );
    assert_eq!(child.figure("retained"), taken as f64);
    assert!(child.figure("retained_bytes") <= f64::from(4 << 20));
    child.check_memory();
    bystander.ends_well();
}

#[test]
fn a_hundred_readers_that_never_read_stay_under_the_cap() {
    let child = Child::start(16);
    let bystander = Bystander::join(&child);
    let readers: Vec<_> = (0..100)
        .map(|_| {
            let mut reader = child.join();
            reader.send(&json!({ "type": "subscribe", "id": "1", "filter": "flood" }));
            assert_eq!(reader.answer(), "subscribed");
            reader
        })
        .collect();
    let mut client = child.join();
    let payload = "x".repeat(16_000);
    let lines = (0..600).map(|_| {
        format!("{{\"type\":\"publish\",\"id\":\"1\",\"topic\":\"flood\",\"payload\":\"{payload}\",\"ack\":true}}\n")
    });
    assert_eq!(flood(&mut client, "ack", lines), 600);
    assert!(child.figure("deliveries_dropped_total{policy=\"drop_oldest\"}") > 0.0);
    child.check_memory();
    drop(readers);
    bystander.ends_well();
    child.wait_for("delivery_bytes_queued", 0.0);
}

#[test]
fn beginnings_of_long_messages_are_refused_beyond_their_part() {
    let child = Child::start(16);
    let bystander = Bystander::join(&child);
    let begun: Vec<_> = (0..20)
        .map(|_| {
            let mut client = child.join();
            client.send(&json!({ "type": "ping", "id": "1" }));
            assert_eq!(client.answer(), "pong");
            let beginning = format!(
                "{{\"type\":\"publish\",\"topic\":\"a\",\"payload\":\"{}",
                "x".repeat(900_000)
            );
            // Whoever finds no room is cut off while it writes.
            let _taken = client.stream.write_all(beginning.as_bytes());
            client
        })
        .collect();
    child.check_memory();
    // A quarter of the memory holds four of them at the most.
    let since = std::time::Instant::now();
    while child.figure("connections_closed_total{reason=\"memory_full\"}") < 16.0 {
        assert!(
            since.elapsed() < crate::child::PATIENCE,
            "more are held than there is room for"
        );
    }
    drop(begun);
    bystander.ends_well();
}
