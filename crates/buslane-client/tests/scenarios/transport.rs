//! The ways on which a scenario is played.

use buslane_client::Encoding;

use crate::relay::Endpoint;

/// A transport and an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Binary frames over TCP.
    Tcp,
    /// JSON lines over TCP.
    TcpJson,
    /// Binary frames over a Unix socket.
    Unix,
    /// Binary frames in WebSocket messages.
    WebSocket,
    /// JSON text in WebSocket messages.
    WebSocketJson,
}

impl Transport {
    /// Every transport.
    pub(crate) const ALL: [Transport; 5] = [
        Transport::Tcp,
        Transport::TcpJson,
        Transport::Unix,
        Transport::WebSocket,
        Transport::WebSocketJson,
    ];

    /// Returns the name under which its tests are listed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::TcpJson => "tcp_json",
            Transport::Unix => "unix",
            Transport::WebSocket => "websocket",
            Transport::WebSocketJson => "websocket_json",
        }
    }

    /// Returns the encoding of what travels.
    pub(crate) fn encoding(self) -> Encoding {
        match self {
            Transport::Tcp | Transport::Unix | Transport::WebSocket => Encoding::Binary,
            Transport::TcpJson | Transport::WebSocketJson => Encoding::Json,
        }
    }

    /// Returns the URL by which a client dials.
    pub(crate) fn url(self, endpoint: &Endpoint) -> String {
        match (self, endpoint) {
            (Transport::WebSocket | Transport::WebSocketJson, Endpoint::Tcp(address)) => {
                format!("ws://{address}")
            }
            (_, Endpoint::Tcp(address)) => format!("buslane://{address}"),
            (_, Endpoint::Unix(path)) => format!("buslane+unix://{}", path.display()),
        }
    }
}
