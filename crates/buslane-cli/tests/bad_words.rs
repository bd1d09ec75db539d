//! Command lines that are wrong in one word: each is told which, and what would be right.

mod support;

use std::path::Path;

use support::{Broker, Outcome, Process, buslane, buslane_with_input, command};

/// Every command, with arguments that are right.
const COMMANDS: &[&[&str]] = &[
    &["serve"],
    &["demo"],
    &["pub", "a/b"],
    &["sub", "a/b"],
    &["request", "attic:get"],
    &["services"],
    &["tap"],
    &["doctor"],
    &["check-config"],
    &["bench", "request"],
    &["completions", "bash"],
    &["man"],
];

#[test]
fn an_unknown_command_names_the_nearest_one() {
    for (given, nearest) in [
        ("tapp", "'tap'"),
        ("service", "'services'"),
        ("docter", "'doctor'"),
        ("checkconfig", "'check-config'"),
    ] {
        let stderr = buslane(&[given]).fails(2);
        assert!(
            stderr.contains(&format!("'{given}'")) && stderr.contains(nearest),
            "{stderr}"
        );
    }
}

#[test]
fn commands_of_later_versions_are_unknown() {
    for name in ["top", "dead", "keygen", "token"] {
        let stderr = buslane(&[name]).fails(2);
        assert!(
            stderr.contains(&format!("unrecognized subcommand '{name}'")),
            "{stderr}"
        );
    }
}

#[test]
fn an_unknown_option_of_any_command_is_named_with_the_nearest_one() {
    for words in COMMANDS {
        let stderr = buslane(&[words, &["--colour", "never"][..]].concat()).fails(2);
        assert!(
            stderr.contains("'--colour'") && stderr.contains("'--color'"),
            "{words:?}: {stderr}"
        );
    }
    for (words, nearest) in [
        (&["tap", "--rate"][..], "'--rates'"),
        (&["sub", "a/b", "--jsn"], "'--json'"),
        (&["request", "a:b", "--time-out", "5s"], "'--timeout'"),
        (&["services", "--shema", "get"], "'--schema'"),
        (&["check-config", "--lissen", "x"], "'--listen'"),
        (&["man", "--outptu", "x"], "'--output'"),
    ] {
        let stderr = buslane(words).fails(2);
        assert!(stderr.contains(nearest), "{words:?}: {stderr}");
    }
}

#[test]
fn a_wrong_colour_names_the_right_ones() {
    for words in COMMANDS {
        let stderr = buslane(&[words, &["--color", "red"][..]].concat()).fails(2);
        assert!(
            stderr.contains("'red'") && stderr.contains("auto, always, never"),
            "{words:?}: {stderr}"
        );
    }
}

#[test]
fn a_word_too_many_is_named() {
    for words in [
        &["doctor", "extra"][..],
        &["pub", "a/b", "1", "extra"],
        &["sub", "a/b", "extra"],
        &["check-config", "a", "extra"],
    ] {
        let stderr = buslane(words).fails(2);
        assert!(
            stderr.contains("unexpected argument 'extra'"),
            "{words:?}: {stderr}"
        );
    }
}

#[test]
fn a_missing_word_is_named() {
    for (words, missing) in [
        (&["pub"][..], "<TOPIC>"),
        (&["sub"], "<FILTER>"),
        (&["request"], "<ADDRESS>"),
        (&["completions"], "<SHELL>"),
        (&["tap", "--grep"], "--grep <TEXT>"),
    ] {
        let stderr = buslane(words).fails(2);
        assert!(stderr.contains(missing), "{words:?}: {stderr}");
    }
}

#[test]
fn what_is_no_topic_is_named_with_the_reason() {
    for topic in ["", "a//b", "/a", "a/+", "#", "a\u{7}b"] {
        let stderr = buslane(&["pub", topic]).fails(2);
        assert!(
            stderr.contains(&format!("error: {topic:?} is no topic: ")),
            "{stderr}"
        );
    }
    let long = "a/".repeat(16) + "a";
    assert!(buslane(&["pub", &long]).fails(2).contains("is no topic"));
}

#[test]
fn what_is_no_filter_is_named_with_the_reason() {
    for filter in ["", "a/#/b", "a+/b", "a//b"] {
        for words in [&["sub", filter][..], &["tap", filter], &["tap", "a/b", filter]] {
            let stderr = buslane(words).fails(2);
            assert!(
                stderr.contains(&format!("error: {filter:?} is no filter: ")),
                "{stderr}"
            );
        }
    }
}

