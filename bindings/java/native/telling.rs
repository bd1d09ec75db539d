//! Writes what Java reads: the layout of numbers, texts, problems and what a message carries. Knows no queue.

use buslane_client::protocol::Origin;
use buslane_client::{Headers, Payload, Problem};

/// A block of bytes that is written from front to back.
pub(crate) trait Telling {
    fn tell(&mut self, bytes: &[u8]);

    fn tell_byte(&mut self, byte: u8) {
        self.tell(&[byte]);
    }

    fn tell_flag(&mut self, flag: bool) {
        self.tell_byte(u8::from(flag));
    }

    fn tell_int(&mut self, number: i32) {
        self.tell(&number.to_le_bytes());
    }

    fn tell_long(&mut self, number: u64) {
        self.tell(&number.to_le_bytes());
    }

    /// Writes bytes behind their length.
    fn tell_bytes(&mut self, bytes: &[u8]) {
        self.tell_int(bytes.len() as i32);
        self.tell(bytes);
    }

    fn tell_text(&mut self, text: &str) {
        self.tell_bytes(text.as_bytes());
    }

    fn tell_optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.tell_text(text),
            None => self.tell_int(-1),
        }
    }

    /// Writes a list of texts.
    fn tell_texts(&mut self, texts: &[String]) {
        self.tell_int(texts.len() as i32);
        texts.iter().for_each(|text| self.tell_text(text));
    }

    /// Writes what a message carries: headers, whether it is JSON, the payload.
    fn tell_parcel(&mut self, from: &str, headers: &Headers<'_>, payload: Payload<'_>) {
        self.tell_text(from);
        if headers.is_empty() {
            self.tell_int(0);
        } else {
            self.tell_int(headers.iter().count() as i32);
            for (name, value) in headers.iter() {
                self.tell_text(name);
                self.tell_text(value);
            }
        }
        self.tell_flag(payload.is_json());
        self.tell_bytes(payload.as_bytes());
    }

    fn tell_problem(&mut self, problem: &Problem) {
        self.tell_text(&problem.code);
        self.tell_byte(match problem.origin {
            Origin::Broker => 0,
            Origin::Service => 1,
            Origin::Client => 2,
        });
        self.tell_int(i32::from(problem.status));
        self.tell_text(&problem.uri);
        self.tell_text(&problem.title);
        self.tell_optional(problem.detail.as_deref());
        self.tell_optional(problem.address.as_deref());
        self.tell_optional(problem.pointer.as_deref());
        self.tell_optional(problem.keyword.as_deref());
        let expected = problem.expected.as_ref().map(ToString::to_string);
        self.tell_optional(expected.as_deref());
        let data = problem.data.as_ref().map(ToString::to_string);
        self.tell_optional(data.as_deref());
    }
}

impl Telling for Vec<u8> {
    fn tell(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
