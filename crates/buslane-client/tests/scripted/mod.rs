//! A broker that says what a test tells it to say, for what a real one cannot be brought to do. Speaks binary frames.

#![allow(dead_code, reason = "each test file uses the part that it needs")]

use std::collections::BTreeMap;

use buslane_client::{Client, ClientBuilder};
use buslane_protocol::binary::{self, Preamble};
use buslane_protocol::{
    Address, BrokerMessage, ClientMessage, Connected, ErrorCode, Headers, Id, Invocation, Name, Payload,
    Refusal, Registered, Subscribed,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Listens where the test's client dials.
pub(crate) struct Scripted {
    listener: TcpListener,
}

/// One connection of the client.
pub(crate) struct Peer {
    stream: TcpStream,
    received: Vec<u8>,
    /// The frame handed out last, to be dropped from the front.
    spent: usize,
}

impl Scripted {
    /// Listens on a free port.
    pub(crate) async fn new() -> Scripted {
        Scripted {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    /// Begins a client that dials here.
    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder().url(format!("buslane://{}", self.listener.local_addr().unwrap()))
    }

    /// Connects a client the usual way.
    pub(crate) async fn connect(&self) -> (Client, Peer) {
        let (client, peer) = tokio::join!(self.builder().connect(), async {
            let mut peer = self.accept().await;
            peer.welcome().await;
            peer
        });
        (client.unwrap(), peer)
    }

    /// Takes the next connection and exchanges preambles.
    pub(crate) async fn accept(&self) -> Peer {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut preamble = [0; Preamble::LENGTH];
        stream.read_exact(&mut preamble).await.unwrap();
        stream.write_all(&Preamble::answer(Some(1))).await.unwrap();
        Peer {
            stream,
            received: Vec::new(),
            spent: 0,
        }
    }
}

impl Peer {
    /// Answers the client's `connect`.
    pub(crate) async fn welcome(&mut self) {
        let ClientMessage::Connect(connect) = self.receive().await else {
            panic!("no connect")
        };
        let connected = Connected {
            id: connect.id,
            version: 1,
            node: Name::parse("scripted").unwrap(),
            server: "scripted/1".into(),
            client: "client-1".into(),
            heartbeat_ms: 0,
            limits: BTreeMap::new(),
        };
        self.send(BrokerMessage::Connected(Box::new(connected))).await;
    }

    /// Accepts the client's next subscription.
    pub(crate) async fn accept_subscription(&mut self) {
        let ClientMessage::Subscribe(subscribe) = self.receive().await else {
            panic!("no subscribe")
        };
        let subscribed = Subscribed {
            id: subscribe.id,
            filter: subscribe.filter,
            shared: subscribe.shared,
        };
        self.send(BrokerMessage::Subscribed(subscribed)).await;
    }

    /// Accepts the client's next registration.
    pub(crate) async fn accept_registration(&mut self) {
        let register = loop {
            match self.receive().await {
                ClientMessage::Register(register) => break register,
                // Comes where it takes a while.
                ClientMessage::Ping(_) => {}
                other => panic!("no register: {other:?}"),
            }
        };
        let registered = Registered {
            id: register.id,
            name: register.registration.name.clone(),
            instance: register
                .registration
                .instance
                .clone()
                .unwrap_or(register.registration.name),
            resume: "secret".into(),
            heartbeat_ms: 0,
            compatibility: None,
        };
        self.send(BrokerMessage::Registered(registered)).await;
    }

    /// Refuses whatever comes next, which has to carry an id.
    pub(crate) async fn refuse_next(&mut self, error: ErrorCode) {
        let id = match self.receive().await {
            ClientMessage::Register(register) => register.id,
            ClientMessage::Subscribe(subscribe) => subscribe.id,
            ClientMessage::Connect(connect) => connect.id,
            other => panic!("nothing to refuse: {other:?}"),
        };
        self.send_error(id, error).await;
    }

    /// Sends an error.
    pub(crate) async fn send_error(&mut self, id: Option<Id>, error: ErrorCode) {
        let refusal = Refusal {
            id,
            delivery: None,
            from: None,
            error: error.into(),
        };
        self.send(BrokerMessage::Error(refusal)).await;
    }

    /// Takes the client's next request and returns its id.
    pub(crate) async fn receive_request(&mut self) -> Id {
        loop {
            match self.receive().await {
                ClientMessage::Request(request) => return request.id,
                // Comes where it takes a while.
                ClientMessage::Ping(_) => {}
                other => panic!("no request: {other:?}"),
            }
        }
    }

    /// Has the client asked, without any input.
    pub(crate) async fn send_request(&mut self, delivery: u64, address: &str) {
        let invocation = Invocation {
            delivery,
            id: None,
            from: "scripted".into(),
            to: Address::parse(address).unwrap(),
            headers: Headers::default(),
            payload: Payload::default(),
            expires_in_ms: None,
            attempt: 1,
            stream: false,
            credit: 0,
        };
        self.send(BrokerMessage::Request(invocation)).await;
    }

    /// Takes the client's next message.
    pub(crate) async fn receive(&mut self) -> ClientMessage<'_> {
        self.received.drain(..self.spent);
        loop {
            if let Some(length) = binary::frame_length(&self.received, usize::MAX).unwrap()
                && length <= self.received.len()
            {
                self.spent = length;
                return binary::decode_client(&self.received[..length]).unwrap();
            }
            let read = self.stream.read_buf(&mut self.received).await.unwrap();
            assert_ne!(read, 0, "the client closed the connection");
        }
    }

    /// Sends a message.
    pub(crate) async fn send(&mut self, message: BrokerMessage<'_>) {
        let mut frame = Vec::new();
        binary::encode_broker(&mut frame, &message);
        self.send_bytes(&frame).await;
    }

    /// Sends any bytes.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Waits until the client has closed the connection, and returns what it said before.
    pub(crate) async fn until_closed(mut self) -> Vec<String> {
        self.received.drain(..self.spent);
        // A client that is killed resets the connection.
        let _ = self.stream.read_to_end(&mut self.received).await;
        let mut said = Vec::new();
        let mut rest = self.received.as_slice();
        while let Some(length) = binary::frame_length(rest, usize::MAX).unwrap() {
            said.push(format!("{:?}", binary::decode_client(&rest[..length]).unwrap()));
            rest = &rest[length..];
        }
        said
    }
}
