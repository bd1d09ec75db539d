//! House rules that can be seen in a file's text.

use crate::Finding;
use crate::files::TextFile;

/// Lines that a source file may have.
const LONGEST: usize = 600;

/// Endings of the names of source files.
const SOURCES: &[&str] = &[
    "rs", "py", "js", "mjs", "cjs", "ts", "mts", "cts", "java", "cpp", "hpp", "h", "sh",
];

/// Names that say nothing of what is in a file.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "manager"];

/// Words of unfinished work. Written in two parts, so that this file is not found.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("not implemented ", "yet"),
    concat!("simplified ", "for now"),
];

/// Marks of tests that are switched off.
const SWITCHED_OFF: &[&str] = &[
    concat!("#[ig", "nore"),
    concat!("@Dis", "abled"),
    concat!("xi", "t("),
    concat!("test.sk", "ip("),
    concat!("describe.sk", "ip("),
    concat!("DISA", "BLED_"),
    concat!("GTEST_", "SKIP("),
];

/// Beginnings of paths that exist on one machine only.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/fa", "rm/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

/// Calls that wait for time to pass, which no test may do.
const SLEEPS: &[&str] = &[
    concat!("thread::sl", "eep("),
    concat!("time::sl", "eep("),
    concat!("time.sl", "eep("),
    concat!("Thread.sl", "eep("),
    concat!("sleep_", "for("),
    concat!("setTime", "out(resolve"),
];

/// Where the packages of a `package-lock.json` may come from. npm takes this for whatever registry it is told.
const REGISTRY: &str = "https://registry.npmjs.org/";

/// Finds breaches of the rules in one file.
pub fn check(file: &TextFile) -> Vec<Finding> {
    if file.path.ends_with(".lock") {
        return Vec::new();
    }
    let mut findings = marks(file, MACHINE_PATHS, "a path of one machine");
    if file.path.ends_with("package-lock.json") {
        findings.extend(strangers(file));
    }
    if SOURCES.contains(&file.extension()) {
        findings.extend(head(file));
        findings.extend(name(file));
        findings.extend(length(file));
        findings.extend(marks(file, UNFINISHED, "unfinished work"));
        findings.extend(marks(file, SWITCHED_OFF, "a test that is switched off"));
    }
    if file.path.contains("/tests/") || file.path.contains("/test/") {
        findings.extend(marks(file, SLEEPS, "a test that sleeps"));
    }
    findings
}

fn length(file: &TextFile) -> Option<Finding> {
    let lines = file.text.lines().count();
    (lines > LONGEST).then(|| Finding::new(&file.path, format!("has {lines} lines: split it by concept")))
}

/// Finds a file that does not say at its beginning what it is for, in the manner of its language.
fn head(file: &TextFile) -> Option<Finding> {
    let text = file.text.as_str();
    let (good, manner) = match file.extension() {
        "rs" => (text.starts_with("//!"), "//!"),
        "py" => (without_shebang(text).starts_with("\"\"\""), "a docstring"),
        "sh" => (without_shebang(text).starts_with("# "), "a comment"),
        // Before the first type: a file of Java begins with its package.
        "java" => (java_head(text).contains("/**"), "/** before its type"),
        _ => {
            let text = without_shebang(text);
            (text.starts_with("//") || text.starts_with("/**"), "a comment")
        }
    };
    (!good).then(|| {
        Finding::new(
            &file.path,
            format!("does not begin with {manner} that says what it owns"),
        )
    })
}

/// Returns the text behind the lines that are for the shell: `#!`, and what shellcheck and Python's interpreter read.
fn without_shebang(text: &str) -> &str {
    let mut rest = text;
    while rest.starts_with("#!") || rest.starts_with("# shellcheck ") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest
}

/// Returns what stands before the first type of a file of Java, which is the first line that opens a block.
fn java_head(text: &str) -> &str {
    let opens = |line: &str| !line.starts_with([' ', '*', '/']) && line.trim_end().ends_with('{');
    let lines = text.split_inclusive('\n');
    let length = lines.take_while(|line| !opens(line)).map(str::len).sum();
    &text[..length]
}

fn name(file: &TextFile) -> Option<Finding> {
    let stem = file.path.rsplit('/').next()?.split('.').next()?;
    let empty = EMPTY_NAMES.contains(&stem.to_lowercase().as_str());
    empty.then(|| Finding::new(&file.path, "has a name that does not say what is in it"))
}

/// Finds packages of npm that come from elsewhere than the public registry.
fn strangers(file: &TextFile) -> Vec<Finding> {
    let sources = file
        .text
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index, line.split_once("\"resolved\": \"")?.1)));
    sources
        .filter(|(_, source)| !source.starts_with(REGISTRY))
        .map(|(index, _)| {
            let place = format!("{}:{}", file.path, index + 1);
            Finding::new(place, "a package does not come from the public registry")
        })
        .collect()
}

