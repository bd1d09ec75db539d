//! The names of feeds, and of the places in them: `FEED-N`.

use std::fmt;

use buslane_protocol::{ErrorCode, Problem};

use crate::http::problem::shown;

/// The name of a feed. Whoever knows it may read on in the feed, so it cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct FeedId(u128);

/// A place in a feed: the feed, and how many messages it had told of there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Place {
    pub(in super::super) feed: FeedId,
    pub(in super::super) position: u64,
}

impl FeedId {
    /// Makes a name that nobody knows.
    pub(in super::super) fn random() -> Result<FeedId, Problem> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| Problem::new(ErrorCode::Internal).detail(error))?;
        Ok(FeedId(u128::from_ne_bytes(bytes)))
    }
}

impl Place {
    /// Reads a place as an event's id wrote it.
    pub(in super::super) fn parse(text: &str) -> Result<Place, Problem> {
        let parsed = text.split_once('-').and_then(|(feed, position)| {
            let digits = |text: &str, radix| text.bytes().all(|byte| char::from(byte).is_digit(radix));
            (feed.len() == DIGITS && digits(feed, 16) && digits(position, 10)).then_some(())?;
            let feed = FeedId(u128::from_str_radix(feed, 16).ok()?);
            let position = position.parse().ok()?;
            Some(Place { feed, position })
        });
        parsed.ok_or_else(|| {
            Problem::new(ErrorCode::InvalidId).detail(format_args!(
                "{:?} is no id of an event: show the last id that the feed gave, as FEED-N",
                shown(text)
            ))
        })
    }
}

impl fmt::Display for FeedId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.feed, self.position)
    }
}

/// Hexadecimal digits of a feed's name.
const DIGITS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let place = Place {
            feed: FeedId::random().unwrap(),
            position: u64::MAX,
        };
        assert!(Place::parse(&place.to_string()).unwrap() == place);
        assert_ne!(
            FeedId::random().unwrap().to_string(),
            FeedId::random().unwrap().to_string()
        );
    }

    #[test]
    fn other_texts_are_no_places() {
        let feed = "0".repeat(32);
        for text in [
            "",
            "-",
            "7",
            &feed,
            &format!("{feed}-"),
            &format!("{feed}-+1"),
            &format!("{feed}--1"),
        ] {
            assert_eq!(
                Place::parse(text).map(|_| ()).unwrap_err().code,
                "invalid_id",
                "{text}"
            );
        }
        for text in [
            format!("0{feed}-1"),
            format!("+{}-1", &feed[1..]),
            format!("{feed}-18446744073709551616"),
        ] {
            assert!(Place::parse(&text).is_err(), "{text}");
        }
    }
}
