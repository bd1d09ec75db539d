//! Percent-encoding in URLs (RFC 3986, section 2.1). A `+` is a plus sign: filters are full of them.

use std::borrow::Cow;

/// Why a text cannot be decoded. Final: the same text is refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum PercentError {
    /// A `%` without two hexadecimal digits.
    #[error(
        "the % at character {position} is not followed by two hexadecimal digits; write %25 for a percent sign"
    )]
    Digits {
        /// Where, counted from 1.
        position: usize,
    },
    /// The bytes are no text.
    #[error("the percent-encoded bytes are not UTF-8")]
    Text,
}

/// Decodes a part of a URL.
pub(super) fn decode(text: &str) -> Result<Cow<'_, str>, PercentError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let Some((&[high, low], behind)) = rest.split_first_chunk() else {
            return Err(digits(text, rest));
        };
        let (Some(high), Some(low)) = (digit(high), digit(low)) else {
            return Err(digits(text, rest));
        };
        bytes.push(high << 4 | low);
        rest = behind;
    }
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| PercentError::Text)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// Makes the error of a `%` that stands just before the rest of a text.
fn digits(text: &str, rest: &[u8]) -> PercentError {
    let position = text.len() - rest.len();
    PercentError::Digits { position }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_out_as_text() {
        assert_eq!(decode("a/+/b").unwrap(), "a/+/b");
        assert_eq!(decode("a%23%2fb%25").unwrap(), "a#/b%");
        assert_eq!(decode("%C3%BC").unwrap(), "\u{fc}");
    }

    #[test]
    fn what_is_no_encoding_is_refused_with_its_place() {
        for (text, position) in [("%", 1), ("ab%2", 3), ("%zz", 1), ("%20%2x", 4), ("%+1", 1)] {
            assert_eq!(decode(text), Err(PercentError::Digits { position }), "{text}");
        }
        for text in ["%ff", "%C3", "%ED%A0%80"] {
            assert_eq!(decode(text), Err(PercentError::Text), "{text}");
        }
    }
}
