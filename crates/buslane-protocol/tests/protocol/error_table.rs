//! `schemas/errors.json` and the crate's own table are the same.

use std::collections::BTreeSet;

use buslane_protocol::ErrorCode;
use serde_json::Value;

use crate::files;

fn rows() -> Vec<Value> {
    files::read("errors.json")["errors"].as_array().unwrap().clone()
}

#[test]
fn both_tables_have_the_same_rows_in_the_same_order() {
    let rows = rows();
    assert_eq!(rows.len(), ErrorCode::ALL.len());
    for (row, code) in rows.iter().zip(ErrorCode::ALL) {
        assert_eq!(row["code"], code.as_str());
        assert_eq!(row["number"], code.number(), "{code}");
        assert_eq!(row["status"], code.status(), "{code}");
        assert_eq!(row["retry"], code.retry().as_str(), "{code}");
        assert_eq!(row["title"], code.title(), "{code}");
    }
}

#[test]
fn every_row_says_what_it_means_and_who_can_mend_it_how() {
    for row in rows() {
        let who = row["who"].as_str().unwrap();
        assert!(
            matches!(who, "caller" | "service" | "operator" | "defect"),
            "{row}"
        );
        let meaning = row["meaning"].as_str().unwrap();
        assert!(meaning.ends_with('.') && meaning.len() > 20, "{row}");
        let remedy = row["remedy"].as_str().unwrap_or_default();
        assert!(
            remedy.ends_with('.'),
            "{row} has no `remedy`: what to do about it, in a sentence"
        );
    }
}

#[test]
fn numbers_count_up_and_codes_are_words() {
    let mut codes = BTreeSet::new();
    for (index, code) in ErrorCode::ALL.iter().enumerate() {
        assert_eq!(usize::from(code.number()), index + 1, "{code}");
        assert!(codes.insert(code.as_str()), "{code} occurs twice");
        assert!(
            code.as_str()
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{code}"
        );
        assert_eq!(ErrorCode::parse(code.as_str()), Some(*code));
    }
}
