//! Raw binary: frames one after another.

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
                    Some(publish) if intake.plain_publish(&publish) => continue,
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
        if let Some(stopped) = Progress::stopped(consumed, flow) {
            return stopped;
        }
    }
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
