//! JSON lines: one object a line, ended by `\n` or `\r\n`. Lines without anything in them are passed over.

use buslane_protocol::{DecodeError, json};

use super::input::Head;
use super::intake::{Intake, Next, Progress};

/// Takes in every whole line at the start of a buffer, of which the first `searched` bytes hold no line end.
pub(crate) fn take_in(intake: &mut Intake<'_>, bytes: &[u8], searched: usize) -> Progress {
    let (mut consumed, mut searched) = (0, searched);
    loop {
        let flow = match whole(&bytes[consumed..], searched, intake.limit) {
            Ok(Ok((line, length))) => {
                consumed += length;
                searched = 0;
                if line.is_empty() {
                    continue;
                }
                intake.message(json::decode_client(line))
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

/// Finds the first line, without its end, and its length with it; or what is known about it if it is not whole.
#[inline]
pub(crate) fn whole(
    bytes: &[u8],
    searched: usize,
    limit: usize,
) -> Result<Result<(&[u8], usize), Head>, DecodeError> {
    let end = memchr::memchr(b'\n', &bytes[searched..]).map(|end| searched + end);
    let length = end.unwrap_or(bytes.len());
    if length > limit {
        return Err(DecodeError::TooLarge { length, limit });
    }
    Ok(match end {
        Some(end) => {
            let line = &bytes[..end];
            Ok((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
        }
        None => Err(Head {
            wanted: limit + 1,
            searched: bytes.len(),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_or_without_a_carriage_return() {
        assert_eq!(whole(b"ab\r\ncd\n", 0, 10).unwrap(), Ok((&b"ab"[..], 4)));
        assert_eq!(whole(b"cd\n", 0, 10).unwrap(), Ok((&b"cd"[..], 3)));
        assert_eq!(whole(b"\n", 0, 10).unwrap(), Ok((&b""[..], 1)));
    }

    #[test]
    fn what_was_searched_is_not_searched_again() {
        assert_eq!(
            whole(b"abc", 0, 10).unwrap(),
            Err(Head {
                wanted: 11,
                searched: 3
            })
        );
        assert_eq!(whole(b"a\nbc\n", 2, 10).unwrap(), Ok((&b"a\nbc"[..], 5)));
    }

    #[test]
    fn long_lines_are_refused_before_they_end() {
        let error = whole(b"abcdefghijk", 0, 10).unwrap_err();
        assert_eq!(
            error,
            DecodeError::TooLarge {
                length: 11,
                limit: 10
            }
        );
        assert!(whole(b"abcdefghij", 0, 10).is_ok());
    }
}
