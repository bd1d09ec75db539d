//! JSON text on its way to people and scripts: laid out, or on one line. Numbers, names and their order stay as they
//! were sent.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Tells whether a text is one JSON value; the error names line and column.
pub(crate) fn check(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ())
}

/// Lays out a JSON text with an indentation of two.
pub(crate) fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut tokens = Tokens(json).peekable();
    while let Some(token) = tokens.next() {
        match token {
            "{" | "[" => {
                out.push_str(token);
                if let Some(close) = tokens.next_if(|next| matches!(*next, "}" | "]")) {
                    out.push_str(close);
                } else {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push_str(token);
            }
            "," => {
                out.push(',');
                break_line(&mut out, depth);
            }
            ":" => out.push_str(": "),
            _ => out.push_str(token),
        }
    }
    out
}

/// Returns a JSON text without the line breaks that may stand between its tokens.
pub(crate) fn one_line(json: &str) -> Cow<'_, str> {
    match json.contains(char::is_control) {
        true => Cow::Owned(Tokens(json).collect()),
        false => Cow::Borrowed(json),
    }
}

/// Makes a JSON text part of a larger one; `None` if it is no JSON.
pub(crate) fn raw(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(one_line(json).into_owned()).ok()
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
    fn text_that_is_no_json_ends_all_the_same() {
        for text in ["\"", "\"\\", "}}", "é\"", "\u{1}", "::"] {
            pretty(text);
            assert!(raw(text).is_none());
        }
    }
}
