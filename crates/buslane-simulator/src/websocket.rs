//! WebSocket frames (RFC 6455, section 5.2), as both ends write and read them. The upgrade before them is a greeting of
//! some bytes in each direction; HTTP is not simulated.

use crate::random::Random;

/// What a client sends, and a broker answers, in place of the upgrade.
pub(crate) const UPGRADE: &[u8] = b"upgrade";
/// Ends a message that other frames began.
pub(crate) const CONTINUATION: u8 = 0x0;
/// A message of text.
pub(crate) const TEXT: u8 = 0x1;
/// A message of bytes.
pub(crate) const BINARY: u8 = 0x2;
/// Says that the connection ends.
pub(crate) const CLOSE: u8 = 0x8;
/// Asks for a sign of life.
pub(crate) const PING: u8 = 0x9;
/// Gives a sign of life.
pub(crate) const PONG: u8 = 0xa;

/// The head of one frame.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) opcode: u8,
    pub(crate) is_final: bool,
    pub(crate) mask: Option<[u8; 4]>,
    /// Where the payload begins, and how long it is.
    pub(crate) start: usize,
    pub(crate) length: usize,
}

impl Head {
    /// Reads the head of the frame at the start of bytes: nothing while it is not whole.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Head> {
        let (&[first, second], rest) = bytes.split_first_chunk::<2>()?;
        let (length, wide) = match second & LENGTH {
            LENGTH_16 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
            LENGTH_64 => (u64::from_be_bytes(*rest.first_chunk()?) as usize, 8),
            short => (usize::from(short), 0),
        };
        let rest = &rest[wide..];
        let mask = match second & MASKED {
            0 => None,
            _ => Some(*rest.first_chunk()?),
        };
        Some(Head {
            opcode: first & OPCODE,
            is_final: first & FINAL != 0,
            start: 2 + wide + mask.map_or(0, |mask| mask.len()),
            mask,
            length,
        })
    }
}

/// Undoes a mask, or puts it on.
pub(crate) fn mask(payload: &mut [u8], mask: [u8; 4]) {
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Writes one frame of a client, masked.
pub(crate) fn write_frame(
    out: &mut Vec<u8>,
    opcode: u8,
    is_final: bool,
    payload: &[u8],
    random: &mut Random,
) {
    out.push(opcode | if is_final { FINAL } else { 0 });
    match payload.len() {
        short @ ..126 => out.push(MASKED | short as u8),
        medium @ 126..=0xffff => {
            out.push(MASKED | LENGTH_16);
            out.extend((medium as u16).to_be_bytes());
        }
        long => {
            out.push(MASKED | LENGTH_64);
            out.extend((long as u64).to_be_bytes());
        }
    }
    let [a, b, c, d, ..] = random.next().to_le_bytes();
    out.extend([a, b, c, d]);
    let start = out.len();
    out.extend_from_slice(payload);
    mask(&mut out[start..], [a, b, c, d]);
}

/// Writes a message of a client: whole, or in fragments with a ping between them.
pub(crate) fn write_message(out: &mut Vec<u8>, opcode: u8, payload: &[u8], random: &mut Random) {
    let (mut rest, mut opcode) = (payload, opcode);
    while random.chance(FRAGMENTED) {
        let (piece, others) = rest.split_at(random.index(rest.len() + 1));
        write_frame(out, opcode, false, piece, random);
        if random.chance(FRAGMENTED) {
            write_frame(out, PING, true, b"?", random);
        }
        (rest, opcode) = (others, CONTINUATION);
    }
    write_frame(out, opcode, true, rest, random);
}

/// Of 100 messages, so many come in fragments.
const FRAGMENTED: u64 = 12;
const FINAL: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
/// Stands for a length in the next two bytes.
const LENGTH_16: u8 = 126;
/// Stands for a length in the next eight bytes.
const LENGTH_64: u8 = 127;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written_and_not_before_it_is_whole() {
        for length in [0, 1, 125, 126, 127, 0xffff, 0x1_0000] {
            let (mut bytes, payload) = (Vec::new(), vec![7; length]);
            write_frame(&mut bytes, BINARY, true, &payload, &mut Random::new(1));
            let head = Head::parse(&bytes).unwrap();
            assert!(head.is_final && head.opcode == BINARY);
            assert_eq!((head.length, head.start + length), (length, bytes.len()));
            mask(&mut bytes[head.start..], head.mask.unwrap());
            assert_eq!(bytes[head.start..], payload);
            assert!((0..head.start).all(|end| Head::parse(&bytes[..end]).is_none()));
        }
    }
}
