//! A broker as a child process with little memory, two clients on it who do nothing wrong, and what the system and its
//! figures say of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::support::service::Service;
use crate::support::{Process, command};

/// How long anything may take. Only a test that fails waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of the program as it is shipped, at the most.
const SHIPPED: usize = 12 << 20;

/// A broker with a cap on its memory.
pub(crate) struct Child {
    pub(crate) process: Process,
    pub(crate) address: String,
    cap: usize,
}

impl Child {
    /// Starts a broker that may account for so many MiB, a quarter of it for retained values.
    pub(crate) fn start(mib: usize) -> Child {
        Child::start_with(mib, &[])
    }

    /// Starts it with more variables in its environment.
    pub(crate) fn start_with(mib: usize, variables: &[(&str, &str)]) -> Child {
        Child::spawn("127.0.0.1:0", mib, variables)
    }

    /// Starts it at an address.
    pub(crate) fn start_at(address: &str, mib: usize) -> Child {
        Child::spawn(address, mib, &[])
    }

    fn spawn(address: &str, mib: usize, variables: &[(&str, &str)]) -> Child {
        let mut serve = command(&["serve", "--listen", address, "--log-level", "error"]);
        serve.envs(variables.iter().copied());
        serve.env("BUSLANE_LIMITS_MEMORY", format!("{mib}MiB"));
        serve.env("BUSLANE_LIMITS_RETAINED", format!("{}KiB", mib * 1_024 / 4));
        let mut process = Process::spawn(serve);
        let line = process.line_with("listening on");
        let address = line.rsplit(' ').next().expect("the line ends with the address");
        Child {
            address: address.to_owned(),
            process,
            cap: mib << 20,
        }
    }

    /// Connects.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the broker listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket has a timeout");
        stream.set_nodelay(true).expect("a socket can be told");
        stream
    }

    /// Joins as a client that speaks JSON lines.
    pub(crate) fn join(&self) -> Client {
        Client::over(self.connect())
    }

    /// Reads a figure, 0 if it does not show.
    pub(crate) fn figure(&self, sample: &str) -> f64 {
        let mut stream = self.connect();
        let ask = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(ask).expect("the broker reads");
        let mut document = String::new();
        stream.read_to_string(&mut document).expect("the broker answers");
        assert!(document.starts_with("HTTP/1.1 200"), "{document}");
        let mut lines = document.lines().filter_map(|line| line.rsplit_once(' '));
        let found = lines.find(|(name, _)| name.strip_prefix("buslane_") == Some(sample));
        found.map_or(0.0, |(_, value)| value.parse().expect("a figure is a number"))
    }

    /// Waits until a figure has a value.
    pub(crate) fn wait_for(&self, sample: &str, value: f64) {
        let since = Instant::now();
        while self.figure(sample) != value {
            assert!(since.elapsed() < PATIENCE, "{sample} is {}", self.figure(sample));
        }
    }

    /// Asserts that accounted memory is under its cap, and that what the process ever had in memory (its peak RSS) is in
    /// line with it. Pages of the program's own file count up to what the one that is shipped has in all, since that of
    /// tests has many more.
    #[track_caller]
    pub(crate) fn check_memory(&self) {
        let accounted = self.figure("memory_bytes");
        assert!(
            accounted <= self.cap as f64,
            "{accounted} bytes are accounted for"
        );
        let [peak, file] = self.resident(["VmHWM:", "RssFile:"]);
        let taken = peak - file + file.min(SHIPPED);
        let allowed = self.cap + self.cap / 5 + (16 << 20);
        assert!(
            taken <= allowed,
            "{} KiB are in memory, {} are allowed",
            taken >> 10,
            allowed >> 10
        );
    }

    /// Reads what the system says of the memory of the process, in bytes.
    fn resident(&self, names: [&str; 2]) -> [usize; 2] {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        names.map(|name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<usize>().ok());
            kib.expect("the system tells the memory of a process") << 10
        })
    }
}

/// A client that speaks JSON lines.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn over(stream: TcpStream) -> Client {
        let reader = BufReader::new(stream.try_clone().expect("a socket can be cloned"));
        Client { stream, reader }
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, message: &Value) {
        self.stream
            .write_all(format!("{message}\n").as_bytes())
            .expect("the broker reads");
    }

    /// Receives a message; `None` at the end.
    pub(crate) fn try_receive(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(serde_json::from_str(&line).expect("the broker writes JSON")),
        }
    }

    /// Receives a message.
    pub(crate) fn receive(&mut self) -> Value {
        self.try_receive().expect("the broker goes on")
    }

    /// Receives an answer: its type, or the code of the error that it is.
    pub(crate) fn answer(&mut self) -> String {
        let message = self.receive();
        let word = message["error"]["code"].as_str().or(message["type"].as_str());
        word.expect("a message has a type").to_owned()
    }
}

/// Two clients who do nothing wrong, one asking the other.
pub(crate) struct Bystander {
    is_over: Arc<AtomicBool>,
    caller: JoinHandle<u64>,
    _service: Service,
}

impl Bystander {
    pub(crate) fn join(child: &Child) -> Bystander {
        let service = Service::attic(&child.address, "bystander");
        let is_over = Arc::new(AtomicBool::new(false));
        let (told, mut caller) = (Arc::clone(&is_over), child.join());
        let caller = thread::spawn(move || {
            let mut asked = 0;
            while !told.load(Ordering::Relaxed) || asked == 0 {
                let payload = json!({ "app": "bystander", "key": asked.to_string() });
                caller.send(&json!({ "type": "request", "id": asked.to_string(), "to": "attic:get", "payload": payload }));
                let reply = caller.receive();
                assert_eq!(reply["payload"], payload, "{reply}");
                asked += 1;
            }
            asked
        });
        Bystander {
            is_over,
            caller,
            _service: service,
        }
    }

    /// Ends them, and asserts that each request got its own reply.
    pub(crate) fn ends_well(self) {
        self.is_over.store(true, Ordering::Relaxed);
        assert!(self.caller.join().expect("a bystander lost nothing") > 0);
    }
}

/// Lets this process and its children open so many files, or says what forbids it.
pub(crate) fn need_files(files: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= files) {
        return;
    }
    assert!(
        limit.maximum.is_none_or(|maximum| maximum >= files),
        "this test opens {files} files, the hard limit is {:?}: raise it, ulimit -Hn {files}",
        limit.maximum
    );
    let raised = Rlimit {
        current: Some(files),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("a soft limit may be raised up to the hard one");
}
