//! The eight bytes with which a raw binary connection begins, in both directions.

/// The versions that a client speaks, or in the broker's answer the version chosen, twice.
///
/// ```text
/// 0 B5 'B' 'U' 'S'
/// 4 u8 lowest version
/// 5 u8 highest version
/// 6 reserved: written as 0, not read
/// ```
///
/// A client sends its preamble and its first frames at once, without waiting. The broker answers with the version
/// chosen in both places, or with 0 and closes. WebSockets have no preamble: the subprotocol names the version.
///
/// ```
/// use buslane_protocol::binary::Preamble;
/// let client = Preamble { lowest: 1, highest: 3 };
/// let chosen = client.choose(1, 2);
/// assert_eq!(chosen, Some(2));
/// assert_eq!(Preamble::answer(chosen), [0xb5, b'B', b'U', b'S', 2, 2, 0, 0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preamble {
    /// The lowest version spoken.
    pub lowest: u8,
    /// The highest version spoken.
    pub highest: u8,
}

/// Why bytes are no preamble. Final: the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreambleError {
    /// A byte of the magic is another.
    #[error("byte {offset} of the preamble is not as it must be")]
    Magic {
        /// The offset of the first offending byte.
        offset: usize,
    },
    /// The lowest version is above the highest, or is 0 while the other is not.
    #[error("versions {lowest} to {highest} are no range")]
    Range {
        /// The lowest version named.
        lowest: u8,
        /// The highest version named.
        highest: u8,
    },
}

impl Preamble {
    /// Bytes of a preamble.
    pub const LENGTH: usize = 8;
    /// The first byte, which never begins UTF-8 text.
    pub const FIRST: u8 = MAGIC[0];
    /// What this crate speaks.
    pub const OURS: Preamble = Preamble {
        lowest: crate::PROTOCOL_VERSION,
        highest: crate::PROTOCOL_VERSION,
    };

    /// Parses the preamble at the start of `bytes`, `None` while it is not complete. A wrong byte is refused as soon
    /// as it is there.
    pub fn parse(bytes: &[u8]) -> Result<Option<Preamble>, PreambleError> {
        if let Some(offset) = MAGIC
            .iter()
            .zip(bytes)
            .position(|(wanted, found)| wanted != found)
        {
            return Err(PreambleError::Magic { offset });
        }
        let Some(&[_, _, _, _, lowest, highest, _, _]) = bytes.first_chunk::<{ Preamble::LENGTH }>() else {
            return Ok(None);
        };
        if lowest > highest || (lowest == 0 && highest != 0) {
            return Err(PreambleError::Range { lowest, highest });
        }
        Ok(Some(Preamble { lowest, highest }))
    }

    /// Returns the preamble as it travels.
    pub const fn encode(self) -> [u8; Preamble::LENGTH] {
        [
            MAGIC[0],
            MAGIC[1],
            MAGIC[2],
            MAGIC[3],
            self.lowest,
            self.highest,
            0,
            0,
        ]
    }

    /// Chooses the highest version that this side's client and a broker of `lowest` to `highest` both speak.
    pub fn choose(self, lowest: u8, highest: u8) -> Option<u8> {
        let chosen = self.highest.min(highest);
        (chosen >= self.lowest.max(lowest) && chosen > 0).then_some(chosen)
    }

    /// Returns the broker's answer: the version chosen, or 0 if there is none.
    pub const fn answer(chosen: Option<u8>) -> [u8; Preamble::LENGTH] {
        let version = match chosen {
            Some(version) => version,
            None => 0,
        };
        Preamble {
            lowest: version,
            highest: version,
        }
        .encode()
    }

    /// Returns the version of a broker's answer, `None` if the broker found none in common.
    pub fn chosen(self) -> Option<u8> {
        (self.lowest == self.highest && self.highest > 0).then_some(self.highest)
    }
}

const MAGIC: [u8; 4] = [0xb5, b'B', b'U', b'S'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preamble_is_read_back_and_halves_wait() {
        let bytes = Preamble::OURS.encode();
        for length in 0..Preamble::LENGTH {
            assert_eq!(Preamble::parse(&bytes[..length]), Ok(None));
        }
        assert_eq!(Preamble::parse(&bytes), Ok(Some(Preamble::OURS)));
    }

    #[test]
    fn wrong_bytes_are_refused_at_once() {
        assert_eq!(
            Preamble::parse(b"\xb5BUZ"),
            Err(PreambleError::Magic { offset: 3 })
        );
        assert_eq!(Preamble::parse(b"{"), Err(PreambleError::Magic { offset: 0 }));
        let range = Err(PreambleError::Range {
            lowest: 2,
            highest: 1,
        });
        assert_eq!(Preamble::parse(b"\xb5BUS\x02\x01\x00\x00"), range);
        let zero = Err(PreambleError::Range {
            lowest: 0,
            highest: 1,
        });
        assert_eq!(Preamble::parse(b"\xb5BUS\x00\x01\x00\x00"), zero);
    }

    #[test]
    fn reserved_bytes_are_left_to_later_versions() {
        let parsed = Preamble::parse(b"\xb5BUS\x01\x01\x07\xff");
        assert_eq!(parsed, Ok(Some(Preamble::OURS)));
    }

    #[test]
    fn the_highest_common_version_is_chosen() {
        assert_eq!(
            Preamble {
                lowest: 1,
                highest: 9
            }
            .choose(1, 3),
            Some(3)
        );
        assert_eq!(
            Preamble {
                lowest: 2,
                highest: 9
            }
            .choose(1, 1),
            None
        );
        assert_eq!(
            Preamble {
                lowest: 0,
                highest: 0
            }
            .choose(1, 1),
            None
        );
        let answer = Preamble::parse(&Preamble::answer(None)).unwrap().unwrap();
        assert_eq!(answer.chosen(), None);
        let answer = Preamble::parse(&Preamble::answer(Some(1))).unwrap().unwrap();
        assert_eq!(answer.chosen(), Some(1));
    }
}
