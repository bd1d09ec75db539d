//! By which way clients come in. Owns the words under which they are counted, and counts those that came.

use std::cell::Cell;

use buslane_protocol::{Encoding, Framing};

use super::hub::increment;
use super::socket::Socket;

/// The way by which a client came in, and how it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transport {
    way: Way,
    encoding: Encoding,
}

/// The way by which a client came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Tcp,
    Unix,
    WebSocket,
    Http,
}

/// Clients that came in, by transport.
#[derive(Default)]
pub(crate) struct Arrivals([Cell<u64>; Transport::ALL.len()]);

impl Transport {
    /// Every transport that there is.
    pub(crate) const ALL: [Transport; 7] = [
        Transport::new(Way::Tcp, Encoding::Binary),
        Transport::new(Way::Tcp, Encoding::Json),
        Transport::new(Way::Unix, Encoding::Binary),
        Transport::new(Way::Unix, Encoding::Json),
        Transport::new(Way::WebSocket, Encoding::Binary),
        Transport::new(Way::WebSocket, Encoding::Json),
        // Exchanges over HTTP speak JSON to the outside, whatever the broker speaks to itself.
        Transport::new(Way::Http, Encoding::Json),
    ];

    const fn new(way: Way, encoding: Encoding) -> Self {
        Transport { way, encoding }
    }

    /// Tells by what a client comes in.
    pub(crate) fn of(socket: &Socket, framing: Framing) -> Self {
        let way = match framing {
            _ if socket.is_pipe() => return Transport::new(Way::Http, Encoding::Json),
            Framing::WebSocketBinary | Framing::WebSocketText => Way::WebSocket,
            Framing::Binary | Framing::JsonLines if socket.is_unix() => Way::Unix,
            Framing::Binary | Framing::JsonLines => Way::Tcp,
        };
        Transport::new(way, framing.encoding())
    }

    /// Returns the way as a word.
    pub(crate) const fn name(self) -> &'static str {
        match self.way {
            Way::Tcp => "tcp",
            Way::Unix => "unix",
            Way::WebSocket => "websocket",
            Way::Http => "http",
        }
    }

    /// Returns the encoding as a word.
    pub(crate) const fn encoding(self) -> &'static str {
        match self.encoding {
            Encoding::Binary => "binary",
            Encoding::Json => "json",
        }
    }
}

impl Arrivals {
    /// Counts a client that comes in.
    pub(crate) fn count(&self, transport: Transport) {
        for (known, count) in Transport::ALL.iter().zip(&self.0) {
            if *known == transport {
                increment(count, 1);
            }
        }
    }

    /// Returns how many clients came in by each transport.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (Transport, u64)> {
        Transport::ALL.into_iter().zip(self.0.iter().map(Cell::get))
    }
}
