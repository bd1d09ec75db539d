//! Writes words as a shell reads them back.

use std::borrow::Cow;

/// Quotes a word, if a shell would take a part of it for something else.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || PLAIN.contains(character);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))),
    }
}

/// Characters beside letters and digits that mean nothing to a shell.
const PLAIN: &str = "_-./:@%+=,";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_change_stands_in_quotes() {
        assert_eq!(quoted("attic:get"), "attic:get");
        assert_eq!(quoted("$bus:ping"), "'$bus:ping'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
