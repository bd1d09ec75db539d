//! Links between the files of the repository, and to the headings of its pages.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::Finding;
use crate::files::TextFile;

/// Finds links of a Markdown file to files, folders or headings that do not exist under `root`. Links to other sites are
/// not followed.
pub fn check(file: &TextFile, root: &Path) -> Vec<Finding> {
    if file.extension() != "md" {
        return Vec::new();
    }
    let folder = root.join(&file.path);
    let folder = folder.parent().unwrap_or(root);
    let mut findings = Vec::new();
    let mut in_block = false;
    for (index, line) in file.text.lines().enumerate() {
        in_block ^= line.trim_start().starts_with("```");
        // A lambda of C++ looks like a link.
        if in_block {
            continue;
        }
        for target in targets(line).filter(|target| !exists(target, &file.text, folder)) {
            let message = format!("links to {target}, which does not exist");
            findings.push(Finding::new(format!("{}:{}", file.path, index + 1), message));
        }
    }
    findings
}

/// Tells whether a link of a page that says `here` and lies in `folder` leads somewhere.
fn exists(target: &str, here: &str, folder: &Path) -> bool {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = folder.join(path);
    let is_page = path.is_empty() || path.ends_with(".md");
    if anchor.is_empty() || !is_page {
        return path.is_empty() || file.exists();
    }
    let found = |text: &str| anchors(text).contains(anchor);
    match path {
        "" => found(here),
        _ => fs::read_to_string(file).is_ok_and(|text| found(&text)),
    }
}

/// Returns what the headings of a page are called in links: lower case, without punctuation, and numbered where an
/// earlier heading has the same name.
fn anchors(text: &str) -> HashSet<String> {
    let mut anchors = HashSet::new();
    let mut in_block = false;
    for line in text.lines() {
        in_block ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if in_block || heading.len() == line.len() {
            continue;
        }
        let kept = |character: &char| character.is_alphanumeric() || "-_ ".contains(*character);
        let name: String = heading.trim().to_lowercase().chars().filter(kept).collect();
        let name = name.replace(' ', "-");
        let numbered = (1..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone())
            .chain(numbered)
            .find(|name| !anchors.contains(name));
        anchors.extend(free);
    }
    anchors
}

/// Returns the targets of `[text](target)` in a line, those with a scheme left out.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    fn findings(text: &str) -> Vec<String> {
        let file = TextFile::new("checks/a.md", text);
        check(&file, &files::root())
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    #[test]
    fn a_link_to_what_exists_passes() {
        assert_eq!(
            findings("[a](src/links.rs) [b](../Cargo.toml#x) [c](https://example.com/c)"),
            [""; 0]
        );
    }

    #[test]
    fn a_link_to_what_does_not_exist_is_found() {
        assert_eq!(
            findings("\n[a](src/gone.rs)"),
            ["checks/a.md:2: links to src/gone.rs, which does not exist"]
        );
    }

    #[test]
    fn code_holds_no_links() {
        assert_eq!(findings("```cpp\n[&](int a) {}\n```\n"), [""; 0]);
        assert_eq!(findings("```cpp\n```\n[a](gone.md)\n").len(), 1);
    }

    #[test]
    fn a_link_to_a_heading_finds_it_by_its_name() {
        let page = "# `serve`, or *run*\n## A b\n## A b\n```\n# a comment\n```\n";
        let links = "[a](#serve-or-run) [b](#a-b) [c](#a-b-1) [d](../README.md#licence)";
        assert_eq!(findings(&format!("{page}{links}")), [""; 0]);
        let gone = "[a](#a-b-2) [b](#a-comment) [c](../README.md#gone) [d](gone.md#a)";
        let expected = ["#a-b-2", "#a-comment", "../README.md#gone", "gone.md#a"]
            .map(|target| format!("checks/a.md:7: links to {target}, which does not exist"));
        assert_eq!(findings(&format!("{page}{gone}")), expected);
    }
}
