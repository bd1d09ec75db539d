//! Reads JSON text into the types of rare messages, by serde.
//!
//! Takes the text that `serde_json` takes, in less code, since browsers load it: that one compiles what every kind of
//! value needs into the code of each type. What is refused is told in few words; a second look by `serde_json` finds the
//! member where the feature `diagnosis` is there.

mod access;
mod deserializer;
mod fault;
mod text;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Number;

pub(super) use fault::Fault;

use crate::payload::value_length;

/// Reads a text that is one value.
pub(super) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Fault> {
    let mut parser = Parser {
        text,
        position: 0,
        depth: 0,
    };
    let value = T::deserialize(&mut parser).map_err(|fault| fault.at(&text.as_bytes()[..parser.position]))?;
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(Fault::Syntax),
    }
}

/// How far the text is read.
struct Parser<'a> {
    text: &'a str,
    position: usize,
    /// How many arrays and objects are open.
    depth: u32,
}

/// A value, or the beginning of one that holds others.
enum Token<'a> {
    Null,
    Flag(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Array,
    Object,
}

impl<'a> Parser<'a> {
    /// Returns the next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.position)? {
                b' ' | b'\n' | b'\t' | b'\r' => self.position += 1,
                byte => return Some(*byte),
            }
        }
    }

    /// Takes the next byte that is no space if it is this one.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    /// Takes a value, or the bracket that opens one.
    fn token(&mut self) -> Result<Token<'a>, Fault> {
        match self.peek() {
            Some(b'"') => {
                self.position += 1;
                self.rest_of_string().map(Token::Text)
            }
            Some(b'[') => self.open().map(|()| Token::Array),
            Some(b'{') => self.open().map(|()| Token::Object),
            _ => scalar(self.verbatim()?),
        }
    }

    fn open(&mut self) -> Result<(), Fault> {
        self.position += 1;
        self.depth += 1;
        match self.depth <= DEEPEST {
            true => Ok(()),
            false => Err(Fault::Syntax),
        }
    }

    /// Goes to the next element or member of what is open, and returns false where `end` closes it instead.
    fn go_on(&mut self, is_first: bool, end: u8) -> Result<bool, Fault> {
        if self.take(end) {
            self.depth -= 1;
            return Ok(false);
        }
        match is_first || self.take(b',') {
            true => Ok(true),
            false => Err(Fault::Syntax),
        }
    }

    /// Takes a whole value and returns its text.
    fn verbatim(&mut self) -> Result<&'a str, Fault> {
        self.peek();
        let rest = &self.text[self.position..];
        let length = value_length(rest).ok_or(Fault::Syntax)?;
        self.position += length;
        Ok(&rest[..length])
    }
}

/// Reads a value that holds no others and is no string.
fn scalar(text: &str) -> Result<Token<'static>, Fault> {
    Ok(match text {
        "null" => Token::Null,
        "true" => Token::Flag(true),
        "false" => Token::Flag(false),
        _ => return number(text),
    })
}

fn number(text: &str) -> Result<Token<'static>, Fault> {
    if let Ok(number) = text.parse() {
        return Ok(Token::Unsigned(number));
    }
    // A zero keeps its sign as a float only.
    match text.parse() {
        Ok(number) if number != 0 => Ok(Token::Signed(number)),
        _ => {
            let number = text.parse::<Number>().ok().and_then(|number| number.as_f64());
            number.map(Token::Float).ok_or(Fault::Syntax)
        }
    }
}

/// How deep arrays and objects may be nested where they are not kept verbatim, as in `serde_json`.
const DEEPEST: u32 = 127;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::Schema;
    use crate::object::Any;
    use crate::payload::chance::Chance;

    fn parse(text: &str) -> Option<Value> {
        read::<Any>(text).ok().map(|Any(value)| value)
    }

    fn same(text: &str) -> bool {
        let (read, expected) = (parse(text), serde_json::from_str(text).ok());
        assert_eq!(read, expected, "{text:?}");
        read.is_some()
    }

    #[test]
    fn values_by_chance_are_read_as_serde_json_reads_them() {
        let mut chance = Chance::new(3);
        assert!((0..20_000).all(|_| same(&chance.text())));
    }

    #[test]
    fn what_is_almost_a_value_is_refused_as_serde_json_does() {
        let mut chance = Chance::new(4);
        let good = (0..100_000).filter(|_| same(&chance.damaged())).count();
        assert!((10_000..90_000).contains(&good), "{good}");
    }

    #[test]
    fn numbers_and_escapes_at_the_edges_are_read_as_serde_json_reads_them() {
        for number in [
            "0",
            "-0",
            "-0.0",
            "-1",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "1e308",
            "0.1",
            "5e-324",
            "123456789012345678901234567890e-10",
        ] {
            assert!(same(number), "{number}");
        }
        for text in [r#""\ud83e\udd80""#, r#""\u0000\/\b\f""#, r#""\uD7FF\uE000""#] {
            assert!(same(text), "{text}");
        }
        for text in [
            "1e309",
            r#""\ud83e""#,
            r#""\ud83e\ud83e""#,
            r#""\udd80""#,
            r#""\ud83ex""#,
            "\"",
            "\"\\",
            "\"\\u00",
            r#""\u+123""#,
            "\"\u{1f}\"",
        ] {
            assert!(!same(text), "{text}");
        }
    }

    #[test]
    fn values_are_nested_as_deep_as_serde_json_allows() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(same(&nested(127)) && !same(&nested(128)));
    }

    #[test]
    fn a_verbatim_value_is_nested_as_deep_as_it_likes() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let schema: Schema = read(&format!(" {deep}\n")).unwrap();
        assert_eq!(schema.as_str(), deep);
        assert!(read::<Schema>(&deep[1..]).is_err());
    }

    #[test]
    fn a_fault_says_where_it_is() {
        let fault = read::<Vec<String>>("[\"a\",\n  1]").unwrap_err();
        assert_eq!(
            fault.to_string(),
            "invalid type, expected a string at line 2 column 3"
        );
    }
}
