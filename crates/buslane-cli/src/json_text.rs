//! JSON text on its way to people and scripts: laid out, or on one line. Numbers, names and their order stay as they
//! were sent.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Tells whether a text is one JSON value; the error names line and column.
pub(crate) fn check(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ())
}

/// What a token of a JSON text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The name of a member.
    Name,
    /// A string.
    Text,
    /// A number.
    Number,
    /// True or false.
    Truth,
    /// Null.
    Null,
    /// A bracket, a comma or a colon.
    Mark,
}

/// Lays out a JSON text with an indentation of two.
pub(crate) fn pretty(json: &str) -> String {
    laid_out(json, |_, token| token.to_owned())
}

/// Lays out a JSON text with an indentation of two, each token as `show` makes it.
pub(crate) fn laid_out(json: &str, show: impl Fn(Kind, &str) -> String) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut tokens = kinds(json).peekable();
    while let Some((kind, token)) = tokens.next() {
        match &*token {
            "{" | "[" => {
                out.push_str(&show(kind, &token));
                if let Some((_, close)) = tokens.next_if(|(_, next)| matches!(&**next, "}" | "]")) {
                    out.push_str(&show(kind, &close));
                } else {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push_str(&show(kind, &token));
            }
            "," => {
                out.push_str(&show(kind, &token));
                break_line(&mut out, depth);
            }
            ":" => out.push_str(&show(kind, ": ")),
            _ => out.push_str(&show(kind, &token)),
        }
    }
    out
}

/// Writes a JSON text on one line with a space after each comma and colon, each token as `show` makes it.
pub(crate) fn on_one_line(json: &str, show: impl Fn(Kind, &str) -> String) -> String {
    let spaced = |(kind, token): (Kind, Cow<'_, str>)| match &*token {
        "," => show(kind, ", "),
        ":" => show(kind, ": "),
        token => show(kind, token),
    };
    kinds(json).map(spaced).collect()
}

/// Returns a JSON text without the line breaks that may stand between its tokens, and without any other character
/// that a terminal could take for an order.
pub(crate) fn one_line(json: &str) -> Cow<'_, str> {
    match json.contains(char::is_control) {
        true => Cow::Owned(Tokens(json).map(harmless).collect()),
        false => Cow::Borrowed(json),
    }
}

/// Makes a JSON text part of a larger one; `None` if it is no JSON.
pub(crate) fn raw(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(one_line(json).into_owned()).ok()
}

/// Returns the tokens with what they are, without a character that a terminal could take for an order.
fn kinds(json: &str) -> impl Iterator<Item = (Kind, Cow<'_, str>)> {
    let mut tokens = Tokens(json).peekable();
    std::iter::from_fn(move || {
        let token = tokens.next()?;
        let kind = match token.as_bytes()[0] {
            b'"' if tokens.peek() == Some(&":") => Kind::Name,
            b'"' => Kind::Text,
            b'{' | b'}' | b'[' | b']' | b',' | b':' => Kind::Mark,
            b't' | b'f' => Kind::Truth,
            b'n' => Kind::Null,
            _ => Kind::Number,
        };
        Some((kind, harmless(token)))
    })
}

/// Escapes control characters: JSON allows some of them inside a string.
fn harmless(token: &str) -> Cow<'_, str> {
    if !token.contains(char::is_control) {
        return Cow::Borrowed(token);
    }
    let mut out = String::with_capacity(token.len() + ESCAPE);
    for character in token.chars() {
        match character.is_control() {
            true => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => out.push(character),
        }
    }
    Cow::Owned(out)
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// The tokens of a JSON text, without what stands between them.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_ascii_start();
        let end = match rest.bytes().next()? {
            b'"' => string_end(rest),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            _ => rest
                .find([' ', '\t', '\r', '\n', '{', '}', '[', ']', ',', ':', '"'])
                .unwrap_or(rest.len()),
        };
        let (token, rest) = rest.split_at(end);
        self.0 = rest;
        Some(token)
    }
}

/// Finds the end of the string that a text begins with.
fn string_end(text: &str) -> usize {
    let mut escaped = true;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return index + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Bytes of an escaped character.
const ESCAPE: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_arrays_are_laid_out() {
        let text = r#"{"a":[1,2.50],"b":{},"c":[],"d":"x\"{,:","e":null}"#;
        let expected = "{\n  \"a\": [\n    1,\n    2.50\n  ],\n  \"b\": {},\n  \"c\": [],\n  \"d\": \"x\\\"{,:\",\n  \"e\": null\n}";
        assert_eq!(pretty(text), expected);
        assert_eq!(pretty("17"), "17");
    }

    #[test]
    fn what_is_laid_out_means_the_same() {
        let text = r#"[{"a":"\\"},{"b":["\"",-1e5,true,[[]]]}]"#;
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&pretty(text)).unwrap(),
            value
        );
    }

    #[test]
    fn line_breaks_between_tokens_go_and_numbers_stay() {
        assert_eq!(
            one_line("{\n\t\"a b\": 1.00,\r\n \"c\": 10000000000000000000001}"),
            r#"{"a b":1.00,"c":10000000000000000000001}"#
        );
    }

    #[test]
    fn what_a_terminal_could_obey_is_escaped() {
        let text = "{\"a\u{9b}31m\": \"\u{7f}\"}";
        assert!(check(text).is_ok(), "it is valid JSON");
        assert_eq!(one_line(text), r#"{"a\u009b31m":"\u007f"}"#);
        assert_eq!(pretty(text), "{\n  \"a\\u009b31m\": \"\\u007f\"\n}");
    }

    #[test]
    fn tokens_are_told_apart() {
        let text = on_one_line(r#"{"a":["b",-1,true,null]}"#, |kind, _| format!("{kind:?} "));
        let expected = "Mark Name Mark Mark Text Mark Number Mark Truth Mark Null Mark Mark ";
        assert_eq!(text, expected);
    }

    #[test]
    fn text_that_is_no_json_ends_all_the_same() {
        for text in ["\"", "\"\\", "}}", "é\"", "\u{1}", "::"] {
            pretty(text);
            assert!(raw(text).is_none());
        }
    }
}