#[test]
fn what_is_no_address_is_named_with_the_reason() {
    for address in ["", "attic", ":get", "attic:", "a b:get", "attic#:get", "@:get"] {
        let stderr = buslane(&["request", address]).fails(2);
        assert!(
            stderr.contains(&format!("error: {address:?} is no address: ")),
            "{stderr}"
        );
    }
}

#[test]
fn what_is_no_shared_name_is_named_with_the_reason() {
    let stderr = buslane(&["sub", "a/b", "--shared", "two words"]).fails(2);
    assert!(stderr.contains("error: --shared \"two words\": "), "{stderr}");
}

#[test]
fn counts_are_whole_numbers_above_zero() {
    for count in ["0", "-1", "1.5", "many", "", "99999999999999999999"] {
        for words in [&["sub", "a/b"][..], &["tap"]] {
            let option = format!("--count={count}");
            let stderr = buslane(&[words, &[option.as_str()]].concat()).fails(2);
            assert!(
                stderr.contains("a whole number above zero is needed")
                    || stderr.contains("a value is required"),
                "{stderr}"
            );
        }
    }
}

#[test]
fn lengths_of_time_have_a_number_and_a_unit() {
    for (time, said) in [
        ("5", "write 5s"),
        ("5d", "unit d is unknown"),
        ("0s", "above zero"),
        ("-1s", "above zero"),
        ("soon", "a number with a unit"),
    ] {
        for words in [
            ["request", "attic:get", "--timeout"],
            ["demo", "--listen", "127.0.0.1:0"],
        ] {
            let option = if words[0] == "demo" {
                format!("--for={time}")
            } else {
                format!("--timeout={time}")
            };
            let mut words: Vec<&str> = words
                .iter()
                .copied()
                .filter(|word| *word != "--timeout")
                .collect();
            words.push(&option);
            let stderr = buslane(&words).fails(2);
            assert!(stderr.contains(said), "{words:?}: {stderr}");
        }
    }
}

#[test]
fn a_deadline_beyond_what_the_broker_allows_is_refused_by_it() {
    let broker = Broker::start();
    let stderr = broker.run(&["request", "$bus:ping", "--timeout", "2h"]).fails(1);
    assert!(stderr.contains("error: "), "{stderr}");
}

#[test]
fn headers_have_a_name_and_a_value() {
    for header in ["trace", "=7", "Trace=7", "a b=7", ":filter=x"] {
        for words in [["pub", "a/b"], ["request", "attic:get"]] {
            let stderr = buslane(&[&words[..], &["--header", header]].concat()).fails(2);
            assert!(stderr.contains(&format!("'{header}'")), "{stderr}");
        }
    }
}

#[test]
fn a_payload_that_is_no_json_is_told_with_its_place() {
    for words in [["pub", "a/b"], ["request", "attic:get"]] {
        let wrong = |payload: &str| buslane(&[words[0], words[1], payload]).fails(2);
        assert!(wrong("{\"app\" 1}").contains("the payload is not JSON: expected `:` at line 1 column 8"));
        assert!(wrong("hello").contains("hint: a text stands in quotes: '\"hello\"'"));
        assert!(wrong("{name:Ada}").contains("hint: the shell takes quotes away"));
        assert!(wrong("").contains("the payload is not JSON"));
        assert!(wrong("1 2").contains("trailing characters"));
    }
}

#[test]
fn a_payload_from_stdin_or_a_file_that_is_no_json_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payload.json");
    std::fs::write(&path, "{\n\"a\": }\n").unwrap();
    for words in [["pub", "a/b"], ["request", "attic:get"]] {
        let stdin = buslane_with_input(&[words[0], words[1], "-"], "{\n\"a\": }\n").fails(2);
        let file = buslane(&[words[0], words[1], &at(&path)]).fails(2);
        assert!(
            stdin.contains("line 2 column 6") && file.contains("line 2 column 6"),
            "{stdin}{file}"
        );
    }
}

#[test]
fn a_payload_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.json");
    for path in [missing.as_path(), folder.path()] {
        for words in [["pub", "a/b"], ["request", "attic:get"]] {
            let stderr = buslane(&[words[0], words[1], &at(path)]).fails(1);
            assert!(stderr.contains(&path.display().to_string()), "{stderr}");
        }
    }
}

