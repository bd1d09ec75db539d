//! A client of the engine that lives in this process: an exchange over HTTP is one. It has an outbox, limits, counters
//! and an end like any other; in place of a socket there is a [`Pipe`], and what it sends is handed to the engine
//! without being encoded.
//!
//! ```text
//!  InProcess::open(hub, origin, name)   refused as the engine refuses connections, `draining` included
//!  send(&message).await                 waits while the engine wants nothing of this client, then hands it over
//!  next().await -> Frame                the next message for this client; Err(why) once the connection has ended
//!  frame.message()                      the decoded message, borrowing from the frame
//!  leave()                              ends it as `goodbye` does; dropping it counts as a lost connection
//! ```
//!
//! # Invariants worth naming
//! - Whatever it had in flight dies with it: the engine withdraws its requests from their callees.
//! - Who does not call `next` blocks nobody: the pipe takes 64 KiB, or one longer frame; then the outbox fills up, its
//!   rules apply (gaps in deliveries, an end for who does not take its answers), and without any call for
//!   `limits.gone_after` the connection ends as silent.
//! - Pings are answered, and `connected` is taken, by `next` itself; neither is handed on.
//! - Nothing here may be called while the engine is borrowed.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use buslane_engine::{CloseReason, Flow};
use buslane_protocol::{BrokerMessage, ClientMessage, Connect, Framing, Name, Problem, binary};
use bytes::Bytes;

use super::connection::Connection;
use super::hub::Hub;
use super::input::Lease;
use super::pipe::Pipe;
use super::socket::{Origin, Socket};

/// A client of the engine that lives in this process. See the [module](self).
pub(crate) struct InProcess {
    hub: Rc<Hub>,
    connection: Rc<Connection>,
    pipe: Rc<Pipe>,
}

/// One whole message from the broker. Counts as memory in use while it lives.
#[derive(Debug)]
pub(crate) struct Frame {
    bytes: Bytes,
    lease: Lease,
}

impl Frame {
    /// Decodes the message.
    pub(crate) fn message(&self) -> BrokerMessage<'_> {
        binary::decode_broker(&self.bytes).expect("it was decoded when it came")
    }

    /// Shares a part of the frame, such as a payload of its message, without copying it where it lies in the frame.
    pub(crate) fn share(&self, part: &[u8]) -> Bytes {
        let frame = self.bytes.as_ptr_range();
        let part_range = part.as_ptr_range();
        if part.is_empty() || part_range.start < frame.start || part_range.end > frame.end {
            return Bytes::copy_from_slice(part);
        }
        self.bytes.slice_ref(part)
    }

    /// Returns what keeps the frame's bytes counted, for whoever keeps a part of them.
    pub(crate) fn into_lease(self) -> Lease {
        self.lease
    }
}

impl InProcess {
    /// Joins the engine on behalf of somebody who came in by a socket, under a name if there is one.
    pub(crate) fn open(hub: &Rc<Hub>, origin: &Origin, name: Option<Name>) -> Result<Self, Problem> {
        let pipe = Rc::new(Pipe::new(&hub.outgoing));
        let socket = Socket::pipe(Rc::clone(&pipe));
        let connection = hub
            .open(socket, origin.clone(), Framing::Binary)
            .map_err(|refused| refused.problem)?;
        let mut client = InProcess {
            hub: Rc::clone(hub),
            connection,
            pipe,
        };
        if name.is_some() || !origin.loopback {
            let connect = Connect {
                name,
                ..Connect::default()
            };
            client.start_send(ClientMessage::Connect(connect));
        }
        Ok(client)
    }

    /// Hands a message to the engine, as soon as the engine takes one of this client. Fails once the connection ends.
    pub(crate) async fn send(&mut self, message: ClientMessage<'_>) -> Result<(), CloseReason> {
        poll_fn(|context| self.poll_ready(context)).await?;
        self.start_send(message);
        Ok(())
    }

