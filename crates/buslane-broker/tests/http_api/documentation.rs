//! `docs/http.md`, typed as it is printed: what the broker answers is what the page shows.

use std::thread::{self, JoinHandle};

use buslane_broker::RunningBroker;
use serde_json::Value;

use crate::service::Service;
use crate::support::greeter::Greeter;
use crate::support::http::{Answer, Connection, request};
use crate::support::start;

const PAGE: &str = include_str!("../../../../docs/http.md");

/// A fenced block of the page.
enum Block {
    /// What is typed, and what is answered.
    Console(Vec<&'static str>),
    /// What a service says by hand: its registration, and the answers to its first request.
    Service(Vec<Value>),
}

fn blocks() -> Vec<Block> {
    let fenced = PAGE.split("\n```").skip(1).step_by(2);
    let blocks = fenced.map(|block| {
        let (label, text) = block.split_once('\n').unwrap();
        match label {
            "console" => Block::Console(text.lines().collect()),
            "json" => Block::Service(
                text.lines()
                    .map(|line| serde_json::from_str(line).unwrap())
                    .collect(),
            ),
            other => panic!("what is a block of {other:?}?"),
        }
    });
    blocks.collect()
}

/// Has a service register, and answer its first request.
fn join(broker: &RunningBroker, said: &[Value]) -> JoinHandle<Service> {
    let mut service = Service::register(broker, said[0].clone());
    let answers = said[1..].to_vec();
    thread::spawn(move || {
        service.expect();
        answers.into_iter().for_each(|answer| service.0.send(answer));
        service
    })
}

/// What `curl` is asked to do.
struct Curl {
    bytes: Vec<u8>,
    shows_head: bool,
}

impl Curl {
    fn parse(command: &str) -> Curl {
        let mut words = words(command).into_iter();
        assert_eq!(words.next().as_deref(), Some("curl"));
        let (mut method, mut target, mut body) = (None, None, None);
        let (mut headers, mut shows_head) = (Vec::new(), false);
        while let Some(word) = words.next() {
            match word.as_str() {
                "-X" => method = words.next(),
                "-H" => headers.push(words.next().unwrap()),
                "-d" => body = words.next(),
                "-sS" | "-sSN" => {}
                "-sSi" => shows_head = true,
                url => target = Some(url.strip_prefix("127.0.0.1:5959").unwrap().to_owned()),
            }
        }
        let names = |name: &str| headers.iter().any(|header: &String| header.starts_with(name));
        let (has_accept, has_type) = (names("accept:"), names("content-type:"));
        headers.extend((!has_accept).then(|| "accept: */*".to_owned()));
        let form = "content-type: application/x-www-form-urlencoded";
        headers.extend((body.is_some() && !has_type).then(|| form.to_owned()));
        let usual = if body.is_some() { "POST" } else { "GET" };
        let first = format!("{} {}", method.as_deref().unwrap_or(usual), target.unwrap());
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        Curl {
            bytes: request(&first, &headers, body.unwrap_or_default().as_bytes()),
            shows_head,
        }
    }

    fn run(&self, broker: &RunningBroker) -> Vec<String> {
        let mut connection = Connection::open(broker);
        connection.write(&self.bytes);
        self.printed(&connection.receive())
    }

