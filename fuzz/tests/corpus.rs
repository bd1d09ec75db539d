//! Every target takes its seeds and its kept inputs, without a fuzzer.

use buslane_fuzz::{TARGETS, Target, corpus};

fn run(name: &str) {
    let target = Target::find(name).expect("the name is one of the list");
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{name} begins with nothing");
    for input in seeds
        .iter()
        .chain(&corpus::kept(&target).expect("the corpus can be read"))
    {
        let told = std::panic::catch_unwind(|| (target.run)(input));
        assert!(
            told.is_ok(),
            "{name} fails on {:?}",
            String::from_utf8_lossy(input)
        );
    }
}

macro_rules! targets {
    ($($test:ident $name:literal)*) => {
        $(
            #[test]
            fn $test() {
                run($name);
            }
        )*

        #[test]
        fn every_target_is_run_here() {
            let names = TARGETS.map(|target| target.name);
            assert_eq!(names.as_slice(), [$($name),*]);
        }
    };
}

targets! {
    frames_of_clients "client-frames"
    frames_of_brokers "broker-frames"
    texts_of_clients "client-text"
    texts_of_brokers "broker-text"
    names_topics_and_addresses "names"
    first_bytes_of_connections "first-bytes"
    json_lines_however_they_are_cut "json-lines"
    websocket_frames_however_they_are_cut "websocket"
    http_requests "http"
    sessions_with_hostile_brokers "session"
    engines_with_several_clients "engine"
    configuration_files "configuration"
    contracts_and_payloads "contract"
    comparisons_of_contracts "comparison"
}