    /// Waits until the engine takes a message of this client.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        self.connection.remember(context);
        let state = self.connection.state();
        match state.ended {
            Some(reason) => Poll::Ready(Err(reason)),
            None if state.paused || state.closing => Poll::Pending,
            None => Poll::Ready(Ok(())),
        }
    }

    /// Hands a message to the engine, which takes one: [`InProcess::poll_ready`] said so just now.
    pub(crate) fn start_send(&mut self, message: ClientMessage<'_>) {
        let now = self.hub.clock.now();
        let flow = self.hub.engine().handle(now, self.connection.client, message);
        match flow {
            Flow::Continue => {}
            Flow::Pause => self.connection.change(|state| state.paused = true),
            Flow::Close => self.connection.change(|state| state.closing = true),
        }
        self.hub.schedule_flush();
    }

    /// Waits for the next message. Fails once the connection has ended and everything before was handed on.
    pub(crate) async fn next(&mut self) -> Result<Frame, CloseReason> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// Looks for the next message.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Frame, CloseReason>> {
        loop {
            let frame = ready!(self.poll_frame(context))?;
            match binary::decode_broker(&frame.bytes) {
                // Having been read is the sign of life that a ping asks for.
                Ok(BrokerMessage::Ping(_) | BrokerMessage::Connected(_)) => {}
                Ok(_) => return Poll::Ready(Ok(frame)),
                Err(_) => return Poll::Ready(Err(CloseReason::Framing)),
            }
        }
    }

    /// Proves life on behalf of somebody who reads nothing now, and is expected back.
    pub(crate) fn stay(&self) {
        if self.ended().is_none() {
            let now = self.hub.clock.now();
            self.hub.engine().touch(now, self.connection.client);
            self.hub.schedule_flush();
        }
    }

    /// Tells why the connection has ended, if it has.
    pub(crate) fn ended(&self) -> Option<CloseReason> {
        self.connection.state().ended
    }

    /// Ends the connection: everything was said.
    pub(crate) fn leave(self) {
        self.hub.abandon(&self.connection, CloseReason::Goodbye);
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Result<Frame, CloseReason>> {
        self.connection.remember(context);
        self.pipe.remember(context);
        let frame = self
            .pipe
            .take_frame()
            .map(|(bytes, lease)| Frame { bytes, lease });
        let state = self.connection.state();
        match (frame, state.ended) {
            (Some(frame), Some(_)) => Poll::Ready(Ok(frame)),
            (Some(frame), None) => {
                self.note_read(state.blocked);
                Poll::Ready(Ok(frame))
            }
            (None, Some(reason)) => Poll::Ready(Err(reason)),
            (None, None) => Poll::Pending,
        }
    }

    /// Proves life, and has the engine go on where it waited for room.
    fn note_read(&self, blocked: bool) {
        let now = self.hub.clock.now();
        self.hub.engine().touch(now, self.connection.client);
        if blocked {
            self.hub.transmit(now, &self.connection);
        }
        self.hub.schedule_flush();
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.hub.abandon(&self.connection, CloseReason::EndOfStream);
    }
}

#[cfg(test)]
mod tests {
    use buslane_engine::{Config, Engine};
    use buslane_protocol::{
        Address, Deadline, Filter, Headers, Id, Instant, Limits, Payload, Publish, Register, Request, Retain,
        Subscribe, Targets, Topic,
    };
    use serde_json::json;
    use tokio::runtime::{Builder, LocalOptions};
    use tokio::task::{spawn_local, yield_now};

    use super::super::socket::Local;
    use super::super::{Flusher, Setup};
    use super::*;
    use crate::clock::Clock;

    /// Runs a test beside a broker without sockets.
    fn with_hub<F: Future<Output = ()>>(test: impl FnOnce(Rc<Hub>) -> F) {
        let node: Name = "tester".parse().unwrap();
        let hub = Rc::new(Hub::new(Setup {
            engine: Engine::new(Config {
                require_connect: true,
                ..Config::new(node.clone(), [7; 32])
            }),
            clock: Clock::start(),
            limits: Limits::default(),
            node,
            origins: Vec::new(),
            page_client: std::path::PathBuf::new(),
        }));
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().build_local(LocalOptions::default()).unwrap();
        runtime.block_on(async {
            spawn_local(Flusher::new(Rc::clone(&hub)));
            test(Rc::clone(&hub)).await;
            let gauges = hub.engine().gauges();
            assert_eq!((gauges.clients, gauges.requests, hub.outgoing.used()), (0, 0, 0));
        });
    }