    fn printed(&self, answer: &Answer) -> Vec<String> {
        let head = if self.shows_head {
            format!("{}\n\n", answer.head)
        } else {
            String::new()
        };
        let text = head + answer.text();
        text.trim_end().lines().map(str::to_owned).collect()
    }
}

/// Splits a command as a shell does; what stands in single quotes is one word with what it touches.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for character in command.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Holds what was answered against what is printed: a line of `...` stands for any lines.
fn assert_like(command: &str, printed: &[&str], found: &[String]) {
    let mut found_lines = found.iter();
    let mut skips = false;
    for line in printed {
        if *line == "..." {
            skips = true;
            continue;
        }
        let is_there = match skips {
            true => found_lines.any(|found| is_like(line, found)),
            false => found_lines.next().is_some_and(|found| is_like(line, found)),
        };
        assert!(is_there, "{command}\nno line like {line}\nin {found:#?}");
        skips = false;
    }
    assert!(
        skips || found_lines.next().is_none(),
        "{command}\nmore than printed: {found:#?}"
    );
}

fn is_like(printed: &str, found: &str) -> bool {
    let (printed_json, found_json) = match (printed.strip_prefix("data: "), found.strip_prefix("data: ")) {
        (Some(printed), Some(found)) => (printed, found),
        _ => (printed, found),
    };
    match (
        serde_json::from_str::<Value>(printed_json),
        serde_json::from_str::<Value>(found_json),
    ) {
        (Ok(printed), Ok(found)) => is_like_value(&printed, &found),
        _ => is_like_text(printed, found),
    }
}

fn is_like_text(printed: &str, found: &str) -> bool {
    match printed.strip_suffix("...") {
        Some(beginning) => found.starts_with(beginning),
        None => printed == found,
    }
}

fn is_like_value(printed: &Value, found: &Value) -> bool {
    match (printed, found) {
        (Value::String(printed), Value::String(found)) => is_like_text(printed, found),
        (Value::Array(printed), Value::Array(found)) => {
            printed.len() == found.len()
                && printed
                    .iter()
                    .zip(found)
                    .all(|(one, other)| is_like_value(one, other))
        }
        (Value::Object(printed), Value::Object(found)) => {
            let like = |(name, value): (&String, &Value)| {
                found
                    .get(name)
                    .is_some_and(|found| name == TIME || is_like_value(value, found))
            };
            printed.len() == found.len() && printed.iter().all(like)
        }
        (printed, found) => printed == found,
    }
}

/// Reads lines of a stream until there are as many as are printed.
fn read_lines(connection: &mut Connection, count: usize) -> Vec<String> {
    let mut text = String::new();
    while text.lines().count() < count {
        text += std::str::from_utf8(&connection.receive_chunk()).unwrap();
    }
    text.trim_end().lines().map(str::to_owned).collect()
}

fn type_in(broker: &RunningBroker, lines: &[&'static str]) {
    let mut behind: Option<(&str, Connection)> = None;
    let mut rest = lines;
    while let Some((command, more)) = rest.split_first() {
        let command = command
            .strip_prefix("$ ")
            .unwrap_or_else(|| panic!("what is {command:?}?"));
        let until = more
            .iter()
            .position(|line| line.starts_with("$ "))
            .unwrap_or(more.len());
        let (printed, next) = more.split_at(until);
        rest = next;
        if let Some(command) = command.strip_suffix(" &") {
            let mut connection = Connection::open(broker);
            connection.write(&Curl::parse(command).bytes);
            assert_eq!(connection.receive_head().status, 200);
            behind = Some((command, connection));
            continue;
        }
        let found = Curl::parse(command).run(broker);
        match &mut behind {
            None => assert_like(command, printed, &found),
            Some((command_behind, connection)) => {
                let (printed, printed_behind) = printed.split_at(found.len());
                assert_like(command, printed, &found);
                let found = read_lines(connection, printed_behind.len());
                assert_like(command_behind, printed_behind, &found);
            }
        }
    }
}

#[test]
fn every_example_of_the_page_goes_as_printed() {
    let broker = start(|_| {});
    let _greeter = Greeter::join(&broker);
    let mut services = Vec::new();
    let mut examples = 0;
    for block in blocks() {
        match block {
            Block::Service(said) => services.push(join(&broker, &said)),
            Block::Console(lines) => {
                examples += 1;
                type_in(&broker, &lines);
            }
        }
    }
    assert!(examples > 10, "{examples}");
    for service in services {
        drop(service.join().unwrap());
    }
}

/// The member whose value differs from run to run and is no text.
const TIME: &str = "since_unix_ms";
