//! Strings of a format, a pattern and a length.

use super::pattern::{self, LONGEST};
use super::shape::Shape;

/// Returns strings that may be what a schema describes, the best first; `salt` makes different ones.
pub(super) fn candidates(shape: &Shape<'_>, salt: usize) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(format) = shape.format {
        found.extend(of_format(format, salt));
    }
    for pattern in &shape.patterns {
        for extra in [0, shape.lengths.least, 1, 2] {
            found.extend(pattern::text(pattern, extra, salt).map(|text| fit(text, shape, "a")));
            found.extend(pattern::text(pattern, extra, salt));
        }
    }
    let suffix = if salt == 0 {
        String::new()
    } else {
        salt.to_string()
    };
    for word in WORDS {
        found.push(fit(format!("{suffix}{word}"), shape, word));
    }
    let is_short = |text: &String| {
        let length = text.chars().count();
        shape.lengths.nearest(length) == length
    };
    let mut kept: Vec<String> = Vec::new();
    for text in found.into_iter().filter(is_short) {
        if !kept.contains(&text) {
            kept.push(text);
        }
    }
    kept
}

/// Lengthens or shortens a text.
fn fit(text: String, shape: &Shape<'_>, filling: &str) -> String {
    let length = text.chars().count();
    let wanted = shape.lengths.nearest(length).min(LONGEST);
    match wanted > length {
        true => text
            .chars()
            .chain(filling.chars().cycle().take(wanted - length))
            .collect(),
        false => text.chars().take(wanted).collect(),
    }
}

/// Returns examples of a format.
fn of_format(format: &str, salt: usize) -> Vec<String> {
    let day = 1 + salt % 28;
    let number = salt % 250;
    let examples: &[String] = &match format {
        "date-time" => [format!("2026-01-{day:02}T12:00:00Z")],
        "date" => [format!("2026-01-{day:02}")],
        "time" => [format!("12:{:02}:00Z", salt % 60)],
        "duration" => [format!("PT{}M", 5 + salt)],
        "email" | "idn-email" => [format!("ada{}@example.org", digits(salt))],
        "hostname" | "idn-hostname" => [format!("host{}.example.org", digits(salt))],
        "ipv4" | "ip-address" => [format!("192.0.2.{}", 1 + number)],
        "ipv6" => [format!("2001:db8::{:x}", 1 + salt)],
        "uri" | "uri-reference" | "iri" | "iri-reference" => {
            [format!("https://example.org/{}", digits(salt))]
        }
        "uri-template" => [format!("https://example.org/{{id{}}}", digits(salt))],
        "uuid" => [format!("00000000-0000-7000-8000-{:012x}", 1 + salt)],
        "json-pointer" => [format!("/member{}", digits(salt))],
        "relative-json-pointer" => [format!("{}/member", 1 + salt)],
        "regex" => [format!("^a{}", digits(salt))],
        "color" => [format!("#0000{number:02x}")],
        _ => return Vec::new(),
    };
    examples.to_vec()
}

fn digits(salt: usize) -> String {
    match salt {
        0 => String::new(),
        salt => salt.to_string(),
    }
}

/// What texts are made of where nothing says more.
const WORDS: [&str; 5] = ["text", "a", "A", "0", "-"];
