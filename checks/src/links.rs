//! Links between the files of the repository.

use std::path::Path;

use crate::Finding;
use crate::files::TextFile;

/// Finds links of a Markdown file to files or folders that do not exist under `root`. Links to other sites are not
/// followed.
pub fn check(file: &TextFile, root: &Path) -> Vec<Finding> {
    if file.extension() != "md" {
        return Vec::new();
    }
    let folder = root.join(&file.path);
    let folder = folder.parent().unwrap_or(root);
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for target in targets(line) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !folder.join(path).exists() {
                let message = format!("links to {target}, which does not exist");
                findings.push(Finding::new(format!("{}:{}", file.path, index + 1), message));
            }
        }
    }
    findings
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
            findings("[a](src/links.rs) [b](../Cargo.toml#x) [c](https://example.com/c) [d](#here)"),
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
}
