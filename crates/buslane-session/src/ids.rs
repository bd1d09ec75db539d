//! The ids of the session's own messages, and how an answer's id leads back to what it answers.
//!
//! Requests and acknowledged publishes have UUIDv7 ids (RFC 9562), since those travel on to the other side, its logs
//! and its traces. The last 48 bits count up from a random start and are the key under which the session
//! keeps the message: an answer is found without a table of ids.
//!
//! ```text
//! 019a2f6b-1c3d-7rrr-Vrrr-kkkkkkkkkkkk     r from the seed   V variant and 2 bits of the seed   k key
//! ```
//!
//! Messages whose id only the broker sees have short ones: a letter and numbers.

use buslane_protocol::{Id, Instant};

use crate::random::Random;

/// Gives out ids.
#[derive(Debug)]
pub(crate) struct Ids {
    /// The random bits before the key.
    node: [u8; 4],
    next: u64,
    unix_ms_at_zero: u64,
}

/// What a message with a short id was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// The introduction.
    Connect,
    /// A registration, by its key.
    Register(u64),
    /// The end of a registration, by its key.
    Unregister(u64),
    /// A subscription, by its number and how often it was asked for.
    Subscribe {
        /// The number of what the broker knows as one subscription.
        wire: u64,
        /// Counts how often it was asked for.
        round: u64,
    },
    /// The end of a subscription, by its number.
    Unsubscribe(u64),
    /// A flush, by its key.
    Flush(u64),
}

impl Ids {
    /// Makes the ids of a session.
    pub(crate) fn new(random: &mut Random, unix_ms_at_zero: u64) -> Self {
        Ids {
            node: (random.next() as u32).to_be_bytes(),
            next: random.next() & KEY_MASK,
            unix_ms_at_zero,
        }
    }

    /// Returns a new key and its id.
    pub(crate) fn next(&mut self, now: Instant) -> (u64, Id) {
        let key = self.next;
        self.next = (key + 1) & KEY_MASK;
        let mut random = [0; 10];
        random[..4].copy_from_slice(&self.node);
        random[4..].copy_from_slice(&key.to_be_bytes()[2..]);
        (
            key,
            Id::uuid_v7(self.unix_ms_at_zero + now.as_micros() / 1_000, random),
        )
    }
}

/// Finds the key in an id that [`Ids::next`] made.
pub(crate) fn key_of(id: &Id) -> Option<u64> {
    let bytes = id.as_bytes();
    if bytes.len() != UUID_LENGTH {
        return None;
    }
    bytes[UUID_LENGTH - KEY_DIGITS..]
        .iter()
        .try_fold(0, |key, digit| {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            Some(key << 4 | u64::from(value))
        })
}

impl Control {
    /// Returns the id.
    pub(crate) fn id(self) -> Id {
        let text = match self {
            Control::Connect => "c".to_owned(),
            Control::Register(key) => format!("r{key}"),
            Control::Unregister(key) => format!("u{key}"),
            Control::Subscribe { wire, round } => format!("s{wire}.{round}"),
            Control::Unsubscribe(wire) => format!("w{wire}"),
            Control::Flush(key) => format!("f{key}"),
        };
        Id::parse(&text).expect("a letter and two numbers are an id")
    }

    /// Finds what an id is about.
    pub(crate) fn parse(id: &Id) -> Option<Control> {
        let text = id.as_str();
        let (letter, rest) = text.split_at_checked(1)?;
        match letter {
            "c" if rest.is_empty() => Some(Control::Connect),
            "r" => rest.parse().ok().map(Control::Register),
            "u" => rest.parse().ok().map(Control::Unregister),
            "w" => rest.parse().ok().map(Control::Unsubscribe),
            "f" => rest.parse().ok().map(Control::Flush),
            "s" => {
                let (wire, round) = rest.split_once('.')?;
                Some(Control::Subscribe {
                    wire: wire.parse().ok()?,
                    round: round.parse().ok()?,
                })
            }
            _ => None,
        }
    }
}

const UUID_LENGTH: usize = 36;
/// Hexadecimal digits of a key at the end of an id.
const KEY_DIGITS: usize = 12;
const KEY_MASK: u64 = (1 << (4 * KEY_DIGITS)) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_key() {
        let mut ids = Ids::new(&mut Random::new(3), 1_700_000_000_000);
        for _ in 0..100 {
            let (key, id) = ids.next(Instant::from_micros(5_000));
            assert_eq!(key_of(&id), Some(key));
        }
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7_with_its_time() {
        let (_, id) =
            Ids::new(&mut Random::new(3), 0x0123_4567_0000).next(Instant::from_micros(0x89ab * 1_000));
        assert!(id.as_str().starts_with("01234567-89ab-7"), "{id}");
    }

    #[test]
    fn keys_wrap_without_a_panic() {
        let mut ids = Ids {
            node: [0; 4],
            next: KEY_MASK,
            unix_ms_at_zero: 0,
        };
        assert_eq!(ids.next(Instant::ZERO).0, KEY_MASK);
        assert_eq!(ids.next(Instant::ZERO).0, 0);
    }

    #[test]
    fn short_ids_lead_back_to_what_they_are_about() {
        for control in [
            Control::Connect,
            Control::Register(1),
            Control::Unregister(u64::MAX),
            Control::Subscribe {
                wire: u64::MAX,
                round: u64::MAX,
            },
            Control::Unsubscribe(7),
            Control::Flush(0),
        ] {
            assert_eq!(Control::parse(&control.id()), Some(control));
        }
    }

    #[test]
    fn foreign_ids_lead_nowhere() {
        for text in [
            "x",
            "c1",
            "r",
            "s1",
            "s1.x",
            "019a2f6b-1c3d-7000-8000-00000000000G",
            "-",
        ] {
            let id = Id::parse(text).unwrap();
            assert_eq!((Control::parse(&id), key_of(&id)), (None, None), "{text}");
        }
    }
}
