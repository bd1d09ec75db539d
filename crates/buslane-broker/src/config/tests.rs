//! How configurations are read, and what is said of those that are wrong.

use super::*;

fn load(text: &str, environment: &[(&str, &str)], flags: Flags) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("buslane.toml");
    std::fs::write(&path, text).unwrap();
    let environment = environment
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Config::load(
        &Flags {
            config: Some(path),
            ..flags
        },
        environment,
    )
}

fn message(text: &str) -> String {
    load(text, &[], Flags::default()).unwrap_err().to_string()
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let file = "listen = ['127.0.0.1:1']\nnode = 'file'\ndrain = '1s'\n[limits]\nrequests = 7\n";
    let environment = [
        ("BUSLANE_LISTEN", "127.0.0.1:2, unix:/run/two"),
        ("BUSLANE_NODE", "environment"),
    ];
    let flags = Flags {
        listen: vec!["127.0.0.1:3".to_owned()],
        ..Flags::default()
    };
    let config = load(file, &environment, flags).unwrap();
    assert_eq!(config.listen, ["127.0.0.1:3".parse().unwrap()]);
    assert_eq!(config.node.as_str(), "environment");
    assert_eq!(
        (config.drain, config.limits.requests),
        (Duration::from_secs(1), 7)
    );
    assert_eq!(config.limits.payload, Limits::default().payload);

    let config = load(file, &environment, Flags::default()).unwrap();
    assert_eq!(
        config.listen,
        ["127.0.0.1:2".parse().unwrap(), "unix:/run/two".parse().unwrap()]
    );
}

#[test]
fn every_key_tells_where_it_is_set() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("buslane.toml");
    std::fs::write(&path, "node = 'file'\n[limits]\npayload = 2048\n").unwrap();
    let flags = Flags {
        config: Some(path.clone()),
        data: Some("/here".into()),
        ..Flags::default()
    };
    let environment = [("BUSLANE_NODE".to_owned(), "environment".to_owned())];
    let examination = Config::examine(&flags, environment);
    assert!(examination.errors.is_empty(), "{:?}", examination.errors);
    let setting = |key: &str| {
        examination
            .settings
            .iter()
            .find(|setting| setting.key == key)
            .unwrap()
    };
    let shown = |key: &str| (setting(key).value.as_str(), setting(key).place.clone());
    assert_eq!(shown("node"), ("\"environment\"", Some(Place::Environment)));
    assert_eq!(
        shown("limits.payload"),
        ("\"2KiB\"", Some(Place::File { path, line: 3 }))
    );
    assert_eq!(shown("data"), ("\"/here\"", Some(Place::Flag("--data"))));
    assert_eq!(shown("drain"), ("\"5s\"", None));
    assert_eq!(setting("limits.payload").variable, "BUSLANE_LIMITS_PAYLOAD");
}

#[test]
fn what_is_shown_reads_as_the_same_configuration() {
    let environment = [
        ("BUSLANE_DRAIN", "90s"),
        ("BUSLANE_LISTEN", "[::1]:5,unix:/a b"),
        ("BUSLANE_HTTP_ORIGINS", "https://a.b"),
    ];
    let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let before = Config::load(&Flags::default(), environment.clone()).unwrap();
    let settings = Config::examine(&Flags::default(), environment).settings;
    let text: String = settings
        .iter()
        .map(|setting| format!("{} = {}\n", setting.key, setting.value))
        .collect();
    assert_eq!(load(&text, &[], Flags::default()).unwrap(), before, "{text}");
}

