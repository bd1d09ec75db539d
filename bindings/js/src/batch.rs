//! What goes to JavaScript in one crossing: records of numbers and bytes, one text beside them that holds every string,
//! so that all of them are decoded at once, and the bytes to send. Owns the layout; knows no event.
//!
//! ```text
//! u32 length with this head | u32 length without the portions | u32 where the text is | u32 its length |
//!   f64 when the timer is due, -1 for never | f64 bytes that wait | f64 publishable bytes | records | portions
//! ```
//!
//! All numbers are little-endian, and places are those of this module's memory. A portion of the bytes to send is a `u32`
//! where it is and a `u32` its length: they stay where the session wrote them. A record is a byte that names it and its
//! fields. A string is a `u32` in the records, its length in UTF-16 units, and its characters follow those of the string
//! before it in the text. A string that may be absent has the length 2^32 - 1 then.

use std::ops::Range;

use buslane_session::Transmit;
use buslane_session::protocol::{Headers, Payload, Problem};

/// Where a session stands when a crossing is over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Status {
    /// When the timer is due.
    pub due_ms: Option<f64>,
    /// Bytes that wait to be sent, or for a connection.
    pub waiting: usize,
    /// Bytes of a payload with which a plain publish cannot fail.
    pub publishable: usize,
}

/// Collects what goes to JavaScript.
#[derive(Debug)]
pub struct Batch {
    /// The head, to be filled in at the end, and the records.
    records: Vec<u8>,
    text: String,
    /// Where the last of the strings stand that are often those of the record before.
    repeated: [Range<usize>; 2],
    transmit: Option<Transmit>,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch {
            records: vec![0; HEAD],
            text: String::new(),
            repeated: [0..0, 0..0],
            transmit: None,
        }
    }
}

impl Batch {
    /// Makes an empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Appends a byte.
    pub fn byte(&mut self, byte: u8) {
        self.records.push(byte);
    }

    /// Appends a yes or no.
    pub fn flag(&mut self, flag: bool) {
        self.byte(u8::from(flag));
    }

    /// Appends a number of 32 bits.
    pub fn number(&mut self, number: u32) {
        self.records.extend_from_slice(&number.to_le_bytes());
    }

    /// Appends a number below 2^53, in the only form in which JavaScript has it.
    pub fn large(&mut self, number: u64) {
        self.float(number as f64);
    }

    /// Appends a number.
    pub fn float(&mut self, number: f64) {
        self.records.extend_from_slice(&number.to_le_bytes());
    }

    /// Appends a string.
    pub fn string(&mut self, string: &str) {
        self.number(units(string));
        self.text.push_str(string);
    }

    /// Appends a string that is often that of the record before: its length is 2^32 - 2 then, and it is not written again.
    /// `which` of two such strings of a record it is.
    pub fn repeated(&mut self, which: usize, string: &str) {
        let last = &mut self.repeated[which];
        if self.text.get(last.clone()) == Some(string) {
            return self.number(SAME);
        }
        *last = self.text.len()..self.text.len() + string.len();
        self.string(string);
    }

    /// Appends a string that may be absent.
    pub fn optional(&mut self, string: Option<&str>) {
        match string {
            Some(string) => self.string(string),
            None => self.number(ABSENT),
        }
    }

    /// Appends bytes, with their number before them.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(length(bytes));
        self.records.extend_from_slice(bytes);
    }

    /// Appends a problem, as JSON text.
    pub fn problem(&mut self, problem: &Problem) {
        self.string(&problem_text(problem));
    }

    /// Appends headers: their number, then each name and value.
    pub fn headers(&mut self, headers: &Headers<'_>) {
        if headers.is_empty() {
            return self.number(0);
        }
        self.number(headers.iter().count() as u32);
        for (name, value) in headers {
            self.string(name);
            self.string(value);
        }
    }

    /// Appends a payload: JSON as a string, anything else as bytes.
    pub fn payload(&mut self, payload: &Payload<'_>) {
        if payload.is_absent() {
            return self.byte(NO_PAYLOAD);
        }
        if !payload.is_json() {
            self.byte(BYTES);
            return self.bytes(&payload.bytes);
        }
        match std::str::from_utf8(&payload.bytes) {
            Ok(text) => {
                self.byte(JSON);
                self.string(text);
            }
            Err(_) => {
                self.byte(BROKEN_JSON);
                self.bytes(&payload.bytes);
            }
        }
    }

    /// Adds bytes to send, which JavaScript copies before the next call.
    pub fn transmit(&mut self, transmit: Transmit) {
        self.transmit = Some(transmit);
    }

    /// Gives the bytes to send of the call before back.
    pub fn reclaim(&mut self) -> Option<Transmit> {
        self.transmit.take()
    }

    /// Fills the head in, and returns where the batch is. It stays there until the next call.
    pub fn finish(&mut self, status: Status) -> u32 {
        let end = length(&self.records);
        for portion in self.transmit.iter().flat_map(Transmit::messages) {
            for number in [place(portion), length(portion)] {
                self.records.extend_from_slice(&number.to_le_bytes());
            }
        }
        let numbers = [
            length(&self.records),
            end,
            place(self.text.as_bytes()),
            length(self.text.as_bytes()),
        ];
        for (number, place) in numbers.iter().zip(self.records.chunks_exact_mut(4)) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let floats = [
            status.due_ms.unwrap_or(-1.0),
            status.waiting as f64,
            status.publishable as f64,
        ];
        for (float, place) in floats.iter().zip(self.records[16..HEAD].chunks_exact_mut(8)) {
            place.copy_from_slice(&float.to_le_bytes());
        }
        place(&self.records)
    }

    /// Empties the batch for the next crossing, and keeps its buffers unless they have become large.
    pub fn clear(&mut self) {
        self.records.truncate(HEAD);
        self.text.clear();
        self.repeated = [0..0, 0..0];
        self.records.shrink_to(KEPT_BYTES);
        self.text.shrink_to(KEPT_BYTES);
    }
}

