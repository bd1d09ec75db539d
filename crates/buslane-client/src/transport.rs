//! An open connection to a broker: dials, receives and sends bytes. Knows nothing of what they mean.
//!
//! Byte streams and WebSockets differ in one thing: a WebSocket keeps the borders of messages.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use buslane_protocol::{Encoding, ErrorCode, Framing, Problem};
use buslane_session::Transmit;
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};

use crate::Url;
use crate::direct::Direct;
use crate::url::{Authority, Place};

/// An open connection.
pub(crate) enum Transport {
    /// Raw frames or lines, over TCP, a Unix socket or whatever else carries bytes.
    Bytes(Box<dyn ByteStream>),
    /// WebSocket messages, binary or text.
    WebSocket(Box<WebSocketStream<Direct<TcpStream>>>, Encoding),
}

/// Why there is no connection.
pub(crate) enum Undialled {
    /// This time none came about; the reason is for people.
    Unreachable(String),
    /// The broker does not speak this client's version, now or later.
    Refused(Box<Problem>),
}

impl From<String> for Undialled {
    fn from(reason: String) -> Self {
        Undialled::Unreachable(reason)
    }
}

/// What carries bytes both ways.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// What came in.
pub(crate) enum Received {
    /// This many bytes at the start of the scratch buffer.
    Bytes(usize),
    /// A WebSocket message.
    Message(Message),
    /// A sign of life that means nothing else.
    Sign,
    /// The other side closed.
    End,
}

/// What the session handed out, on its way to the transport.
#[derive(Default)]
pub(crate) struct Outgoing {
    transmit: Option<Transmit>,
    /// How much of it is written: bytes, or messages on a WebSocket.
    written: usize,
    spent: Option<Transmit>,
}

impl Outgoing {
    /// Takes what is to be sent next, once everything before is out.
    pub(crate) fn load(&mut self, transmit: Transmit) {
        self.transmit = Some(transmit);
        self.written = 0;
    }

    /// Tells whether everything is handed to the operating system.
    pub(crate) fn is_empty(&self) -> bool {
        self.transmit.is_none()
    }

    /// Gives back a buffer that is written, for the session to use again.
    pub(crate) fn take_spent(&mut self) -> Option<Transmit> {
        self.spent.take()
    }

    fn finish(&mut self) {
        self.spent = self.transmit.take();
    }
}

impl Transport {
    /// Returns the framing that a URL and an encoding lead to.
    pub(crate) fn framing(url: &Url, encoding: Encoding) -> Framing {
        match (url.place(), encoding) {
            (Place::WebSocket(..), Encoding::Binary) => Framing::WebSocketBinary,
            (Place::WebSocket(..), Encoding::Json) => Framing::WebSocketText,
            (_, Encoding::Binary) => Framing::Binary,
            (_, Encoding::Json) => Framing::JsonLines,
        }
    }

    /// Opens a connection, within [`DIAL_TIMEOUT`].
    pub(crate) async fn dial(url: &Url, encoding: Encoding) -> Result<Transport, Undialled> {
        let dialled = tokio::time::timeout(DIAL_TIMEOUT, async {
            match url.place() {
                Place::Tcp(authority) => Ok(Transport::Bytes(Box::new(tcp(authority).await?))),
                #[cfg(unix)]
                Place::Unix(path) => {
                    let stream = tokio::net::UnixStream::connect(path)
                        .await
                        .map_err(|error| error.to_string())?;
                    Ok(Transport::Bytes(Box::new(Direct(stream))))
                }
                #[cfg(not(unix))]
                Place::Unix(_) => Err(crate::UrlError::NoUnixSockets.to_string()),
                Place::WebSocket(authority, _) => web_socket(url, tcp(authority).await?, encoding).await,
            }
        });
        dialled
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", DIAL_TIMEOUT.as_secs()).into()))
    }

    /// Receives once, into `scratch` where the transport is a byte stream.
    pub(crate) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<io::Result<Received>> {
        match self {
            Transport::Bytes(stream) => {
                let mut buffer = ReadBuf::new(scratch);
                ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
                Poll::Ready(Ok(match buffer.filled().len() {
                    0 => Received::End,
                    length => Received::Bytes(length),
                }))
            }
            Transport::WebSocket(socket, _) => {
                Poll::Ready(match ready!(Pin::new(socket).poll_next(context)) {
                    Some(Ok(message @ (Message::Binary(_) | Message::Text(_)))) => {
                        Ok(Received::Message(message))
                    }
                    Some(Ok(Message::Close(_))) | None => Ok(Received::End),
                    Some(Ok(_)) => Ok(Received::Sign),
                    Some(Err(error)) => Err(into_io(error)),
                })
            }
        }
    }

