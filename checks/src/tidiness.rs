//! House rules that can be seen in a file's text.

use crate::Finding;
use crate::files::TextFile;

/// Lines that a source file may have.
const LONGEST: usize = 600;

/// Endings of the names of source files.
const SOURCES: &[&str] = &["rs", "py", "js", "mjs", "ts", "java", "cpp", "hpp", "h", "sh"];

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
];

/// Finds breaches of the rules in one file.
pub fn check(file: &TextFile) -> Vec<Finding> {
    if file.path.ends_with(".lock") {
        return Vec::new();
    }
    let mut findings = marks(file, MACHINE_PATHS, "a path of one machine");
    if SOURCES.contains(&file.extension()) {
        findings.extend(length(file));
        findings.extend(marks(file, UNFINISHED, "unfinished work"));
        findings.extend(marks(file, SWITCHED_OFF, "a test that is switched off"));
    }
    if file.extension() == "rs" {
        findings.extend(head(file));
    }
    if file.path.contains("/tests/") {
        findings.extend(marks(file, SLEEPS, "a test that sleeps"));
    }
    findings
}

fn length(file: &TextFile) -> Option<Finding> {
    let lines = file.text.lines().count();
    (lines > LONGEST).then(|| Finding::new(&file.path, format!("has {lines} lines: split it by concept")))
}

fn head(file: &TextFile) -> Option<Finding> {
    let good = file.text.starts_with("//!");
    (!good).then(|| Finding::new(&file.path, "does not begin with //! that says what it owns"))
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
            let found = findings("scripts/a.sh", &format!("# fine\n# {mark} later\n"));
            assert_eq!(found, [format!("scripts/a.sh:2: unfinished work: {mark}")]);
        }
    }

    #[test]
    fn a_test_that_is_switched_off_or_sleeps_is_found() {
        for mark in SWITCHED_OFF {
            assert_eq!(findings("a.java", &format!("  {mark}\n")).len(), 1, "{mark}");
        }
        for mark in SLEEPS {
            assert_eq!(
                findings("crates/a/tests/b.py", &format!("    {mark}1)\n")).len(),
                1,
                "{mark}"
            );
            assert_eq!(
                findings("crates/a/b.py", &format!("    {mark}1)\n")).len(),
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
        assert_eq!(findings("a.py", &"\n".repeat(LONGEST)), [""; 0]);
        assert_eq!(
            findings("a.py", &"\n".repeat(LONGEST + 1)),
            ["a.py: has 601 lines: split it by concept"]
        );
    }

    #[test]
    fn a_file_without_a_head_is_found() {
        assert_eq!(
            findings("a.rs", "fn main() {}\n"),
            ["a.rs: does not begin with //! that says what it owns"]
        );
    }
}
