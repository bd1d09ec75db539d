//! One connected socket of any kind, and its place among those that the broker admits.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::pipe::Pipe;

/// A connected socket.
pub(crate) struct Socket {
    stream: Stream,
    /// A pipe has none: whoever reads it came in by a socket that has.
    _admission: Option<Admission>,
}

enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    /// Of a client in this process, which reads it by itself and hands its messages to the engine.
    Pipe(Rc<Pipe>),
}

/// Counts a connection for as long as it lives.
pub(crate) struct Admission(Rc<Cell<usize>>);

/// Where a connection comes from, and which of the broker's addresses it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The other side, for people.
    pub(crate) address: String,
    /// Whether it is this machine.
    pub(crate) loopback: bool,
    /// What it came to.
    pub(crate) local: Local,
}

/// What a connection came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    /// A loopback address, which any web page in a browser of this machine can reach.
    Loopback,
    /// An address of the network.
    Network,
    /// A Unix socket, which no web page can reach.
    Unix,
}

impl Admission {
    /// Takes a place.
    pub(crate) fn take(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Admission(Rc::clone(count))
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Socket {
    /// Takes over a TCP connection. Small messages are not held back.
    pub(crate) fn tcp(stream: TcpStream, admission: Admission) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Socket {
            stream: Stream::Tcp(stream),
            _admission: Some(admission),
        })
    }

    /// Takes over a connection of a Unix socket.
    #[cfg(unix)]
    pub(crate) fn unix(stream: UnixStream, admission: Admission) -> Self {
        Socket {
            stream: Stream::Unix(stream),
            _admission: Some(admission),
        }
    }

    /// Makes the broker's end of a pipe, to which it only writes.
    pub(crate) fn pipe(pipe: Rc<Pipe>) -> Self {
        Socket {
            stream: Stream::Pipe(pipe),
            _admission: None,
        }
    }

    /// Tells whether it is a Unix socket.
    pub(crate) fn is_unix(&self) -> bool {
        #[cfg(unix)]
        return matches!(self.stream, Stream::Unix(_));
        #[cfg(not(unix))]
        false
    }

    /// Tells whether it leads to a client in this process.
    pub(crate) fn is_pipe(&self) -> bool {
        matches!(self.stream, Stream::Pipe(_))
    }

    /// Says where the connection comes from. Fails if it is gone already.
    pub(crate) fn origin(&self) -> io::Result<Origin> {
        Ok(match &self.stream {
            Stream::Tcp(stream) => {
                let (peer, local) = (stream.peer_addr()?, stream.local_addr()?);
                let near = local.ip().to_canonical().is_loopback();
                Origin {
                    address: peer.to_string(),
                    loopback: peer.ip().to_canonical().is_loopback(),
                    local: if near { Local::Loopback } else { Local::Network },
                }
            }
            #[cfg(unix)]
            Stream::Unix(_) => Origin {
                address: "unix".to_owned(),
                loopback: true,
                local: Local::Unix,
            },
            Stream::Pipe(_) => return Err(nothing_to_read()),
        })
    }

    /// Waits until there may be something to read.
    pub(crate) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.stream {
            Stream::Tcp(stream) => stream.poll_read_ready(context),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.poll_read_ready(context),
            Stream::Pipe(_) => Poll::Ready(Err(nothing_to_read())),
        }
    }

    /// Reads into a buffer; 0 means that the other side sends nothing more.
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        AsyncRead::poll_read(Pin::new(self), context, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    /// Reads into the free room of a buffer, so many bytes at the most, if there is something to read.
    pub(crate) fn try_read_into(&self, buffer: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        let mut part = buffer.limit(most);
        match &self.stream {
            Stream::Tcp(stream) => stream.try_read_buf(&mut part),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.try_read_buf(&mut part),
            Stream::Pipe(_) => Err(nothing_to_read()),
        }
    }

    /// Waits until something can be written.
    pub(crate) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.stream {
            Stream::Tcp(stream) => stream.poll_write_ready(context),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.poll_write_ready(context),
            // Its reader asks for more as soon as there is room.
            Stream::Pipe(_) => Poll::Pending,
        }
    }

    /// Writes as much as the system takes at once.
    #[inline]
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (&self.stream, slices) {
            (Stream::Tcp(stream), [one]) => stream.try_write(one),
            (Stream::Tcp(stream), several) => stream.try_write_vectored(several),
            #[cfg(unix)]
            (Stream::Unix(stream), several) => stream.try_write_vectored(several),
            (Stream::Pipe(pipe), several) => pipe.try_write(several),
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(self), context)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Pipe(_) => Poll::Ready(Err(nothing_to_read())),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Pipe(pipe) => Poll::Ready(pipe.try_write(&[IoSlice::new(bytes)])),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Stream::Pipe(pipe) => Poll::Ready(pipe.try_write(slices)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Pipe(_) => Poll::Ready(Ok(())),
        }
    }
}

/// The error of asking a pipe for what a client in this process sends: it hands that to the engine itself.
fn nothing_to_read() -> io::Error {
    io::ErrorKind::Unsupported.into()
}