    /// Sends until everything is out or the operating system takes no more.
    pub(crate) fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        outgoing: &mut Outgoing,
    ) -> Poll<io::Result<()>> {
        let Some(transmit) = &outgoing.transmit else {
            return Poll::Ready(Ok(()));
        };
        match self {
            Transport::Bytes(stream) => {
                while let Some(rest) = transmit
                    .as_bytes()
                    .get(outgoing.written..)
                    .filter(|rest| !rest.is_empty())
                {
                    match ready!(Pin::new(&mut *stream).poll_write(context, rest))? {
                        0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                        taken => outgoing.written += taken,
                    }
                }
            }
            Transport::WebSocket(socket, encoding) => {
                let mut socket = Pin::new(&mut **socket);
                for portion in transmit.messages().skip(outgoing.written) {
                    ready!(socket.as_mut().poll_ready(context)).map_err(into_io)?;
                    socket
                        .as_mut()
                        .start_send(message(portion, *encoding)?)
                        .map_err(into_io)?;
                    outgoing.written += 1;
                }
                ready!(socket.as_mut().poll_flush(context)).map_err(into_io)?;
            }
        }
        outgoing.finish();
        Poll::Ready(Ok(()))
    }

    /// Sends what is left, ends the sending side, and waits until the other side has closed too, so that unread bytes
    /// do not make the operating system throw the last ones away. Takes at most [`CLOSE_TIMEOUT`].
    pub(crate) async fn finish(mut self, mut outgoing: Outgoing, last: Option<Transmit>) {
        let mut scratch = [0; LAST_READ_BYTES];
        let finished = async {
            poll_fn(|context| self.poll_send(context, &mut outgoing)).await?;
            if let Some(last) = last {
                outgoing.load(last);
                poll_fn(|context| self.poll_send(context, &mut outgoing)).await?;
            }
            poll_fn(|context| self.poll_close(context)).await?;
            while !matches!(
                poll_fn(|context| self.poll_receive(context, &mut scratch)).await?,
                Received::End
            ) {}
            io::Result::Ok(())
        };
        // Whatever goes wrong now concerns nobody any more.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, finished).await;
    }

    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Transport::Bytes(stream) => Pin::new(stream).poll_shutdown(context),
            Transport::WebSocket(socket, _) => Pin::new(&mut **socket).poll_close(context).map_err(into_io),
        }
    }
}

async fn tcp(authority: &Authority) -> Result<Direct<TcpStream>, String> {
    let address = (authority.host.as_str(), authority.port);
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    Ok(Direct(stream))
}

async fn web_socket(
    url: &Url,
    stream: Direct<TcpStream>,
    encoding: Encoding,
) -> Result<Transport, Undialled> {
    let mut request = url
        .to_string()
        .into_client_request()
        .map_err(|error| error.to_string())?;
    let subprotocol = match encoding {
        Encoding::Binary => BINARY_SUBPROTOCOL,
        Encoding::Json => JSON_SUBPROTOCOL,
    };
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", HeaderValue::from_static(subprotocol));
    let config = WebSocketConfig::default()
        .read_buffer_size(WEB_SOCKET_BUFFER)
        .max_frame_size(None);
    match tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(Transport::WebSocket(Box::new(socket), encoding)),
        Err(WebSocketError::Http(response)) => Err(refused_upgrade(&response)),
        Err(error) => Err(error.to_string().into()),
    }
}

/// Tells what the server says instead of an upgrade. A broker that knows none of the versions ends it; whatever else
/// there is may pass.
fn refused_upgrade(response: &Response<Option<Vec<u8>>>) -> Undialled {
    let body = response.body().as_deref().unwrap_or_default();
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) if problem.error_code() == Some(ErrorCode::UnsupportedVersion) => {
            Undialled::Refused(Box::new(problem))
        }
        Ok(problem) => format!("the server answers HTTP {}: {problem}", response.status()).into(),
        Err(_) => format!("the server answers HTTP {}", response.status()).into(),
    }
}

fn message(portion: &[u8], encoding: Encoding) -> io::Result<Message> {
    match encoding {
        Encoding::Binary => Ok(Message::binary(portion.to_vec())),
        Encoding::Json => match std::str::from_utf8(portion) {
            Ok(text) => Ok(Message::text(text)),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        },
    }
}

fn into_io(error: WebSocketError) -> io::Error {
    match error {
        WebSocketError::Io(error) => error,
        error => io::Error::other(error.to_string()),
    }
}

/// How long one attempt to open a connection may take, name resolution and WebSocket upgrade included.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a clean close may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// What is read at once of what comes while a connection closes, and is passed over.
const LAST_READ_BYTES: usize = 4 << 10;
const WEB_SOCKET_BUFFER: usize = 64 << 10;
const BINARY_SUBPROTOCOL: &str = "buslane.bin.v1";
const JSON_SUBPROTOCOL: &str = "buslane.json.v1";
