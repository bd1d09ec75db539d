//! The JavaScript client that the broker hands to pages.

use std::fs::{File, write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use buslane_broker::RunningBroker;
use tempfile::TempDir;

use crate::support::http::{Answer, ask};
use crate::support::start;

/// Starts a broker beside which the client is installed, or is not.
fn installed(text: Option<&str>) -> (RunningBroker, TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("buslane.js");
    if let Some(text) = text {
        write(&path, text).unwrap();
    }
    let broker = start(|config| {
        config.page_client.clone_from(&path);
        config.origins = vec!["https://app.example.org".to_owned()];
    });
    (broker, folder, path)
}

fn get(broker: &RunningBroker, headers: &[&str]) -> Answer {
    ask(broker, "GET /buslane.js", headers, b"")
}

/// Says that a file was written so many seconds after now.
fn age(path: &Path, seconds: u64) {
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(seconds))
        .unwrap();
}

#[test]
fn a_page_gets_the_client_as_a_module() {
    let (broker, _folder, _) = installed(Some("export const one = 1;"));
    let answer = get(&broker, &[]);
    assert_eq!((answer.status, answer.text()), (200, "export const one = 1;"));
    assert_eq!(
        answer.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-encoding"), None);
    let wrong = ask(&broker, "POST /buslane.js", &["content-length: 0"], b"");
    wrong.refused(405, "method_not_allowed");
}

#[test]
fn a_page_that_has_the_client_gets_it_again_when_it_is_another_one() {
    let (broker, _folder, path) = installed(Some("1"));
    let first = get(&broker, &[]);
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let known = format!("if-none-match: {}", first.header("etag").unwrap());
    let same = get(&broker, &[&known]);
    assert_eq!((same.status, same.text()), (304, ""));
    assert_eq!(same.header("etag"), first.header("etag"));
    write(&path, "2").unwrap();
    age(&path, 60);
    let other = get(&broker, &[&known]);
    assert_eq!((other.status, other.text()), (200, "2"));
}

#[test]
fn the_compressed_client_is_for_those_who_take_it_and_never_an_older_one() {
    let (broker, folder, path) = installed(Some("plain"));
    let compressed = folder.path().join("buslane.js.gz");
    write(&compressed, "compressed").unwrap();
    age(&compressed, 60);
    let takes_gzip = "accept-encoding: gzip, br";
    let answer = get(&broker, &[takes_gzip]);
    assert_eq!(
        (answer.text(), answer.header("content-encoding")),
        ("compressed", Some("gzip"))
    );
    assert_eq!(answer.header("vary"), Some("accept-encoding"));
    assert_eq!(get(&broker, &[]).text(), "plain");
    age(&path, 120);
    assert_eq!(get(&broker, &[takes_gzip]).text(), "plain");
}

#[test]
fn where_no_client_is_installed_the_answer_says_what_to_do() {
    let (broker, folder, path) = installed(None);
    let answer = get(&broker, &[]);
    answer.refused(404, "not_found");
    let detail = answer.problem()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("just js") && detail.contains("http.client"),
        "{detail}"
    );
    assert!(!detail.contains(folder.path().to_str().unwrap()), "{detail}");
    std::fs::create_dir(&path).unwrap();
    get(&broker, &[]).refused(500, "internal");
}

#[test]
fn pages_of_other_origins_get_no_client_unless_they_are_listed() {
    let (broker, _folder, _) = installed(Some("1"));
    get(&broker, &["origin: https://evil.example"]).refused(403, "forbidden_origin");
    let listed = get(&broker, &["origin: https://app.example.org"]);
    assert_eq!(listed.status, 200);
    assert_eq!(
        listed.header("access-control-allow-origin"),
        Some("https://app.example.org")
    );
}
