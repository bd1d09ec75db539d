//! The end of a connection that the broker ends. Closing a socket at once, while the other side still sends, would
//! destroy what it has not read yet: so the broker first says that it sends no more, and hears out the rest.

use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Sleep;

use super::connection::Connection;
use super::conversation::Conversation;
use super::socket::Socket;

/// The end of a connection.
pub(crate) struct Leaving {
    socket: Leaver,
    patience: Pin<Box<Sleep>>,
    has_ended: bool,
    heard: usize,
}

enum Leaver {
    /// One that never became a client.
    Stranger(Socket),
    /// One that was a client.
    Client(Rc<Connection>),
}

impl Leaving {
    /// Ends a connection with a last word, as far as the socket takes it.
    pub(crate) fn saying(socket: Socket, last: &[u8]) -> Self {
        let _taken = socket.try_write(&[IoSlice::new(last)]);
        Leaving::new(Leaver::Stranger(socket))
    }

    /// Ends a connection for which everything was said.
    pub(crate) fn talked(connection: Rc<Connection>) -> Self {
        Leaving::new(Leaver::Client(connection))
    }

    fn new(socket: Leaver) -> Self {
        Leaving {
            socket,
            patience: Box::pin(tokio::time::sleep(PATIENCE)),
            has_ended: false,
            heard: 0,
        }
    }

    /// Drives the end; ready when the socket may be closed.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Conversation> {
        if self.patience.as_mut().poll(context).is_ready() {
            return Poll::Ready(Conversation::Over);
        }
        match &mut self.socket {
            Leaver::Stranger(socket) => hear_out(socket, &mut self.has_ended, &mut self.heard, context),
            Leaver::Client(connection) => {
                let mut socket = connection.socket.borrow_mut();
                hear_out(&mut socket, &mut self.has_ended, &mut self.heard, context)
            }
        }
        .map(|()| Conversation::Over)
    }
}

fn hear_out(
    socket: &mut Socket,
    has_ended: &mut bool,
    heard: &mut usize,
    context: &mut Context<'_>,
) -> Poll<()> {
    if !*has_ended {
        if ready!(socket.poll_end(context)).is_err() {
            return Poll::Ready(());
        }
        *has_ended = true;
    }
    let mut discarded = [0; 4 << 10];
    while *heard < MOST_HEARD {
        match ready!(socket.poll_read(context, &mut discarded)) {
            Ok(count) if count > 0 => *heard += count,
            _ => return Poll::Ready(()),
        }
    }
    Poll::Ready(())
}

/// How long the other side may take to end its side.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes that are heard and discarded meanwhile.
const MOST_HEARD: usize = 4 << 20;
