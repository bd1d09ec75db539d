//! A socket that can be read and written although the runtime that watches over it is held up. Knows nothing of what
//! the bytes mean.
//!
//! A runtime learns what its sockets have by being polled. When a handler blocks the thread that would do that, nobody
//! learns anything; whoever stands in asks the operating system itself.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket of a runtime.
pub(crate) struct Direct<S>(pub(crate) S);

thread_local! {
    static STANDS_IN: Cell<bool> = const { Cell::new(false) };
}

/// Lets `work` use sockets whose runtime is held up.
pub(crate) fn standing_in<T>(work: impl FnOnce() -> T) -> T {
    let _standing = Standing::begin();
    work()
}

/// Tells whether this thread stands in for a runtime now.
pub(crate) fn stands_in() -> bool {
    STANDS_IN.get()
}

/// Ends with its scope that this thread stands in, also when that scope panics.
struct Standing;

impl Standing {
    fn begin() -> Standing {
        STANDS_IN.set(true);
        Standing
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        STANDS_IN.set(false);
    }
}

impl<S> Direct<S>
where
    for<'a> SockRef<'a>: From<&'a S>,
{
    /// Asks the operating system, if this thread stands in.
    fn ask<T>(&self, operation: impl FnOnce(&socket2::Socket) -> io::Result<T>) -> Poll<io::Result<T>> {
        if !stands_in() {
            return Poll::Pending;
        }
        match operation(&SockRef::from(&self.0)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            result => Poll::Ready(result),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Direct<S>
where
    for<'a> SockRef<'a>: From<&'a S>,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.0).poll_read(context, buffer) {
            Poll::Pending => {
                let unfilled = buffer.initialize_unfilled();
                self.ask(|mut socket| socket.read(unfilled))
                    .map_ok(|length| buffer.advance(length))
            }
            ready => ready,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Direct<S>
where
    for<'a> SockRef<'a>: From<&'a S>,
{
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.0).poll_write(context, bytes) {
            Poll::Pending => self.ask(|mut socket| socket.write(bytes)),
            ready => ready,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_that_a_thread_stands_in() {
        let panicked = std::panic::catch_unwind(|| standing_in(|| assert!(!stands_in(), "on purpose")));
        assert!(panicked.is_err() && !stands_in());
    }
}