/// Writes a problem as JSON text.
pub(crate) fn problem_text(problem: &Problem) -> String {
    serde_json::to_string(problem).expect("a problem has string keys")
}

/// Measures a string as JavaScript does.
fn units(string: &str) -> u32 {
    if string.is_ascii() {
        return length(string.as_bytes());
    }
    string.chars().map(|character| character.len_utf16() as u32).sum()
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("no message is longer than 4 GiB")
}

/// Returns where bytes are in this module's memory, which has 32 bits.
pub(crate) fn place(bytes: &[u8]) -> u32 {
    bytes.as_ptr() as usize as u32
}

/// Bytes before the records.
const HEAD: usize = 40;
/// Bytes of an emptied buffer that is worth keeping.
const KEPT_BYTES: usize = 256 << 10;
/// The length of a string that is absent.
const ABSENT: u32 = u32::MAX;
/// The length of a string that is that of the record before.
const SAME: u32 = u32::MAX - 1;
const NO_PAYLOAD: u8 = 0;
const JSON: u8 = 1;
const BYTES: u8 = 2;
const BROKEN_JSON: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Batch)) -> (Vec<u8>, String) {
        let mut batch = Batch::new();
        write(&mut batch);
        (batch.records.split_off(HEAD), batch.text)
    }

    #[test]
    fn strings_are_measured_in_the_units_of_javascript() {
        let (records, text) = written(|batch| {
            batch.string("a");
            batch.string("ü😀");
            batch.optional(None);
        });
        assert_eq!(records, [1, 0, 0, 0, 3, 0, 0, 0, 255, 255, 255, 255]);
        assert_eq!(text, "aü😀");
    }

    #[test]
    fn a_string_that_is_that_of_the_record_before_is_not_written_again() {
        let mut batch = Batch::new();
        for (topic, from) in [("a", "b"), ("a", "b"), ("ab", "b"), ("ab", "a")] {
            batch.repeated(0, topic);
            batch.repeated(1, from);
        }
        let lengths: Vec<u8> = batch.records[HEAD..].iter().copied().step_by(4).collect();
        assert_eq!(
            (&lengths[..], &*batch.text),
            (&[1, 1, 254, 254, 2, 254, 254, 1][..], "ababa")
        );
        batch.clear();
        batch.repeated(0, "ab");
        assert_eq!(batch.text, "ab");
    }

    #[test]
    fn a_payload_that_is_no_text_travels_as_bytes() {
        let (records, text) = written(|batch| {
            batch.payload(&Payload::absent());
            batch.payload(&Payload::json(&b"1"[..]));
            batch.payload(&Payload::bytes(&b"x"[..]));
            batch.payload(&Payload::json(&b"\xff"[..]));
        });
        assert_eq!(
            records,
            [0, 1, 1, 0, 0, 0, 2, 1, 0, 0, 0, b'x', 3, 1, 0, 0, 0, 0xff]
        );
        assert_eq!(text, "1");
    }

    #[test]
    fn the_head_tells_where_the_text_is() {
        let mut batch = Batch::new();
        batch.string("ab");
        let status = Status {
            due_ms: None,
            waiting: 7,
            publishable: 9,
        };
        assert_eq!(batch.finish(status), place(&batch.records));
        assert_eq!(batch.records[..4], [HEAD as u8 + 4, 0, 0, 0]);
        assert_eq!(batch.records[4..8], [HEAD as u8 + 4, 0, 0, 0]);
        assert_eq!(batch.records[8..12], place(batch.text.as_bytes()).to_le_bytes());
        assert_eq!(batch.records[12..16], [2, 0, 0, 0]);
        assert_eq!(batch.records[16..24], (-1.0f64).to_le_bytes());
        assert_eq!(batch.records[24..32], 7.0f64.to_le_bytes());
        assert_eq!(batch.records[32..HEAD], 9.0f64.to_le_bytes());
        batch.clear();
        assert_eq!((batch.records.len(), batch.text.len()), (HEAD, 0));
    }
}