#[test]
fn a_payload_that_is_not_utf8_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payload.json");
    std::fs::write(&path, b"\"\xff\"").unwrap();
    let stderr = buslane(&["pub", "a/b", &at(&path)]).fails(2);
    assert!(stderr.contains("payload.json is not UTF-8"), "{stderr}");
}

fn at(path: &Path) -> String {
    format!("@{}", path.display())
}

#[test]
fn a_payload_comes_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payload.json");
    std::fs::write(&path, "{\n  \"a\": 1\n}\n").unwrap();
    let broker = Broker::start();
    let mut sub = broker.start_command(&["sub", "a/b", "--count", "1"]);
    sub.error_line_with("subscribed");
    broker.run(&["pub", "a/b", &at(&path)]).succeeds();
    assert_eq!(sub.outcome().succeeds(), "a/b {\"a\":1}\n");
}

#[test]
fn words_that_contradict_each_other_are_named() {
    for (words, one, other) in [
        (&["pub", "a/b", "--retain", "--clear"][..], "--retain", "--clear"),
        (&["tap", "--json", "--pretty"], "--json", "--pretty"),
        (&["tap", "--rates", "--pretty"], "--rates", "--pretty"),
        (
            &["check-config", "a.toml", "--config", "b.toml"],
            "[FILE]",
            "--config",
        ),
        (&["man", "tap", "--output", "x"], "[COMMAND]", "--output"),
        (
            &["man", "--format", "markdown", "--output", "x"],
            "--format",
            "--output",
        ),
    ] {
        let stderr = buslane(words).fails(2);
        assert!(
            stderr.contains(one) && stderr.contains(other),
            "{words:?}: {stderr}"
        );
    }
}

#[test]
fn a_member_without_a_name_is_told() {
    let stderr = buslane(&["tap", "--field", "=5"]).fails(2);
    assert!(stderr.contains("write MEMBER=VALUE"), "{stderr}");
}

#[test]
fn a_service_and_a_method_that_are_not_there_are_named() {
    let broker = Broker::start();
    let stderr = broker.run(&["services", "cellar"]).fails(1);
    assert!(
        stderr.contains("there is no service cellar") && stderr.contains("hint: buslane services"),
        "{stderr}"
    );
    let stderr = broker.run(&["services", "$bus", "--schema", "dance"]).fails(1);
    assert!(
        stderr.contains("$bus has no method dance") && stderr.contains("ping"),
        "{stderr}"
    );
    assert!(
        buslane(&["services", "--schema", "get"])
            .fails(2)
            .contains("<NAME>")
    );
}

#[test]
fn a_manual_page_that_is_not_there_names_those_that_are() {
    let stderr = buslane(&["man", "dance"]).fails(2);
    assert!(
        stderr.contains("there is no command \"dance\"") && stderr.contains("hint: there are serve, "),
        "{stderr}"
    );
}

#[test]
fn a_folder_for_manual_pages_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let stderr = buslane(&["man", "--output", &file.path().display().to_string()]).fails(1);
    assert!(stderr.contains(&file.path().display().to_string()), "{stderr}");
}

#[test]
fn an_unknown_shell_names_the_known_ones() {
    let stderr = buslane(&["completions", "csh"]).fails(2);
    assert!(
        stderr.contains("'csh'") && stderr.contains("bash, zsh, fish"),
        "{stderr}"
    );
}

#[cfg(unix)]
#[test]
fn words_that_are_not_unicode_are_told() {
    use std::os::unix::ffi::OsStrExt;
    let wrong = std::ffi::OsStr::from_bytes(b"a\xff");
    for words in [
        &["pub"][..],
        &["pub", "a/b"],
        &["sub"],
        &["request"],
        &["services"],
        &["tap"],
        &["tap", "--grep"],
        &["completions"],
        &["man"],
        &[],
    ] {
        let mut command = command(words);
        command.arg(wrong);
        let Outcome { code, stderr, .. } = Process::spawn(command).outcome();
        assert_eq!(code, Some(2), "{words:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{words:?}: {stderr}");
    }
}

#[cfg(unix)]
#[test]
fn a_path_need_not_be_unicode() {
    use std::os::unix::ffi::OsStrExt;
    let mut command = command(&["check-config"]);
    command.arg(std::ffi::OsStr::from_bytes(b"missing\xff.toml"));
    let stderr = Process::spawn(command).outcome().fails(1);
    assert!(stderr.contains("cannot be read"), "{stderr}");
}
