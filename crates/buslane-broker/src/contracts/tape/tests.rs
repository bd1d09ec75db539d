//! What is read has to be what `serde_json` reads, or refused.

use serde_json::{Map, Value};

use super::*;
use crate::contracts::payload;

/// Makes a value of what is on a tape.
fn value(values: Values<'_>, at: usize) -> Value {
    let entry = values.entry(at);
    match entry.kind {
        Kind::Null => Value::Null,
        Kind::False => Value::Bool(false),
        Kind::True => Value::Bool(true),
        Kind::Unsigned | Kind::Negative | Kind::Float => match Number::from_entry(entry) {
            Number::Unsigned(number) => number.into(),
            Number::Negative(number) => number.into(),
            Number::Float(number) => number.into(),
        },
        Kind::String | Kind::Unescaped => values.string(entry).into(),
        Kind::Array => {
            let mut items = Vec::new();
            let mut inner = at + 1;
            for _ in 0..entry.length {
                items.push(value(values, inner));
                inner = values.behind(inner);
            }
            assert_eq!(inner, values.behind(at));
            Value::Array(items)
        }
        Kind::Object => {
            let mut members = Map::new();
            let mut inner = at + 1;
            for _ in 0..entry.length {
                let name = values.string(values.entry(inner)).to_owned();
                members.insert(name, value(values, inner + 1));
                inner = values.behind(inner + 1);
            }
            assert_eq!(inner, values.behind(at));
            Value::Object(members)
        }
    }
}

fn read(text: &[u8]) -> Result<Value, Unread> {
    let text = std::str::from_utf8(text).map_err(|_| Unread)?;
    Tape::default().read(text).map(|values| value(values, 0))
}

#[test]
fn what_is_read_is_what_serde_json_reads() {
    for text in [
        "null",
        " [ true , false,null ] \n",
        "\"\"",
        "\"seven77\"",
        "\"eight888\"",
        "\"nine99999\"",
        "\"a longer text, with ä and 😀 in it\"",
        "\"\\u00e4\\n\\ud83d\\ude00\\\"\\\\\"",
        "{\"\":{},\"a\":[[],[1,[2]]],\"\\u0062\":\"\\\"\"}",
        "{\"one\":1,\"two\":2,\"three\":3,\"a long name of one thing\":4,\"a long name of two things\":5}",
    ] {
        assert_eq!(
            read(text.as_bytes()),
            Ok(serde_json::from_str::<Value>(text).unwrap()),
            "{text}"
        );
    }
}

#[test]
fn numbers_are_those_that_serde_json_reads() {
    for text in [
        "0",
        "-0",
        "1",
        "-1",
        "-0.0",
        "0.1",
        "21.5",
        "-87.25",
        "101325.0",
        "1e3",
        "1E+3",
        "25e-1",
        "9007199254740993.5",
        "0.3333333333333333333333",
        "123456789012345678",
        "1234567890123456789",
        "9223372036854775807",
        "-9223372036854775808",
        "-9223372036854775809",
        "9999999999999999999",
        "18446744073709551615",
        "18446744073709551616",
        "100000000000000000000000",
        "1.7976931348623157e308",
        "5e-324",
        "0.000000000000000001",
        "1e-400",
    ] {
        let expected: Value = serde_json::from_str(text).unwrap();
        let found = read(text.as_bytes()).unwrap();
        // Equal down to the bits, which comparing does not tell of zeros.
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{text}");
    }
}

#[test]
fn what_is_not_one_value_is_not_read() {
    for text in [
        &b""[..],
        b" ",
        b"{",
        b"}",
        b"[",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{a:1}",
        b"1 2",
        b"nul",
        b"truth",
        b"nulls",
        b"01",
        b"-01",
        b"-",
        b"+1",
        b"1.",
        b".5",
        b"1.e3",
        b"1e",
        b"1e+",
        b"1e999",
        b"0x1",
        b"1.5.5",
        b"\"",
        b"\"a",
        b"\"\\",
        b"\"\\\"",
        b"\"\\x\"",
        b"\"\\ud800\"",
        b"\"a\nb\"",
        b"\"a\\n\nb\"",
        b"\"\x00\"",
        b"\"long enough text\twith a tab\"",
        b"\xff",
        b"\"\xff\"",
        b"\"abcdefghijk\xff\"",
        b"'a'",
        b"[1]]",
        b"NaN",
        b"\xef\xbb\xbf1",
    ] {
        assert_eq!(read(text), Err(Unread), "{}", text.escape_ascii());
        assert!(payload::parse(text).is_err(), "{}", text.escape_ascii());
    }
}

#[test]
fn two_members_of_one_name_are_not_read() {
    let many = |twin: usize| {
        let names = (0..40).map(|index| format!("\"a name of some length {}\":{index}", index % twin));
        format!("{{{}}}", names.collect::<Vec<_>>().join(","))
    };
    assert!(read(many(40).as_bytes()).is_ok());
    for text in [
        "{\"a\":1,\"a\":1}",
        "[{\"x\":{\"a\":1,\"\\u0061\":2}}]",
        "{\"a\":{\"b\":1},\"b\":{\"a\":1},\"b\":2}",
        &many(39),
    ] {
        assert_eq!(read(text.as_bytes()), Err(Unread), "{text}");
    }
    // A name may come again in another object, and a zero byte makes another name.
    for text in [
        "{\"a\":{\"a\":{\"a\":1}}}",
        "[{\"a\":1},{\"a\":2}]",
        "{\"a\":1,\"a\\u0000\":2}",
    ] {
        assert!(read(text.as_bytes()).is_ok(), "{text}");
    }
}

#[test]
fn nesting_is_read_as_deeply_as_serde_json_reads_it() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |levels: usize| {
            let inner = if open == "[" { "" } else { "1" };
            format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
        };
        for (levels, is_read) in [(1, true), (127, true), (128, false), (100_000, false)] {
            assert_eq!(read(nested(levels).as_bytes()).is_ok(), is_read, "{levels}");
            assert_eq!(
                payload::parse(nested(levels).as_bytes()).is_ok(),
                is_read,
                "{levels}"
            );
        }
    }
}

#[test]
fn a_tape_is_used_again_and_shrinks_after_a_long_payload() {
    let mut tape = Tape::default();
    let long = format!("[{}1]", "\"\\n\",".repeat(100_000));
    assert_eq!(tape.read(&long).map(|values| values.len()), Ok(100_002));
    tape.shrink();
    assert_eq!(tape.entries.capacity() + tape.unescaped.capacity(), 0);
    assert!(tape.read("{\"a\":").is_err());
    assert_eq!(
        tape.read("{\"a\":1}").map(|values| value(values, 0)),
        Ok(serde_json::json!({ "a": 1 }))
    );
}

#[test]
fn words_tell_short_texts_apart() {
    assert_eq!(word(b""), 0);
    assert_eq!(word(b"ab"), u64::from_le_bytes(*b"ab\0\0\0\0\0\0"));
    assert_ne!(word(b"property-1"), word(b"property-2"));
    assert_ne!(word(b"1-property"), word(b"2-property"));
    assert_ne!(word(b"samesamesamesame"), 0);
}
