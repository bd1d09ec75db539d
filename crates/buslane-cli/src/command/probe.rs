//! Finds out who is there where a broker is looked for, by hand: a connection, a few bytes, and what comes back.

use std::fmt;
use std::io;
use std::time::Duration;

use buslane_client::Url;
use buslane_protocol::binary::Preamble;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Where bytes can be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `HOST:PORT`.
    Tcp(String),
    /// The path of a Unix socket.
    Unix(String),
}

/// Who is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answerer {
    /// A broker that speaks this version of the protocol.
    Broker(u8),
    /// A broker that speaks none of ours.
    StrangeBroker,
    /// A server of another kind.
    Other(&'static str),
    /// A server that nobody knows by these first bytes.
    Unknown(String),
    /// Somebody who takes a connection and says nothing.
    Silent,
}

impl Place {
    /// Finds the place of a URL.
    pub(crate) fn of(url: &Url) -> Place {
        let text = url.to_string();
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        match scheme {
            "buslane+unix" => Place::Unix(percent_decoded(rest)),
            _ => Place::Tcp(rest.split('/').next().unwrap_or_default().to_owned()),
        }
    }

    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Place::Tcp(authority) => Ok(Box::new(TcpStream::connect(authority).await?)),
            #[cfg(unix)]
            Place::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(not(unix))]
            Place::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Opens a connection, sends bytes and returns what comes back, until it is enough, comes to an end, or nothing
    /// more comes for a while.
    pub(crate) async fn ask(&self, question: &[u8], enough: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
        let dialled = tokio::time::timeout(PATIENCE, self.dial()).await;
        let mut stream = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        let mut answer = Vec::new();
        let conversation = async {
            stream.write_all(question).await?;
            while !enough(&answer) && answer.len() < LONGEST_ANSWER && stream.read_buf(&mut answer).await? > 0
            {
            }
            io::Result::Ok(())
        };
        // Who breaks off or falls silent has said what there is to hear.
        let _ = tokio::time::timeout(PATIENCE, conversation).await;
        Ok(answer)
    }

    /// Asks over HTTP and returns the status and all that came with it.
    pub(crate) async fn get(&self, path: &str) -> io::Result<Option<(u16, String)>> {
        let answer = self
            .ask(&self.http_question(path), |answer| answer.ends_with(b"\r\n\r\n"))
            .await?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text
            .strip_prefix("HTTP/")
            .and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
        Ok(status.map(|status| (status, text)))
    }

    /// Finds out who is there: first in the language of brokers, then in the one that most others answer to.
    pub(crate) async fn who(&self) -> io::Result<Answerer> {
        let answer = self
            .ask(&PREAMBLE, |answer| answer.len() >= PREAMBLE.len())
            .await?;
        if !answer.is_empty() {
            return Ok(recognize(&answer));
        }
        let answer = self
            .ask(&self.http_question("/"), |answer| !answer.is_empty())
            .await?;
        Ok(recognize(&answer))
    }

    /// Writes what asks a server of HTTP for a path.
    fn http_question(&self, path: &str) -> Vec<u8> {
        let host = match self {
            Place::Tcp(authority) => authority,
            Place::Unix(_) => "localhost",
        };
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").into_bytes()
    }
}

/// What carries bytes both ways.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// Tells who begins so.
fn recognize(answer: &[u8]) -> Answerer {
    if answer.is_empty() {
        return Answerer::Silent;
    }
    if let Some(rest) = answer.strip_prefix(&PREAMBLE[..MAGIC]) {
        return match rest.first() {
            Some(0) | None => Answerer::StrangeBroker,
            Some(version) => Answerer::Broker(*version),
        };
    }
    let known = OTHERS.iter().find(|(beginning, _)| answer.starts_with(beginning));
    match known {
        Some((_, name)) => Answerer::Other(name),
        None => Answerer::Unknown(answer[..answer.len().min(SHOWN)].escape_ascii().to_string()),
    }
}

impl fmt::Display for Answerer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answerer::Broker(version) => write!(formatter, "a Buslane broker, protocol version {version}"),
            Answerer::StrangeBroker => formatter
                .write_str("a Buslane broker that speaks no version of the protocol that this program does"),
            Answerer::Other(name) => write!(formatter, "{name}, not a Buslane broker"),
            Answerer::Unknown(beginning) => write!(
                formatter,
                "something that is no Buslane broker: it says \"{beginning}\""
            ),
            Answerer::Silent => formatter.write_str("something that takes connections and says nothing"),
        }
    }
}

fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => bytes.extend(["%", part].concat().bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a client of the binary encoding begins with: the magic, and the versions that it speaks.
const PREAMBLE: [u8; Preamble::LENGTH] = Preamble::OURS.encode();
/// Bytes of the magic.
const MAGIC: usize = 4;
/// How other servers begin.
const OTHERS: &[(&[u8], &str)] = &[
    (b"HTTP/", "an HTTP server"),
    (b"-ERR", "a Redis server"),
    (b"-NOAUTH", "a Redis server"),
    (b"-DENIED", "a Redis server"),
    (b"-LOADING", "a Redis server"),
    (&[0x15, 0x03], "a TLS server"),
    (&[0x16, 0x03], "a TLS server"),
    (b"INFO {", "a NATS server"),
    (b"SSH-", "an SSH server"),
    (b"AMQP", "an AMQP server, as RabbitMQ"),
    (b"220", "an FTP or mail server"),
    (b"* OK", "an IMAP server"),
    (b"+OK", "a POP3 server"),
    (b"RFB ", "a VNC server"),
];
/// How long nothing may come back.
const PATIENCE: Duration = Duration::from_secs(1);
const LONGEST_ANSWER: usize = 64 << 10;
/// Bytes of an unknown answer that are shown.
const SHOWN: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_recognized_by_their_first_words() {
        assert_eq!(recognize(b"\xB5BUS\x01\x01\0\0"), Answerer::Broker(1));
        assert_eq!(recognize(b"\xB5BUS\0\0\0\0"), Answerer::StrangeBroker);
        assert_eq!(
            recognize(b"HTTP/1.1 400 Bad Request"),
            Answerer::Other("an HTTP server")
        );
        assert_eq!(
            recognize(b"-ERR unknown command"),
            Answerer::Other("a Redis server")
        );
        assert_eq!(
            recognize(b"\x15\x03\x01\0\x02\x02\x46"),
            Answerer::Other("a TLS server")
        );
        assert_eq!(recognize(b"\0\x1b"), Answerer::Unknown(r"\x00\x1b".to_owned()));
        assert_eq!(recognize(b""), Answerer::Silent);
    }

    #[test]
    fn the_place_of_a_url_is_where_its_socket_is() {
        let place = |url: &str| Place::of(&Url::parse(url).unwrap());
        assert_eq!(place("buslane://[::1]:7"), Place::Tcp("[::1]:7".to_owned()));
        assert_eq!(place("ws://bus/behind/proxy"), Place::Tcp("bus:80".to_owned()));
        #[cfg(unix)]
        assert_eq!(
            place("buslane+unix:///run/a%20b"),
            Place::Unix("/run/a b".to_owned())
        );
    }
}
