//! `docs/addresses.md` says what the parsers do: every example of its tables is tried.

use std::fmt::Display;
use std::fs;

use buslane_protocol::{Address, Filter, Name, Topic};

use crate::documentation::{rows, section};
use crate::files;

fn page() -> String {
    fs::read_to_string(files::path("../docs/addresses.md")).unwrap()
}

/// Returns the rows under a heading, their cells without the marks of code.
fn table<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let rows = rows(section(page, &format!("### {heading}")));
    assert!(rows.len() > 2, "{heading}");
    rows.into_iter()
        .map(|row| row.into_iter().map(|cell| cell.trim_matches('`')).collect())
        .collect()
}

/// Tries the examples of one kind: the valid ones are taken, the invalid ones refused in the words of the page.
fn check<T, E: Display>(kind: &str, parse: impl Fn(&str) -> Result<T, E>) {
    let page = page();
    for row in table(&page, &format!("Valid {kind}")) {
        let refused = parse(row[0]).err().map(|error| error.to_string());
        assert_eq!(refused, None, "{}", row[0]);
    }
    for row in table(&page, &format!("Invalid {kind}")) {
        let refused = parse(row[0]).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some(row[1]), "{}", row[0]);
    }
}

#[test]
fn names_addresses_topics_and_filters_are_taken_and_refused_as_the_page_says() {
    check("names", |text| Name::parse(text).map(drop));
    check("addresses", |text| Address::parse(text).map(drop));
    check("topics", |text| Topic::parse(text).map(drop));
    check("filters", |text| Filter::parse(text).map(drop));
}

#[test]
fn filters_select_what_the_page_says() {
    for row in table(&page(), "Valid filters") {
        let (filter, topic) = (Filter::parse(row[0]).unwrap(), Topic::parse(row[1]).unwrap());
        let selected = if filter.matches(&topic) { "yes" } else { "no" };
        assert_eq!(selected, row[2], "{filter} and {topic}");
    }
}

#[test]
fn urls_mean_what_the_page_says() {
    for row in table(&page(), "Encoded") {
        let (url, meaning) = (row[0].strip_prefix("/api/v1/").unwrap(), row[1]);
        assert!(!url.contains('#'), "{url}");
        let part = url.split_once(['/', '=']).unwrap().1;
        assert_eq!(decoded(part), meaning);
        let taken = match url.split(['/', '?']).next() {
            Some("request") => Address::parse(meaning).is_ok(),
            Some("publish") => Topic::parse(meaning).is_ok(),
            _ => Filter::parse(meaning).is_ok(),
        };
        assert!(taken, "{meaning}");
    }
}

/// Undoes percent-encoding (RFC 3986, section 2.1).
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |decoded, part| {
        let byte = u8::from_str_radix(&part[..2], 16).unwrap();
        decoded + char::from(byte).encode_utf8(&mut [0; 4]) + &part[2..]
    })
}