#[test]
fn an_examination_finds_every_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("buslane.toml");
    std::fs::write(&path, "lisen = 1\nnode = 7\n").unwrap();
    let flags = Flags {
        config: Some(path),
        listen: vec!["nowhere".to_owned()],
        ..Flags::default()
    };
    let examination = Config::examine(&flags, [("BUSLANE_DRAINS".to_owned(), "1s".to_owned())]);
    let errors: Vec<String> = examination.errors.iter().map(ToString::to_string).collect();
    for (error, part) in errors.iter().zip([
        "the nearest is listen",
        "node expects",
        "BUSLANE_DRAIN",
        "--listen: listen expects",
    ]) {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(errors.len(), 4);
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let path = std::env::temp_dir().join("buslane-there-is-no-such-file.toml");
    let environment = [("BUSLANE_CONFIG".to_owned(), path.display().to_string())];
    let error = Config::load(&Flags::default(), environment).unwrap_err();
    assert!(matches!(error, ConfigError::Read { .. }), "{error}");
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_key() {
    let text = message("node = 'a'\n\n[limits]\npayloads = 1\n");
    assert!(
        text.ends_with("buslane.toml:4: unknown key limits.payloads, the nearest is limits.payload"),
        "{text}"
    );
    let text = message("[limit]\npayload = 1\n");
    assert!(
        text.ends_with(":1: unknown key limit, the nearest is limits"),
        "{text}"
    );
    let text = message("[limits]\ndrain = '3s'\n");
    assert!(text.ends_with("the nearest is drain"), "{text}");
    let text = message("payload = 1\n");
    assert!(text.ends_with("the nearest is limits.payload"), "{text}");
    let text = message("zzzzzzzzzzz = 1\n");
    assert!(text.ends_with(":1: unknown key zzzzzzzzzzz"), "{text}");
}

#[test]
fn a_wrong_value_names_its_line_its_key_and_what_is_expected() {
    let text = message("[limits]\npayload = true\n");
    assert!(
        text.ends_with(":2: limits.payload expects a size such as \"1MiB\" or a number of bytes, not true"),
        "{text}"
    );
    let text = message("limits.handshake = 10\n");
    assert!(
        text.ends_with(":1: limits.handshake expects a duration such as \"10s\", not 10"),
        "{text}"
    );
    let text = message("listen = ['localhost']\n");
    assert!(text.contains(":1: listen expects"), "{text}");
    let text = message("limits = 3\n");
    assert!(
        text.ends_with(":1: limits expects a table of keys, not 3"),
        "{text}"
    );
    let text = message("node = { a = 1 }\n");
    assert!(text.contains(":1: node expects a name"), "{text}");
}

#[test]
fn a_broken_file_names_its_line() {
    let text = message("node = 'a'\nlisten = [\n");
    assert!(text.contains("buslane.toml:"), "{text}");
    assert!(matches!(
        load("=", &[], Flags::default()),
        Err(ConfigError::Syntax { line: 1, .. })
    ));
}

#[test]
fn an_unknown_variable_names_the_nearest_one() {
    let error = load("", &[("BUSLANE_LIMITS_PAYLOD", "1")], Flags::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment: unknown variable BUSLANE_LIMITS_PAYLOD, the nearest is BUSLANE_LIMITS_PAYLOAD"
    );
    assert!(
        load(
            "",
            &[("BUSLANE_URL", "buslane://x:1"), ("HOME", "/x")],
            Flags::default()
        )
        .is_ok()
    );
}

#[test]
fn a_wrong_value_in_the_environment_names_its_variable() {
    let error = load("", &[("BUSLANE_LIMITS_PAYLOAD", "much")], Flags::default()).unwrap_err();
    let expected = "environment: BUSLANE_LIMITS_PAYLOAD expects a size such as \"1MiB\" or a number of bytes, not \"much\"";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    let text = message("[limits]\nping_after = '1m'\n");
    assert_eq!(text, "limits.gone_after must be longer than limits.ping_after");
    assert_eq!(message("listen = []\n"), "listen names no address");
}

#[test]
fn the_state_directory_is_the_platforms() {
    let environment = [("STATE_DIRECTORY".to_owned(), "/var/lib/buslane:/other".to_owned())];
    let config = Config::load(&Flags::default(), environment).unwrap();
    assert_eq!(config.data, Path::new("/var/lib/buslane"));
    let flags = Flags {
        data: Some("/here".into()),
        ..Flags::default()
    };
    assert_eq!(Config::load(&flags, []).unwrap().data, Path::new("/here"));
}
