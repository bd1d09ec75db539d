//! Servers that are no brokers, and wires that break, on the port where a broker is looked for.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A server of another kind, until the test ends.
pub(crate) struct Impostor {
    pub(crate) address: String,
}

impl Impostor {
    /// Answers whatever comes with these bytes, and closes.
    pub(crate) fn answering(answer: &'static [u8]) -> Impostor {
        Impostor::start(move |mut socket| {
            let mut scratch = [0; 4_096];
            if socket.read(&mut scratch).is_ok_and(|length| length > 0) {
                let _ = socket.write_all(answer);
            }
        })
    }

    /// Waits for HTTP and answers with a page: whoever says anything else waits too.
    pub(crate) fn http() -> Impostor {
        Impostor::start(|mut socket| {
            let mut asked = Vec::new();
            let mut scratch = [0; 4_096];
            while !asked.ends_with(b"\r\n\r\n") {
                match socket.read(&mut scratch) {
                    Ok(length) if length > 0 => asked.extend_from_slice(&scratch[..length]),
                    _ => return,
                }
            }
            let _ = socket.write_all(b"HTTP/1.1 404 Not Found\r\nServer: other\r\nContent-Length: 0\r\n\r\n");
        })
    }

    /// Takes connections and says nothing.
    pub(crate) fn silent() -> Impostor {
        Impostor::start(|mut socket| while socket.read(&mut [0; 4_096]).is_ok_and(|length| length > 0) {})
    }

    /// Takes connections and closes them at once.
    pub(crate) fn closing() -> Impostor {
        Impostor::start(drop)
    }

    /// Leads to a broker until it has greeted the client, and breaks with the next word of the client.
    pub(crate) fn breaking_after_the_greeting(broker: &str) -> Impostor {
        let broker = broker.to_owned();
        Impostor::start(move |mut client| {
            let mut broker = TcpStream::connect(&broker).expect("the broker listens");
            let greeted = Arc::new(AtomicBool::new(false));
            let (mut to_client, mut from_broker, greeting) = (
                client.try_clone().expect("a socket can be cloned"),
                broker.try_clone().expect("a socket can be cloned"),
                Arc::clone(&greeted),
            );
            thread::spawn(move || {
                let (mut scratch, mut said) = ([0; 4_096], Vec::new());
                while let Ok(length @ 1..) = from_broker.read(&mut scratch) {
                    said.extend_from_slice(&scratch[..length]);
                    let is_greeting = said.windows(GREETING.len()).any(|part| part == GREETING);
                    greeting.fetch_or(is_greeting, Ordering::SeqCst);
                    let _ = to_client.write_all(&scratch[..length]);
                }
            });
            let mut scratch = [0; 4_096];
            while let Ok(length @ 1..) = client.read(&mut scratch) {
                if greeted.load(Ordering::SeqCst) {
                    break;
                }
                let _ = broker.write_all(&scratch[..length]);
            }
            let _ = client.shutdown(Shutdown::Both);
        })
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        format!("buslane://{}", self.address)
    }

    fn start(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> Impostor {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let serve = serve.clone();
                thread::spawn(move || serve(socket));
            }
        });
        Impostor { address }
    }
}

/// What the message with which a broker accepts a client has in it.
const GREETING: &[u8] = b"buslane/";
