//! The configuration's file and the environment: whatever they say, every error names its place, and what is shown of a
//! configuration that holds is read back as the same.

use std::cell::RefCell;
use std::{fs, io};

use buslane_broker::{Config, Examination, Flags};
use tempfile::NamedTempFile;

use crate::seeds;

/// Takes the text of a file, then, behind a zero, one line `NAME=value` for each variable.
pub(crate) fn run(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let (file, environment) = text.split_once('\0').unwrap_or((text, ""));
    let variables: Vec<(String, String)> = environment
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| *name != CONFIG)
        .map(|(name, value)| (format!("BUSLANE_{name}"), value.to_owned()))
        .collect();
    let examination = examine(file, variables);
    for error in &examination.errors {
        assert!(!error.to_string().is_empty());
    }
    if examination.errors.is_empty() {
        check_shown(&examination);
    }
}

/// Files of each section, and a few variables.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let shown = file_of(&Config::examine(&Flags::default(), []));
    let document: serde_json::Value = seeds::documents("")
        .into_iter()
        .find(|document| {
            document["title"]
                .as_str()
                .is_some_and(|title| title.contains("onfig"))
        })
        .unwrap_or_default();
    let mut seeds = vec![shown.clone().into_bytes(), document.to_string().into_bytes()];
    seeds.extend(shown.lines().map(|line| line.as_bytes().to_vec()));
    seeds.extend(TEXTS.iter().map(|text| text.as_bytes().to_vec()));
    seeds
}

/// Reads a file of this text.
fn examine(text: &str, environment: Vec<(String, String)>) -> Examination {
    thread_local!(static FILE: RefCell<NamedTempFile> =
        RefCell::new(in_memory().expect("the system has room for a file")));
    FILE.with_borrow(|file| {
        fs::write(file.path(), text).expect("the system has room for a text");
        let flags = Flags {
            config: Some(file.path().to_owned()),
            ..Flags::default()
        };
        Config::examine(&flags, environment)
    })
}

/// Makes a file, in memory where the system has a folder for that: a disk may keep an input waiting for a minute.
fn in_memory() -> io::Result<NamedTempFile> {
    NamedTempFile::new_in("/dev/shm").or_else(|_| NamedTempFile::new())
}

/// Writes what is shown as a file, and panics if that says anything else.
fn check_shown(examination: &Examination) {
    let text = file_of(examination);
    let again = examine(&text, Vec::new());
    assert!(again.errors.is_empty(), "{:?} in\n{text}", again.errors);
    for (before, after) in examination.settings.iter().zip(&again.settings) {
        assert_eq!((before.key, &before.value), (after.key, &after.value), "{text}");
    }
}

/// Returns the file that says what is shown. Keys in sections are written out in full.
fn file_of(examination: &Examination) -> String {
    let line = |setting: &buslane_broker::Setting| format!("{} = {}\n", setting.key, setting.value);
    examination.settings.iter().map(line).collect()
}

/// The variable that names another file.
const CONFIG: &str = "CONFIG";
const TEXTS: [&str; 8] = [
    "listen = [\"127.0.0.1:0\", \"unix:/run/b.sock\"]\n[limits]\npayload = \"2MiB\"\n",
    "listen = \"[::1]:5959\"\nnode = \"here\"\ninsecure = true\ndrain = \"1m 30s\"\n",
    "[log]\nformat = \"json\"\nlevel = \"debug\"\n",
    "[http]\norigins = [\"https://example.com\"]\n[contracts]\ncompatibility = \"refuse\"\n",
    "limits = { payload = 1, memory = 0x10 }\n",
    "nod = 1\n[limit]\npayload = 1\n",
    "\0LISTEN=127.0.0.1:1,unix:/x\nLIMITS_PAYLOAD=3KiB\nINSECURE=yes\n",
    "a = 1979-05-27T07:32:00Z\nb = 1e9\nc = [[1], {d = 1}]\n",
];