/// Finds the lines that hold one of the marks, as a word of its own where the mark begins with a letter.
fn marks(file: &TextFile, marks: &[&str], what: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for mark in marks.iter().filter(|mark| holds(line, mark)) {
            findings.push(Finding::new(
                format!("{}:{}", file.path, index + 1),
                format!("{what}: {mark}"),
            ));
        }
    }
    findings
}

fn holds(line: &str, mark: &str) -> bool {
    let ends_in_letter = mark.ends_with(char::is_alphanumeric);
    line.match_indices(mark).any(|(position, _)| {
        let before = line[..position].chars().next_back();
        let after = line[position + mark.len()..]
            .chars()
            .next()
            .filter(|_| ends_in_letter);
        !(before.is_some_and(continues) || after.is_some_and(char::is_alphanumeric))
    })
}

/// Tells whether a character before a mark makes it a part of something longer, as `a.b/` does to a path.
fn continues(before: char) -> bool {
    before.is_alphanumeric() || matches!(before, '_' | '.' | '-' | '}' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&TextFile::new(path, text))
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    #[test]
    fn a_tidy_file_passes() {
        // A mark that is a part of a longer word is none.
        let text = format!(
            "//! Owns nothing.\n\n/// Of e{}0) and {}S.\n",
            SWITCHED_OFF[2], UNFINISHED[0]
        );
        assert_eq!(findings("crates/a/src/lib.rs", &text), [""; 0]);
        assert_eq!(findings("crates/a/tests/b.rs", "//! Runs to the end.\n"), [""; 0]);
    }

    #[test]
    fn unfinished_work_is_found_with_its_line() {
        for mark in UNFINISHED {
            let found = findings("scripts/a.sh", &format!("# Runs.\n# {mark} later\n"));
            assert_eq!(found, [format!("scripts/a.sh:2: unfinished work: {mark}")]);
        }
    }

    #[test]
    fn a_test_that_is_switched_off_or_sleeps_is_found() {
        for mark in SWITCHED_OFF {
            assert_eq!(
                findings("a.mjs", &format!("// Fine.\n{mark}\n")).len(),
                1,
                "{mark}"
            );
        }
        for mark in SLEEPS {
            assert_eq!(
                findings("crates/a/tests/b.cpp", &format!("// Fine.\n {mark} 1)\n")).len(),
                1,
                "{mark}"
            );
            assert_eq!(
                findings("crates/a/b.cpp", &format!("// Fine.\n {mark} 1)\n")).len(),
                0,
                "{mark}"
            );
        }
    }

    #[test]
    fn a_path_of_one_machine_is_found_in_any_file() {
        for mark in MACHINE_PATHS {
            assert_eq!(
                findings("README.md", &format!("see `{mark}a`\n")).len(),
                1,
                "{mark}"
            );
            assert_eq!(
                findings("README.md", &format!("see `a{mark}a`\n")).len(),
                0,
                "{mark}"
            );
        }
    }

    #[test]
    fn a_file_that_is_too_long_is_found() {
        let long = |lines: usize| format!("\"\"\"Says a lot.\"\"\"{}", "\n".repeat(lines));
        assert_eq!(findings("a.py", &long(LONGEST)), [""; 0]);
        assert_eq!(
            findings("a.py", &long(LONGEST + 1)),
            ["a.py: has 601 lines: split it by concept"]
        );
    }

    #[test]
    fn a_file_without_a_head_is_found() {
        assert_eq!(
            findings("a.rs", "fn main() {}\n"),
            ["a.rs: does not begin with //! that says what it owns"]
        );
        for (path, good, bad) in [
            (
                "a.py",
                "#!/usr/bin/env python3\n\"\"\"Adds.\"\"\"\n",
                "import sys\n",
            ),
            (
                "a.sh",
                "#!/usr/bin/env bash\n# Adds.\n",
                "#!/usr/bin/env bash\nset -eu\n",
            ),
            ("a.hpp", "/// Adds.\n#pragma once\n", "#pragma once\n"),
            ("a.mts", "/** Adds. */\n", "import \"node:fs\";\n"),
            (
                "A.java",
                "package a;\n/** Adds. */\nclass A {\n",
                "package a;\nclass A {\n  /** One. */\n",
            ),
        ] {
            assert_eq!(findings(path, good), [""; 0], "{path}");
            assert_eq!(findings(path, bad).len(), 1, "{path}");
        }
    }

    #[test]
    fn a_name_that_says_nothing_is_found() {
        assert_eq!(findings("a/outbox.ts", "// Keeps.\n"), [""; 0]);
        assert_eq!(findings("a/Utils.ts", "// Keeps.\n").len(), 1);
    }

    #[test]
    fn a_package_of_another_registry_is_found() {
        let lock = |source: &str| format!("{{\n  \"resolved\": \"{source}\"\n}}\n");
        let public = lock("https://registry.npmjs.org/a/-/a-1.tgz");
        assert_eq!(findings("a/package-lock.json", &public), [""; 0]);
        assert_eq!(
            findings("a/package-lock.json", &lock("https://example.com/a-1.tgz")),
            ["a/package-lock.json:2: a package does not come from the public registry"]
        );
    }
}
