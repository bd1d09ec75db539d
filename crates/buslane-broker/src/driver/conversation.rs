//! The future of one connection, from the first byte to the last.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use buslane_protocol::{ErrorCode, Framing};

use super::hub::Hub;
use super::leaving::Leaving;
use super::opening::Opening;
use super::sniff::encoded;
use super::socket::Socket;
use super::talk::Talk;
use crate::websocket::close_frame;

/// The future of one connection. Small while the connection talks: what comes before and after is boxed.
pub(crate) enum Conversation {
    /// Nobody knows yet who is there.
    Opening(Box<Opening>),
    /// A client of the engine.
    Talk(Talk),
    /// It is over, and the other side may still have to read why.
    Leaving(Box<Leaving>),
    /// Nothing is left to do.
    Over,
}

impl Conversation {
    /// Begins with a connection of which nothing is known. It is over at once where there is no memory for it.
    pub(crate) fn begin(hub: &Rc<Hub>, socket: Socket) -> Self {
        match hub.admit_stranger() {
            Some(lease) => Conversation::Opening(Box::new(Opening::new(hub, socket, lease))),
            None => {
                hub.journal
                    .borrow_mut()
                    .turned_away(hub.clock.now(), ErrorCode::MemoryFull.as_str());
                Conversation::Over
            }
        }
    }

    /// Ends a connection with a last word, so that the other side can still read what was said before.
    pub(crate) fn end(socket: Socket, last: &[u8]) -> Self {
        Conversation::Leaving(Box::new(Leaving::saying(socket, last)))
    }

    /// Begins with a WebSocket, of which some bytes may have been read already.
    pub(crate) fn websocket(hub: &Rc<Hub>, socket: Socket, framing: Framing, read: &mut [u8]) -> Self {
        let Ok(origin) = socket.origin() else {
            return Conversation::Over;
        };
        match hub.open(socket, origin, framing) {
            Ok(connection) => {
                let mut talk = Talk::new(hub, connection);
                talk.receive(read);
                Conversation::Talk(talk)
            }
            Err(refused) => {
                let mut last = encoded(framing, refused.problem);
                last.extend(close_frame(AGAIN, "refused"));
                Conversation::Leaving(Box::new(Leaving::saying(refused.socket, &last)))
            }
        }
    }
}

impl Future for Conversation {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let next = match this {
                Conversation::Opening(opening) => ready!(opening.poll(context)),
                Conversation::Talk(talk) => ready!(talk.poll(context)),
                Conversation::Leaving(leaving) => ready!(leaving.poll(context)),
                Conversation::Over => return Poll::Ready(()),
            };
            *this = next;
        }
    }
}

/// The status that asks to try again later (IANA, WebSocket Close Code Number Registry).
const AGAIN: u16 = 1013;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::connection::Connection;

    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Conversation>() <= 48, "{}", size_of::<Conversation>());
        assert!(size_of::<Connection>() <= 160, "{}", size_of::<Connection>());
    }
}
