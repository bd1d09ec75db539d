//! Cutting a text from outside before it is repeated in an error or written into a field of fixed width.

/// Bytes of a text from outside that an error repeats.
pub(crate) const REPEATED: usize = 64;

/// Returns the longest start of a text that has at most `limit` bytes and whole characters.
pub(crate) fn clip(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_stay_whole() {
        assert_eq!(clip("abc", 3), "abc");
        assert_eq!(clip("abc", 2), "ab");
        assert_eq!(clip("\u{20ac}\u{20ac}", 5), "\u{20ac}");
        assert_eq!(clip("\u{20ac}", 2), "");
    }
}
