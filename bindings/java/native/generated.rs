//! Holds the Java files that are made of `schemas/` against their sources. `BUSLANE_GENERATE=1` writes them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

#[test]
fn the_error_codes_of_java_are_those_of_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join("../../schemas/errors.json")).unwrap();
    let table: Value = serde_json::from_str(&table).unwrap();
    let expected = source(table["errors"].as_array().unwrap());
    let path = root.join("src/main/java/io/buslane/ErrorCode.java");
    if std::env::var_os("BUSLANE_GENERATE").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "ErrorCode.java is not of schemas/errors.json: run `just generate`"
    );
}

#[test]
fn whoever_names_the_package_names_the_version_of_the_workspace() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let version = concat!("<version>", env!("CARGO_PKG_VERSION"), "</version>");
    for file in [
        "pom.xml",
        "bench/pom.xml",
        "packaging/fat/pom.xml",
        "../../examples/java/pom.xml",
        "../../docs/java.md",
    ] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let mut named = text.lines().map(str::trim);
        named
            .find(|line| *line == "<artifactId>buslane</artifactId>")
            .unwrap();
        assert_eq!(named.next(), Some(version), "{file}");
    }
    let page = fs::read_to_string(root.join("../../docs/java.md")).unwrap();
    let gradle = concat!(
        "implementation 'io.buslane:buslane:",
        env!("CARGO_PKG_VERSION"),
        "'"
    );
    assert!(
        page.contains(gradle),
        "docs/java.md has another version for Gradle"
    );
}

fn source(table: &[Value]) -> String {
    let mut constants = String::new();
    for (index, row) in table.iter().enumerate() {
        let word = row["code"].as_str().unwrap();
        let end = if index + 1 == table.len() { ";" } else { "," };
        let retry = row["retry"].as_str().unwrap().to_uppercase();
        let text = |member: &str| row[member].as_str().unwrap();
        write!(
            constants,
            "  /** {}. {} */\n  {}(\n      {:?},\n      {},\n      {},\n      Retry.{retry},\n      {:?}){end}\n\n",
            html(&capital(text("title"))),
            html(text("meaning")),
            word.to_uppercase(),
            word,
            row["number"],
            row["status"],
            text("title"),
        )
        .unwrap();
    }
    format!("{HEAD}{constants}{TAIL}")
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('@', "&#64;")
}

const HEAD: &str = "package io.buslane;

import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What can go wrong. Made of the table {@code schemas/errors.json}; do not edit. */
public enum ErrorCode {
";

const TAIL: &str = "  /** Whether doing it again can help. */
  public enum Retry {
    /** It is refused again. */
    NEVER,
    /** Nothing took effect, and it may succeed later. */
    LATER,
    /** It may have taken effect: again only if twice is harmless. */
    IF_HARMLESS_TWICE
  }

  private static final Map<String, ErrorCode> BY_WORD =
      Stream.of(values()).collect(Collectors.toUnmodifiableMap(ErrorCode::word, Function.identity()));

  private final String word;
  private final int number;
  private final int status;
  private final Retry retry;
  private final String title;

  ErrorCode(String word, int number, int status, Retry retry, String title) {
    this.word = word;
    this.number = number;
    this.status = status;
    this.retry = retry;
    this.title = title;
  }

  /**
   * Returns the code of a word.
   *
   * @param word the word that travels, not null
   * @return the code, if the table has it; never null
   */
  public static Optional<ErrorCode> of(String word) {
    return Optional.ofNullable(BY_WORD.get(word));
  }

  /**
   * Returns the word that travels.
   *
   * @return the word, never null
   */
  public String word() {
    return word;
  }

  /**
   * Returns the number, for where numbers are wanted.
   *
   * @return the number, from 1
   */
  public int number() {
    return number;
  }

  /**
   * Returns the HTTP status that goes with the code.
   *
   * @return the status
   */
  public int status() {
    return status;
  }

  /**
   * Tells whether doing it again can help.
   *
   * @return whether it can, never null
   */
  public Retry retry() {
    return retry;
  }

  /**
   * Returns one sentence for people, the same for each error of the code.
   *
   * @return the sentence, never null
   */
  public String title() {
    return title;
  }
}
";