    fn join(hub: &Rc<Hub>) -> InProcess {
        InProcess::open(hub, &origin(true), None).unwrap()
    }

    fn origin(loopback: bool) -> Origin {
        Origin {
            address: "somewhere:1".to_owned(),
            loopback,
            local: Local::Network,
        }
    }

    fn request(to: &'static str) -> ClientMessage<'static> {
        ClientMessage::Request(Request {
            id: Id::parse("r").unwrap(),
            to: Targets::One(Address::parse(to).unwrap()),
            headers: Headers::default(),
            payload: Payload::absent(),
            deadline: Deadline::Default,
            stream: false,
            credit: 0,
        })
    }

    fn publish(payload: String) -> ClientMessage<'static> {
        ClientMessage::Publish(Publish {
            id: Some(Id::parse("p").unwrap()),
            topic: Topic::parse("a/b").unwrap(),
            headers: Headers::default(),
            payload: Payload::json(payload.into_bytes()),
            ack: true,
            retain: Retain::Keep,
            retain_ms: None,
            exclude_self: false,
        })
    }

    fn register(registration: serde_json::Value) -> ClientMessage<'static> {
        ClientMessage::Register(Box::new(Register {
            id: None,
            resume: None,
            registration: serde_json::from_value(registration).unwrap(),
        }))
    }

    async fn expect<T>(client: &mut InProcess, look: impl FnOnce(&BrokerMessage<'_>) -> Option<T>) -> T {
        let frame = client.next().await.unwrap();
        let message = frame.message();
        look(&message).unwrap_or_else(|| panic!("{message:?}"))
    }

    #[test]
    fn a_request_is_answered_under_the_name_that_was_given() {
        with_hub(async |hub| {
            let name = Some("shell".parse().unwrap());
            let mut client = InProcess::open(&hub, &origin(false), name).unwrap();
            client.send(request("$bus:clients")).await.unwrap();
            let clients = expect(&mut client, |message| match message {
                BrokerMessage::Reply(answer) => serde_json::from_slice(&answer.payload.bytes).ok(),
                _ => None,
            })
            .await;
            let clients: serde_json::Value = clients;
            assert_eq!(
                (&clients["clients"][0]["from"], &clients["clients"][0]["address"]),
                (&json!("shell"), &json!("somewhere:1"))
            );
            client.leave();
        });
    }

    #[test]
    fn what_it_had_in_flight_is_withdrawn_when_it_is_dropped() {
        with_hub(async |hub| {
            let mut callee = join(&hub);
            let methods = json!({ "name": "svc", "version": "1.0.0", "methods": { "m": {} } });
            callee.send(register(methods)).await.unwrap();
            expect(&mut callee, |message| {
                matches!(message, BrokerMessage::Registered(_)).then_some(())
            })
            .await;
            let mut caller = join(&hub);
            caller.send(request("svc:m")).await.unwrap();
            let asked = expect(&mut callee, |message| match message {
                BrokerMessage::Request(request) => Some(request.delivery),
                _ => None,
            })
            .await;
            drop(caller);
            let withdrawn = expect(&mut callee, |message| match message {
                BrokerMessage::Cancel(withdrawal) => Some(withdrawal.delivery),
                _ => None,
            })
            .await;
            assert_eq!(asked, withdrawn);
            assert_eq!(hub.engine().counters().abandoned, 1);
        });
    }

    #[test]
    fn who_does_not_read_finds_a_gap_where_deliveries_were_dropped() {
        with_hub(async |hub| {
            let mut slow = join(&hub);
            let subscribe = Subscribe {
                id: None,
                filter: Filter::parse("a/#").unwrap(),
                shared: None,
                overflow: Default::default(),
                credit: None,
            };
            slow.send(ClientMessage::Subscribe(subscribe)).await.unwrap();
            let mut fast = join(&hub);
            const MESSAGES: u64 = 40;
            for _ in 0..MESSAGES {
                let payload = format!("\"{}\"", "x".repeat(100_000));
                fast.send(publish(payload)).await.unwrap();
                expect(&mut fast, |message| {
                    matches!(message, BrokerMessage::Ack(_)).then_some(())
                })
                .await;
            }
            let (mut seen, mut missing) = (0, 0);
            while seen + missing < MESSAGES {
                let frame = slow.next().await.unwrap();
                match frame.message() {
                    BrokerMessage::Delivery(_) => seen += 1,
                    BrokerMessage::Gap(gap) => missing += gap.count,
                    BrokerMessage::Subscribed(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            assert!(seen > 5 && missing > 5, "{seen} seen, {missing} missing");
            assert_eq!(hub.engine().counters().deliveries_dropped, missing);
        });
    }

    #[test]
    fn what_is_sent_while_the_engine_validates_waits_its_turn() {
        with_hub(async |hub| {
            let mut client = join(&hub);
            let topics = json!({ "name": "svc", "version": "1.0.0",
                "topics": { "a/b": { "schema": { "type": "string" } } } });
            client.send(register(topics)).await.unwrap();
            client
                .send(publish(format!("\"{}\"", "x".repeat(100_000))))
                .await
                .unwrap();
            client.send(ClientMessage::Ping(None)).await.unwrap();
            let mut order = Vec::new();
            while order.len() < 3 {
                let frame = client.next().await.unwrap();
                match frame.message() {
                    BrokerMessage::Registered(_) => order.push("registered"),
                    BrokerMessage::Ack(_) => order.push("ack"),
                    BrokerMessage::Pong(_) => order.push("pong"),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(order, ["registered", "ack", "pong"]);
        });
    }

    #[test]
    fn who_reads_is_alive_and_who_does_not_is_gone() {
        with_hub(async |hub| {
            let (mut reader, mut other) = (join(&hub), join(&hub));
            for client in [&mut reader, &mut other] {
                client.send(ClientMessage::Ping(None)).await.unwrap();
                expect(client, |message| {
                    matches!(message, BrokerMessage::Pong(_)).then_some(())
                })
                .await;
            }
            for seconds in [16, 32, 48, 64] {
                hub.engine()
                    .handle_timeout(Instant::from_micros(seconds * 1_000_000));
                hub.schedule_flush();
                yield_now().await;
                tokio::select! {
                    biased;
                    frame = reader.next() => panic!("{frame:?}"),
                    () = yield_now() => {}
                }
            }
            assert_eq!(reader.send(ClientMessage::Ping(None)).await, Ok(()));
            assert_eq!(
                other.send(ClientMessage::Ping(None)).await,
                Err(CloseReason::HeartbeatTimeout)
            );
        });
    }

    #[test]
    fn a_broker_that_drains_takes_nobody_new_and_ends_the_rest() {
        with_hub(async |hub| {
            let mut client = join(&hub);
            client.send(ClientMessage::Ping(None)).await.unwrap();
            hub.engine().drain(Instant::ZERO, std::time::Duration::ZERO);
            let refused = InProcess::open(&hub, &origin(true), None).err().unwrap();
            assert_eq!(refused.code, "draining");
            hub.schedule_flush();
            let mut seen = Vec::new();
            let reason = loop {
                match client.next().await {
                    Ok(frame) => seen.push(matches!(frame.message(), BrokerMessage::Draining(_))),
                    Err(reason) => break reason,
                }
            };
            assert_eq!((seen, reason), (vec![false, true], CloseReason::Shutdown));
            assert_eq!(
                client.send(ClientMessage::Ping(None)).await,
                Err(CloseReason::Shutdown)
            );
        });
    }
}
