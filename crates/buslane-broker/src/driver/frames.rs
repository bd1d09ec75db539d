//! Raw binary: frames one after another.

use buslane_engine::Flow;
use buslane_protocol::DecodeError;
use buslane_protocol::binary::{self, ClientFrames};

use super::input::Head;
use super::intake::{Intake, Next, Progress};

/// Takes in every whole frame at the start of a buffer.
pub(crate) fn take_in(intake: &mut Intake<'_>, bytes: &[u8]) -> Progress {
    let (mut consumed, mut frames) = (0, ClientFrames::default());
    loop {
        let rest = &bytes[consumed..];
        let flow = match whole(rest, intake.limit) {
            Ok(Ok(frame)) => {
                consumed += frame.len();
                match frames.plain_publish(frame) {
                    Some(publish) if intake.plain_publish(&publish) => Flow::Continue,
                    _ => intake.message(frames.decode(frame)),
                }
            }
            Ok(Err(head)) => {
                return Progress {
                    consumed,
                    next: Next::Read(head),
                };
            }
            Err(error) => return Progress::lost(intake, error),
        };
        if let Some(stopped) = intake.stopped(consumed, flow) {
            return stopped;
        }
    }
}

/// Finds the end of the first frames of a short read that has more: they are worth being written before the rest is looked
/// at, so that their receivers work meanwhile. A long read is a stream, of which nobody waits for single messages.
#[inline]
pub(crate) fn beginning(bytes: &[u8]) -> Option<usize> {
    if bytes.len() > SHORT_READ {
        return None;
    }
    let mut end = 0;
    for _ in 0..BEGINNING {
        end += whole(&bytes[end..], usize::MAX).ok()?.ok()?.len();
    }
    (end < bytes.len()).then_some(end)
}

/// Finds the first frame, or what is known about it if it is not whole.
#[inline]
pub(crate) fn whole(bytes: &[u8], limit: usize) -> Result<Result<&[u8], Head>, DecodeError> {
    Ok(match binary::frame_length(bytes, limit)? {
        Some(length) => bytes.get(..length).ok_or(Head {
            wanted: length,
            searched: 0,
        }),
        None => Err(Head {
            wanted: LENGTH_FIELD,
            searched: 0,
        }),
    })
}

/// Bytes until the length of a frame is known.
const LENGTH_FIELD: usize = 4;
/// The longest read that is taken for messages of which somebody waits for the first, in bytes.
const SHORT_READ: usize = 16 << 10;
/// Frames whose receivers get them before the rest of a short read is looked at.
const BEGINNING: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use buslane_protocol::ClientMessage;

    fn pings(count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..count {
            binary::encode_client(&mut bytes, &ClientMessage::Ping(None));
        }
        bytes
    }

    #[test]
    fn a_short_read_of_many_frames_has_a_beginning() {
        let first = pings(BEGINNING).len();
        assert_eq!(beginning(&pings(BEGINNING + 1)), Some(first));
        assert_eq!(beginning(&pings(BEGINNING)), None);
        let mut with_a_part = pings(BEGINNING);
        with_a_part.push(24);
        assert_eq!(beginning(&with_a_part), Some(first));
    }

    #[test]
    fn a_long_read_and_a_broken_one_have_none() {
        let long = pings(SHORT_READ / binary::HEADER + 1);
        assert_eq!(beginning(&long), None);
        let mut broken = pings(BEGINNING + 1);
        broken[binary::HEADER] = 0;
        assert_eq!(beginning(&broken), None);
        assert_eq!(beginning(&[]), None);
    }
}
