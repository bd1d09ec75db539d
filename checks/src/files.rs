//! The files of the repository, as git knows them.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, str};

/// A text file of the repository.
#[derive(Clone, Debug, Default)]
pub struct TextFile {
    /// Its path from the repository's root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl TextFile {
    /// Makes a file of a path and a text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        TextFile {
            path: path.into(),
            text: text.into(),
        }
    }

    /// Returns the ending of the file's name, without the dot.
    pub fn extension(&self) -> &str {
        Path::new(&self.path)
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default()
    }
}

/// Returns the root of this repository.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("this package lies in a folder of the repository")
        .to_owned()
}

/// Reads every text file that is in the repository or would be added to it: what git ignores is left out.
pub fn read_all(root: &Path) -> io::Result<Vec<TextFile>> {
    let output = Command::new("git")
        .current_dir(root)
        // Git lists nothing where the files are somebody else's, as they are in many a container.
        .args(["-c", &format!("safe.directory={}", root.display())])
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("git cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    let paths = str::from_utf8(&output.stdout).map_err(io::Error::other)?;
    let mut files = Vec::new();
    for path in paths.split_terminator('\0') {
        // A file may be deleted and still be in the index; a file that is no text is not for these checks.
        if let Some(text) = fs::read(root.join(path))
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
        {
            files.push(TextFile::new(path, text));
        }
    }
    Ok(files)
}
