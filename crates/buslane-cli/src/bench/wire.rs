//! What a benchmark needs of a protocol: requests appended to a buffer, and frames cut out of received bytes.
//!
//! No client library stands between the benchmark and the socket, so that a figure is the server's and not the
//! client's. A wire owns the bytes of its protocol; it must not measure anything.

use std::io;
use std::net::SocketAddr;

use buslane_protocol::ClientMessage;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The method that request benchmarks call.
pub(crate) const METHOD: &str = "echo";

/// What one received frame means to a benchmark.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// A message of a subscription.
    Message,
    /// A request to answer; the bytes are what [`Wire::reply`] has to name.
    Call(&'a [u8]),
    /// The answer to a request.
    Reply,
    /// The server confirmed a session, a subscription, a service, or any message that asked for it.
    Ready,
    /// The server wants a sign of life.
    Ping,
    /// Anything that needs no answer.
    Other,
}

/// The first whole frame of some bytes: its length and its meaning; `None` while it is not whole.
pub(crate) type Cut<'a> = io::Result<Option<(usize, Event<'a>)>>;

/// One protocol, at next to no cost.
pub(crate) trait Wire: Copy + Send + Sync + 'static {
    /// Appends what begins a session; ends with [`Event::Ready`].
    fn open(out: &mut Vec<u8>);
    /// Appends a subscription; ends with [`Event::Ready`].
    fn subscribe(out: &mut Vec<u8>, topic: &str);
    /// Appends a publish that asks for no acknowledgement.
    fn publish(out: &mut Vec<u8>, topic: &str, payload: &[u8]);
    /// Appends what makes this connection answer requests to a service; ends with [`Event::Ready`].
    fn offer(out: &mut Vec<u8>, service: &str);
    /// Appends what lets this connection send requests; ends with [`Event::Ready`].
    fn expect_replies(out: &mut Vec<u8>);
    /// Appends a request to a service; `number` is new for each request of a connection.
    fn request(out: &mut Vec<u8>, number: u64, service: &str, payload: &[u8]);
    /// Appends the answer to a [`Event::Call`].
    fn reply(out: &mut Vec<u8>, call: &[u8], payload: &[u8]);
    /// Appends the answer to a [`Event::Ping`].
    fn pong(out: &mut Vec<u8>);
    /// Cuts off the first frame.
    fn cut(bytes: &[u8]) -> Cut<'_>;
}

/// One of this broker's own protocols.
pub(crate) trait Own: Wire {
    /// Appends any message. What asks for a confirmation ends with [`Event::Ready`].
    fn push(out: &mut Vec<u8>, message: &ClientMessage<'_>);
}

/// Connects and begins a session.
pub(crate) async fn open<W: Wire>(address: SocketAddr) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    confirm::<W>(&mut socket, W::open).await?;
    Ok(socket)
}

/// Connects, begins a session and subscribes to all filters.
pub(crate) async fn open_subscribed<W: Wire>(
    address: SocketAddr,
    filters: &[String],
) -> io::Result<TcpStream> {
    let mut socket = open::<W>(address).await?;
    confirm_all::<W, _>(&mut socket, filters, |out, filter| W::subscribe(out, filter)).await?;
    Ok(socket)
}

/// Sends what `append` writes for each item and waits until the server has confirmed all.
pub(crate) async fn confirm_all<W: Wire, T>(
    socket: &mut TcpStream,
    items: &[T],
    append: impl Fn(&mut Vec<u8>, &T),
) -> io::Result<()> {
    for items in items.chunks(CONFIRMED_TOGETHER) {
        confirm_many::<W>(socket, items.len(), |out| {
            items.iter().for_each(|item| append(out, item));
        })
        .await?;
    }
    Ok(())
}

/// Sends what `append` writes and waits for the server's [`Event::Ready`].
pub(crate) async fn confirm<W: Wire>(
    socket: &mut TcpStream,
    append: impl FnOnce(&mut Vec<u8>),
) -> io::Result<()> {
    confirm_many::<W>(socket, 1, append).await
}

/// Sends what `append` writes and waits until the server is ready so many times.
async fn confirm_many<W: Wire>(
    socket: &mut TcpStream,
    count: usize,
    append: impl FnOnce(&mut Vec<u8>),
) -> io::Result<()> {
    let mut out = Vec::new();
    append(&mut out);
    socket.write_all(&out).await?;
    let mut frames = Frames::with_capacity(4 << 10);
    let mut ready = 0;
    while ready < count {
        out.clear();
        let open = frames.read::<W, _>(socket, |event| match event {
            Event::Ready => ready += 1,
            Event::Ping => W::pong(&mut out),
            _ => {}
        });
        if !open.await? {
            return Err(closed("while it began a session"));
        }
        socket.write_all(&out).await?;
    }
    Ok(())
}

/// Keeps a connection alive and does nothing else, until it ends.
pub(crate) async fn rest<W: Wire>(mut socket: TcpStream) -> io::Result<()> {
    let mut frames = Frames::with_capacity(64);
    let mut out = Vec::new();
    while frames
        .read::<W, _>(&mut socket, |event| {
            if event == Event::Ping {
                W::pong(&mut out);
            }
        })
        .await?
    {
        socket.write_all(&out).await?;
        out.clear();
    }
    Err(closed("that did nothing"))
}

/// The error of a connection that the server closed.
pub(crate) fn closed(when: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        format!("the server closed a connection {when}"),
    )
}

/// The error of a frame that makes no sense or says that something failed.
pub(crate) fn refused(frame: &[u8]) -> io::Error {
    let start = &frame[..frame.len().min(512)];
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the server said {}", String::from_utf8_lossy(start).trim()),
    )
}

/// A receive buffer that hands out whole frames.
pub(crate) struct Frames {
    buffer: Vec<u8>,
    filled: usize,
}

impl Frames {
    /// Makes a buffer that grows when one frame is longer than it.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Frames {
            buffer: vec![0; bytes],
            filled: 0,
        }
    }

    /// Reads once and hands every whole frame to `each`. Returns false at the end of the stream.
    pub(crate) async fn read<W: Wire, R: AsyncRead + Unpin>(
        &mut self,
        reader: &mut R,
        mut each: impl FnMut(Event<'_>),
    ) -> io::Result<bool> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        let count = reader.read(&mut self.buffer[self.filled..]).await?;
        self.filled += count;
        let mut start = 0;
        while let Some((length, event)) = W::cut(&self.buffer[start..self.filled])? {
            each(event);
            start += length;
        }
        self.buffer.copy_within(start..self.filled, 0);
        self.filled -= start;
        Ok(count > 0)
    }
}

/// Requests for a confirmation that are sent before the first is awaited.
const CONFIRMED_TOGETHER: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::nats::Nats;

    #[tokio::test]
    async fn frames_that_arrive_in_pieces_are_put_together() {
        let mut reader = &b"PING\r\nMSG bench.t0 1 3\r\nabc\r\nPI"[..];
        let mut rest = &b"NG\r\n"[..];
        let mut frames = Frames::with_capacity(4);
        let mut seen = Vec::new();
        while frames
            .read::<Nats, _>(&mut reader, |event| seen.push(event == Event::Ping))
            .await
            .unwrap()
        {}
        assert_eq!(seen, [true, false]);
        while frames
            .read::<Nats, _>(&mut rest, |event| seen.push(event == Event::Ping))
            .await
            .unwrap()
        {}
        assert_eq!(seen, [true, false, true]);
    }
}
