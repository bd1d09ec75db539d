//! What each message of the broker means.

use std::time::Duration;

use buslane_protocol::{
    BrokerMessage, ClientMessage, DecodeError, ErrorCode, Id, Problem, Refusal, Registered, Retry,
};

use crate::Event;
use crate::core::Core;
use crate::error::own;
use crate::ids::{Control, key_of};

impl Core {
    /// Takes one message. Returns an event that borrows from it, or queues those that do not.
    pub(crate) fn handle_message<'a>(&mut self, message: BrokerMessage<'a>) -> Option<Event<'a>> {
        match message {
            BrokerMessage::Delivery(delivery) => {
                let keys = self.subscriptions.route(&delivery);
                if keys.is_empty() {
                    self.counters.unmatched_deliveries += 1;
                    return None;
                }
                Some(Event::Delivery { keys, delivery })
            }
            BrokerMessage::Reply(answer) => {
                let event = self.requests.handle_reply(answer);
                self.expected(event)
            }
            BrokerMessage::Chunk(part) => {
                let event = self.requests.handle_chunk(self.now, part);
                self.expected(event)
            }
            BrokerMessage::Request(invocation) => {
                let registration = self.registrations.route(&invocation);
                Some(
                    self.invocations
                        .handle_request(self.now, registration, invocation),
                )
            }
            BrokerMessage::End(end) => {
                let event = self.requests.handle_end(&end);
                self.expected(event)
            }
            BrokerMessage::Ack(ack) => match Control::parse(&ack.id) {
                Some(Control::Unregister(key)) => self.registrations.handle_unregistered(key),
                Some(_) => None,
                None => {
                    let event = self.publishes.handle_ack(&ack);
                    self.expected(event)
                }
            },
            other => {
                self.handle_rare(other);
                None
            }
        }
    }

    /// Takes note of bytes that are no message. The connection ends, unless a newer broker may have meant it well.
    pub(crate) fn handle_undecodable(&mut self, error: &DecodeError) {
        let problem = own(error.code()).detail(format_args!("the broker sent what is no message: {error}"));
        match error {
            DecodeError::UnknownType { .. } => self.events.push_back(Event::Refused { problem }),
            _ => self.abandon(problem),
        }
    }

    fn handle_rare(&mut self, message: BrokerMessage<'_>) {
        match message {
            BrokerMessage::Connected(connected) => {
                // On a WebSocket the broker says it once more by itself, before.
                let answers = connected.id.is_some_and(|id| id == Control::Connect.id());
                if connected.version != buslane_protocol::PROTOCOL_VERSION {
                    return self.end(own(ErrorCode::UnsupportedVersion), false);
                }
                if answers && !self.connection.is_live() {
                    self.greeted(connected);
                }
            }
            BrokerMessage::Registered(registered) => self.handle_registered(registered),
            BrokerMessage::Subscribed(subscribed) => {
                if let Some(Control::Subscribe { wire, round }) =
                    subscribed.id.as_ref().and_then(Control::parse)
                {
                    self.subscriptions
                        .handle_subscribed(wire, round, &mut self.events);
                }
            }
            BrokerMessage::Error(refusal) => self.handle_error(refusal),
            BrokerMessage::Cancel(withdrawal) => {
                self.events
                    .extend(self.invocations.handle_cancel(withdrawal.delivery));
            }
            BrokerMessage::Credit(credit) => self.events.extend(self.invocations.handle_credit(&credit)),
            BrokerMessage::Gap(gap) => {
                let gap = self.subscriptions.handle_gap(&gap);
                self.events.push_back(gap);
            }
            BrokerMessage::Ping(id) => {
                self.outgoing.push(&ClientMessage::Pong(id));
            }
            BrokerMessage::Pong(id) => {
                self.events
                    .extend(id.and_then(|id| self.flushes.handle_pong(&id)));
            }
            BrokerMessage::Draining(draining) => {
                self.connection.drain();
                let closes_in = Duration::from_millis(u64::from(draining.closes_in_ms));
                self.events.push_back(Event::Draining { closes_in });
            }
            _ => {}
        }
    }

    fn handle_registered(&mut self, registered: Registered) {
        let Some(Control::Register(key)) = registered.id.as_ref().and_then(Control::parse) else {
            return;
        };
        match self.registrations.handle_registered(key, registered) {
            Some(Ok(event)) => self.events.push_back(event),
            Some(Err(message)) => {
                self.outgoing.push(&message);
            }
            None => {}
        }
    }

    fn handle_error(&mut self, refusal: Refusal) {
        if let Some(delivery) = refusal.delivery {
            let token = self.invocations.token(delivery);
            self.events.push_back(Event::AnswerRefused {
                token,
                problem: refusal.error,
            });
            return;
        }
        match refusal.id {
            None => self.handle_unnamed(refusal.error),
            Some(id) => match Control::parse(&id) {
                Some(control) => self.handle_control_error(control, refusal.error),
                None => self.handle_message_error(&id, refusal),
            },
        }
    }

    /// Takes an error about a request or a publish.
    fn handle_message_error(&mut self, id: &Id, refusal: Refusal) {
        let Refusal { from, error, .. } = refusal;
        let Some(key) = key_of(id) else {
            self.events.push_back(Event::Refused { problem: error });
            return;
        };
        let event = if self.requests.is_pending(id) {
            self.requests.handle_error(key, from, error)
        } else {
            self.publishes.handle_error(key, error)
        };
        self.counters.late_answers += u64::from(event.is_none());
        self.events.extend(event);
    }

    /// Takes an error about a message with a short id.
    fn handle_control_error(&mut self, control: Control, problem: Problem) {
        match control {
            Control::Connect => {
                let never = problem
                    .error_code()
                    .is_some_and(|code| code.retry() == Retry::Never);
                if never {
                    self.end(problem, false)
                } else {
                    self.abandon(problem)
                }
            }
            Control::Register(key) => {
                self.events
                    .extend(self.registrations.handle_refused(self.now, key, problem));
            }
            Control::Unregister(key) => self.events.extend(self.registrations.handle_unregistered(key)),
            Control::Subscribe { wire, round } => {
                self.subscriptions
                    .handle_refused(wire, round, &problem, &mut self.events);
            }
            // The subscription is gone either way, and a refused ping still shows that the broker came to it.
            Control::Unsubscribe(_) => {}
            Control::Flush(_) => self.events.push_back(Event::Refused { problem }),
        }
    }

    /// Takes an error that names no message: it is about the connection, or about a message without an id.
    fn handle_unnamed(&mut self, problem: Problem) {
        match problem.error_code() {
            Some(ErrorCode::TakenOver | ErrorCode::UnsupportedVersion) => self.end(problem, false),
            Some(ErrorCode::Unauthenticated) if !self.connection.is_live() => self.end(problem, false),
            Some(code) if ENDINGS.contains(&code) => self.parting = Some(problem),
            _ if !self.connection.is_live() => self.parting = Some(problem),
            _ => self.events.push_back(Event::Refused { problem }),
        }
    }

    /// Counts an answer that nobody waits for.
    fn expected<'a>(&mut self, event: Option<Event<'a>>) -> Option<Event<'a>> {
        if event.is_none() {
            self.counters.late_answers += 1;
        }
        event
    }
}

/// What the broker says before it closes the connection.
const ENDINGS: [ErrorCode; 6] = [
    ErrorCode::InvalidFrame,
    ErrorCode::FrameTooLarge,
    ErrorCode::HandshakeTimeout,
    ErrorCode::HeartbeatTimeout,
    ErrorCode::Overflow,
    ErrorCode::TooManyConnections,
];
