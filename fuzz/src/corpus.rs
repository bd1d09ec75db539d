//! The kept corpora: for each target a file of text, one input a line, as a JSON string where the input is text and as
//! base64 under `base64` where it is not.

use std::path::{Path, PathBuf};
use std::{fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::Target;

/// An input as a line holds it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Text(String),
    Bytes { base64: String },
}

/// Returns the file that keeps the inputs of a target.
pub fn file(target: &Target) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    folder.join(format!("{}.jsonl", target.name))
}

/// Reads the kept inputs of a target; none if there is no file.
pub fn kept(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    match fs::read_to_string(file(target)) {
        Ok(text) => text
            .lines()
            .map(|line| decode(line).map_err(io::Error::other))
            .collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Replaces the kept inputs of a target by as many of these as fit, the shortest first. Returns how many fit.
pub fn keep(target: &Target, mut inputs: Vec<Vec<u8>>) -> io::Result<usize> {
    inputs.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    inputs.dedup();
    let mut text = String::new();
    let mut count = 0;
    for input in &inputs {
        let line = encode(input);
        if text.len() + line.len() >= LARGEST {
            break;
        }
        text += &line;
        text.push('\n');
        count += 1;
    }
    fs::write(file(target), text)?;
    Ok(count)
}

fn encode(input: &[u8]) -> String {
    let is_text =
        |text: &&str| !text.contains(|letter: char| letter.is_control() && letter != '\n' && letter != '\r');
    let line = match str::from_utf8(input).ok().filter(is_text) {
        Some(text) => Line::Text(text.to_owned()),
        None => Line::Bytes {
            base64: STANDARD.encode(input),
        },
    };
    serde_json::to_string(&line).expect("a line has string keys")
}

fn decode(line: &str) -> anyhow::Result<Vec<u8>> {
    Ok(match serde_json::from_str(line)? {
        Line::Text(text) => text.into_bytes(),
        Line::Bytes { base64 } => STANDARD.decode(base64)?,
    })
}

/// Bytes of the largest file.
const LARGEST: usize = 200 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_input_survives_its_line() {
        for input in [
            &b""[..],
            b"plain",
            b"{\"type\":\"ping\"}\r\n",
            b"\x00\xff",
            b"\x7f",
            "\u{fc}\u{2028}".as_bytes(),
        ] {
            let line = encode(input);
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(decode(&line).unwrap(), input);
        }
    }
}
