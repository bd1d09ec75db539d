//! A service written by hand over JSON lines, so that the command is tested against the protocol and not against the
//! library that it uses itself.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

/// A service that answers until it is dropped.
pub(crate) struct Service {
    socket: TcpStream,
    answers: Option<JoinHandle<()>>,
    requests: Receiver<()>,
    /// Its instance's name.
    pub(crate) instance: String,
}

impl Service {
    /// Registers and answers each request with what `answer` makes of it: the members of a `reply`, `chunk` or
    /// `error` beside `delivery`, one message after the other.
    pub(crate) fn start(
        address: &str,
        registration: &Value,
        answer: impl Fn(&Value) -> Vec<Value> + Send + 'static,
    ) -> Service {
        let mut socket = TcpStream::connect(address).expect("the broker listens");
        writeln!(socket, "{registration}").expect("the broker reads");
        let mut lines = BufReader::new(socket.try_clone().expect("a socket can be cloned")).lines();
        let registered = lines.next().expect("an answer").expect("a line");
        let registered: Value = serde_json::from_str(&registered).expect("an answer in JSON");
        assert_eq!(registered["type"], "registered", "{registered}");
        let (sender, requests) = channel();
        let mut writer = socket.try_clone().expect("a socket can be cloned");
        let answers = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let message: Value = serde_json::from_str(&line).expect("the broker writes JSON");
                if message["type"] != "request" {
                    continue;
                }
                let _ = sender.send(());
                for mut part in answer(&message) {
                    part["delivery"] = message["delivery"].clone();
                    if writeln!(writer, "{part}").is_err() {
                        return;
                    }
                }
            }
        });
        let instance = registered["instance"].as_str().expect("an instance").to_owned();
        Service {
            socket,
            answers: Some(answers),
            requests,
            instance,
        }
    }

    /// Waits until the next request has come.
    pub(crate) fn wait_for_a_request(&mut self) {
        self.requests.recv().expect("a request comes");
    }

    /// Starts the key-value service of the examples: `get` replies with what was asked for.
    pub(crate) fn attic(address: &str, instance: &str) -> Service {
        let registration = json!({
            "type": "register", "name": "attic", "version": "1.0.0", "instance": instance, "groups": ["storage"],
            "methods": {
                "get": {
                    "description": "Finds a value.",
                    "input": {
                        "type": "object",
                        "required": ["app", "key"],
                        "properties": {"app": {"type": "string"}, "key": {"type": "string"}},
                    },
                },
                "fail": {}, "wait": {}, "count": {},
            },
        });
        Service::start(address, &registration, |request| {
            let address = request["to"].as_str().expect("an address");
            match address.rsplit(':').next() {
                Some("get") => vec![json!({"type": "reply", "payload": request["payload"]})],
                Some("fail") => {
                    let error = json!({"code": "not_found", "title": "no such key", "data": {"key": "x"}});
                    vec![json!({"type": "error", "error": error})]
                }
                Some("count") => vec![
                    json!({"type": "chunk", "payload": 1}),
                    json!({"type": "chunk", "payload": 2}),
                    json!({"type": "chunk", "last": true}),
                ],
                _ => Vec::new(),
            }
        })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        if let Some(answers) = self.answers.take() {
            let _ = answers.join();
        }
    }
}
