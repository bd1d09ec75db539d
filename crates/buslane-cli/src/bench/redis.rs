//! The publish and subscribe of Redis in RESP3, in which one connection may do both.

use std::io;

use memchr::memchr;

use super::wire::{Cut, Event, Wire, refused};

/// Redis, for comparison.
#[derive(Clone, Copy)]
pub(crate) struct Redis;

impl Wire for Redis {
    fn open(out: &mut Vec<u8>) {
        push_command(out, &[b"HELLO", b"3"]);
        // As elsewhere, a publish asks for no acknowledgement. Messages and confirmed subscriptions come all the same.
        push_command(out, &[b"CLIENT", b"REPLY", b"OFF"]);
    }

    fn subscribe(out: &mut Vec<u8>, topic: &str) {
        push_command(out, &[b"SUBSCRIBE", topic.as_bytes()]);
    }

    fn publish(out: &mut Vec<u8>, topic: &str, payload: &[u8]) {
        push_command(out, &[b"PUBLISH", topic.as_bytes(), payload]);
    }

    fn offer(out: &mut Vec<u8>, _service: &str) {
        Self::subscribe(out, CALLS);
    }

    fn expect_replies(out: &mut Vec<u8>) {
        Self::subscribe(out, REPLIES);
    }

    fn request(out: &mut Vec<u8>, _number: u64, _service: &str, payload: &[u8]) {
        Self::publish(out, CALLS, payload);
    }

    fn reply(out: &mut Vec<u8>, _call: &[u8], payload: &[u8]) {
        Self::publish(out, REPLIES, payload);
    }

    fn pong(_out: &mut Vec<u8>) {}

    fn cut(bytes: &[u8]) -> Cut<'_> {
        let mut texts = Texts::default();
        let Some(length) = skip(bytes, 0, &mut texts)? else {
            return Ok(None);
        };
        let event = match (bytes[0], texts.first, texts.second) {
            (b'>', b"message", channel) if channel == CALLS.as_bytes() => Event::Call(b""),
            (b'>', b"message", channel) if channel == REPLIES.as_bytes() => Event::Reply,
            (b'>', b"message", _) => Event::Message,
            (b'>', b"subscribe", _) | (b'%', ..) => Event::Ready,
            _ => Event::Other,
        };
        Ok(Some((length, event)))
    }
}

/// The first two texts of a value: of a pushed message its kind and its channel.
#[derive(Default)]
struct Texts<'a> {
    count: usize,
    first: &'a [u8],
    second: &'a [u8],
}

impl<'a> Texts<'a> {
    fn take(&mut self, text: &'a [u8]) {
        match self.count {
            0 => self.first = text,
            1 => self.second = text,
            _ => {}
        }
        self.count += 1;
    }
}

/// Finds the end of the value that some bytes begin with; `None` while it is not whole.
fn skip<'a>(bytes: &'a [u8], depth: usize, texts: &mut Texts<'a>) -> io::Result<Option<usize>> {
    let Some(newline) = memchr(b'\n', bytes) else {
        return Ok(None);
    };
    let (line, end) = (bytes[..newline].trim_ascii_end(), newline + 1);
    let size = |line: &[u8]| std::str::from_utf8(&line[1..]).ok()?.parse::<usize>().ok();
    let parts = match line.first() {
        Some(b'$') => {
            let end_of_text = end + size(line).ok_or_else(|| refused(line))?;
            if bytes.len() < end_of_text + 2 {
                return Ok(None);
            }
            texts.take(&bytes[end..end_of_text]);
            return Ok(Some(end_of_text + 2));
        }
        Some(b'>' | b'*') if depth < DEPTH => size(line).ok_or_else(|| refused(line))?,
        Some(b'%') if depth < DEPTH => size(line)
            .and_then(|pairs| pairs.checked_mul(2))
            .ok_or_else(|| refused(line))?,
        Some(b':' | b'+' | b'_' | b'#') => 0,
        _ => return Err(refused(line)),
    };
    let mut start = end;
    for _ in 0..parts {
        match skip(&bytes[start..], depth + 1, texts)? {
            Some(length) => start += length,
            None => return Ok(None),
        }
    }
    Ok(Some(start))
}

fn push_command(out: &mut Vec<u8>, words: &[&[u8]]) {
    use io::Write;
    write!(out, "*{}\r\n", words.len()).expect("a vector takes every write");
    for word in words {
        write!(out, "${}\r\n", word.len()).expect("a vector takes every write");
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// The channel that requests go to.
const CALLS: &str = "bench/echo";
/// The channel that replies go to.
const REPLIES: &str = "bench/reply";
/// How deep the values are nested that a server sends.
const DEPTH: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushed_messages_are_told_apart_by_their_channel() {
        let bytes = b">3\r\n$7\r\nmessage\r\n$10\r\nbench/echo\r\n$4\r\n\r\n\r\n\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n";
        let (length, event) = Redis::cut(bytes).unwrap().unwrap();
        assert_eq!(event, Event::Call(b""));
        assert_eq!(
            Redis::cut(&bytes[length..]).unwrap(),
            Some((bytes.len() - length, Event::Message))
        );
        assert_eq!(Redis::cut(&bytes[..length - 1]).unwrap(), None);
    }

    #[test]
    fn the_greeting_and_a_confirmed_subscription_are_ready() {
        let greeting = b"%2\r\n$5\r\nproto\r\n:3\r\n$7\r\nmodules\r\n*0\r\n";
        assert_eq!(
            Redis::cut(greeting).unwrap(),
            Some((greeting.len(), Event::Ready))
        );
        let confirmed = b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n";
        assert_eq!(
            Redis::cut(confirmed).unwrap(),
            Some((confirmed.len(), Event::Ready))
        );
    }

    #[test]
    fn errors_of_the_server_are_errors() {
        assert_eq!(
            Redis::cut(b"-ERR max clients\r\n").unwrap_err().to_string(),
            "the server said -ERR max clients"
        );
    }

    #[test]
    fn commands_are_arrays_of_texts() {
        let mut out = Vec::new();
        Redis::publish(&mut out, "a", b"xy");
        assert_eq!(out, b"*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$2\r\nxy\r\n");
    }
}
