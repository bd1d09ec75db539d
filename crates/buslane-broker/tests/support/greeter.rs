//! The client of `examples/by-hand`, as it stands there.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use buslane_broker::RunningBroker;

use super::connect;

/// The running program. Ends when it is dropped.
pub(crate) struct Greeter(Child);

impl Greeter {
    /// Starts it beside a broker, and waits until it is registered.
    pub(crate) fn join(broker: &RunningBroker) -> Self {
        let address = connect(broker).peer_addr().unwrap().to_string();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/by-hand/greeter.py");
        let spawned = Command::new("python3")
            .arg(script)
            .arg(address)
            .stdout(Stdio::piped())
            .spawn();
        let mut greeter = Greeter(spawned.expect("the tests need python3"));
        let mut lines = BufReader::new(greeter.0.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "registered greeter");
        greeter
    }
}

impl Drop for Greeter {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
