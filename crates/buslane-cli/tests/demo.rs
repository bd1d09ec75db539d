//! The demo, as somebody sees it who has just built the project.

mod support;

use std::net::TcpListener;

use support::{Process, buslane};

/// Starts the demo on a free port.
fn demo(arguments: &[&str]) -> Process {
    Process::start(&[&["demo", "--listen", "127.0.0.1:0"], arguments].concat())
}

#[cfg(unix)]
#[test]
fn the_demo_shows_what_flows_and_ends_cleanly() {
    for interrupt in [false, true] {
        let mut demo = demo(&[]);
        demo.line_with("try it from another terminal");
        for text in [
            "joined",
            "attic:set",
            "attic:get",
            "refused",
            "missing property \"key\"",
            "/cpu",
            "/memory",
        ] {
            demo.line_with(text);
        }
        if interrupt {
            demo.interrupt()
        } else {
            demo.terminate()
        }
        let outcome = demo.outcome();
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        assert!(
            outcome.stdout.contains("the demo has ended"),
            "{}",
            outcome.stdout
        );
    }
}

#[test]
fn the_programs_of_the_demo_are_there_for_others() {
    let mut demo = demo(&[]);
    let line = demo.line_with("BUSLANE_URL=");
    let url = line.rsplit('=').next().unwrap().to_owned();
    demo.line_with("/load");
    let table = buslane(&["services", "--url", &url]).succeeds();
    assert!(table.contains("attic") && table.contains("monitor"), "{table}");
    let set = r#"{"app":"test","key":"colour","value":"blue"}"#;
    assert_eq!(
        buslane(&["request", "attic:set", set, "--url", &url]).succeeds(),
        "null\n"
    );
    let get = r#"{"app":"test","key":"colour"}"#;
    assert_eq!(
        buslane(&["request", "attic:get", get, "--url", &url]).succeeds(),
        "{\"value\":\"blue\"}\n"
    );
    let readings = buslane(&["request", "monitor:read", "--url", &url]).succeeds();
    let readings: serde_json::Value = serde_json::from_str(&readings).unwrap();
    assert!(
        readings["memory"]["total_bytes"].as_u64().unwrap() > 0,
        "{readings}"
    );
}

#[test]
fn a_demo_whose_port_is_in_use_says_so_and_takes_another() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut demo = Process::start(&["demo", "--listen", &address]);
    let line = demo.line_with("in use");
    assert!(line.contains(&address), "{line}");
    demo.line_with("attic:get");
}

#[test]
fn a_demo_can_end_by_itself() {
    let outcome = demo(&["--for", "10ms"]).outcome();
    assert!(outcome.succeeds().contains("the demo has ended"));
}
