//! The NATS client protocol: lines of text, each publish followed by its payload.

use std::io;

use memchr::memchr;

use super::wire::{Cut, Event, METHOD, Wire, refused};

/// NATS, for comparison.
#[derive(Clone, Copy)]
pub(crate) struct Nats;

impl Wire for Nats {
    fn open(out: &mut Vec<u8>) {
        out.extend_from_slice(
            b"CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"raw\",\"version\":\"0\",\
              \"protocol\":1,\"headers\":true,\"no_responders\":false}\r\nPING\r\n",
        );
    }

    fn subscribe(out: &mut Vec<u8>, topic: &str) {
        out.extend_from_slice(format!("SUB {} 1\r\nPING\r\n", Subject(topic)).as_bytes());
    }

    fn publish(out: &mut Vec<u8>, topic: &str, payload: &[u8]) {
        push_message(out, format_args!("{}", Subject(topic)), payload);
    }

    fn offer(out: &mut Vec<u8>, service: &str) {
        out.extend_from_slice(format!("SUB {service}.{METHOD} {CALLS}\r\nPING\r\n").as_bytes());
    }

    fn expect_replies(out: &mut Vec<u8>) {
        out.extend_from_slice(format!("SUB _INBOX.bench.* {REPLIES}\r\nPING\r\n").as_bytes());
    }

    fn request(out: &mut Vec<u8>, number: u64, service: &str, payload: &[u8]) {
        push_message(
            out,
            format_args!("{service}.{METHOD} _INBOX.bench.{number}"),
            payload,
        );
    }

    fn reply(out: &mut Vec<u8>, call: &[u8], payload: &[u8]) {
        out.extend_from_slice(b"PUB ");
        out.extend_from_slice(call);
        push_size_and_payload(out, payload);
    }

    fn pong(out: &mut Vec<u8>) {
        out.extend_from_slice(b"PONG\r\n");
    }

    fn cut(bytes: &[u8]) -> Cut<'_> {
        let Some(end) = memchr(b'\n', bytes) else {
            return Ok(None);
        };
        let line = bytes[..end].trim_ascii_end();
        match line.first() {
            Some(b'M') => cut_message(bytes, line, end + 1),
            Some(b'-') => Err(refused(line)),
            Some(b'P') if line == b"PING" => Ok(Some((end + 1, Event::Ping))),
            Some(b'P') => Ok(Some((end + 1, Event::Ready))),
            _ => Ok(Some((end + 1, Event::Other))),
        }
    }
}

/// A topic as a subject: levels are divided by dots.
struct Subject<'a>(&'a str);

impl std::fmt::Display for Subject<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, level) in self.0.split('/').enumerate() {
            formatter.write_str(if index == 0 { "" } else { "." })?;
            formatter.write_str(level)?;
        }
        Ok(())
    }
}

fn push_message(out: &mut Vec<u8>, head: std::fmt::Arguments<'_>, payload: &[u8]) {
    use io::Write;
    write!(out, "PUB {head}").expect("a vector takes every write");
    push_size_and_payload(out, payload);
}

fn push_size_and_payload(out: &mut Vec<u8>, payload: &[u8]) {
    use io::Write;
    write!(out, " {}\r\n", payload.len()).expect("a vector takes every write");
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// Cuts `MSG <subject> <sid> [reply-to] <size>` with its payload.
fn cut_message<'a>(bytes: &'a [u8], line: &'a [u8], start: usize) -> Cut<'a> {
    let mut words = line.split(|byte| *byte == b' ').skip(2);
    let subscription = words.next().unwrap_or_default();
    let third = words.next().unwrap_or_default();
    let (reply_to, size) = match words.next() {
        Some(size) => (third, size),
        None => (&[][..], third),
    };
    let size = std::str::from_utf8(size)
        .ok()
        .and_then(|size| size.parse::<usize>().ok());
    let end = start + size.ok_or_else(|| refused(line))? + 2;
    if bytes.len() < end {
        return Ok(None);
    }
    let event = match subscription {
        number if number == CALLS.as_bytes() => Event::Call(reply_to),
        number if number == REPLIES.as_bytes() => Event::Reply,
        _ => Event::Message,
    };
    Ok(Some((end, event)))
}

/// The subscription under which requests come in.
const CALLS: &str = "2";
/// The subscription under which replies come in.
const REPLIES: &str = "3";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_by_their_size() {
        let bytes = b"MSG bench.echo 2 _INBOX.bench.7 2\r\nab\r\nMSG t 1 2\r\n\r\n";
        let (length, event) = Nats::cut(bytes).unwrap().unwrap();
        assert_eq!((length, event), (39, Event::Call(b"_INBOX.bench.7")));
        assert_eq!(Nats::cut(&bytes[length..]).unwrap(), None);
    }

    #[test]
    fn errors_of_the_server_are_errors() {
        let error = Nats::cut(b"-ERR 'Slow Consumer'\r\n").unwrap_err();
        assert_eq!(error.to_string(), "the server said -ERR 'Slow Consumer'");
    }

    #[test]
    fn topics_become_subjects() {
        let mut out = Vec::new();
        Nats::publish(&mut out, "bench/t0", b"abc");
        Nats::request(&mut out, 9, "bench", b"");
        Nats::reply(&mut out, b"_INBOX.bench.9", b"x");
        let expected =
            "PUB bench.t0 3\r\nabc\r\nPUB bench.echo _INBOX.bench.9 0\r\n\r\nPUB _INBOX.bench.9 1\r\nx\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
