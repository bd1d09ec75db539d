//! A stream that does not wait for ever for somebody who reads nothing.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// A stream on which writing fails once nothing could be written for some time.
pub(super) struct Stalling<S> {
    stream: S,
    patience: Duration,
    /// Runs while nothing can be written.
    stalled: Option<Pin<Box<Sleep>>>,
    has_stalled: bool,
}

impl<S> Stalling<S> {
    /// Bounds how long writing to a stream may take to get on.
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Stalling {
            stream,
            patience,
            stalled: None,
            has_stalled: false,
        }
    }

    /// Returns the stream, and whether it was given up.
    pub(super) fn into_parts(self) -> (S, bool) {
        (self.stream, self.has_stalled)
    }

    /// Notes whether something was written.
    fn judge<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if stalled.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.has_stalled = true;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn writing_fails_once_nothing_is_read_for_too_long() {
        let (mut reader, stream) = duplex(4);
        let mut stream = Stalling::new(stream, Duration::from_secs(45));
        stream.write_all(b"1234").await.unwrap();
        let mut first = [0; 4];
        reader.read_exact(&mut first).await.unwrap();
        stream.write_all(b"5678").await.unwrap();
        let error = stream.write_all(b"9").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(stream.into_parts().1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_who_reads_is_waited_for() {
        let (mut reader, stream) = duplex(1);
        let mut stream = Stalling::new(stream, Duration::from_secs(45));
        let reading = async {
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_secs(30)).await;
                reader.read_u8().await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(stream.write_all(b"1234"), reading);
        written.unwrap();
        assert!(!stream.into_parts().1);
    }
}
