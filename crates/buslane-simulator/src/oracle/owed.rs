//! Answers that follow from a message alone: each message with an id gets its own, in order.

use buslane_protocol::{BrokerMessage, ErrorCode, Id, Refusal};

use super::{Oracle, Subject};
use crate::said::{AnswerKind, Said};

/// An answer that a client is to get.
#[derive(Debug)]
pub(super) struct Owed {
    id: Option<Id>,
    delivery: Option<u64>,
    what: What,
}

#[derive(Debug)]
enum What {
    Connected,
    Registered,
    Subscribed(String, Option<String>),
    /// An acknowledgement of at most so many receivers, or of exactly as many.
    Ack {
        most: u64,
        exact: bool,
    },
    Pong,
    Error(ErrorCode),
}

impl Oracle {
    /// Notes the answer that a message calls for.
    pub(super) fn owe(&mut self, client: usize, said: &Said, refusal: Option<ErrorCode>) {
        let delivery = match said {
            Said::Answer { delivery, .. } => Some(*delivery),
            _ => None,
        };
        let id = id_of(said);
        let what = match (refusal, said) {
            (Some(code), _) => What::Error(code),
            (None, Said::Connect { .. }) => What::Connected,
            (None, Said::Register { .. }) => What::Registered,
            (None, Said::Subscribe { filter, shared, .. }) => {
                What::Subscribed(filter.clone(), shared.clone())
            }
            (None, Said::Ping { .. }) => What::Pong,
            (None, Said::Unsubscribe { id: Some(_), .. }) => What::Ack { most: 0, exact: true },
            (
                None,
                Said::Unregister {
                    id: Some(id),
                    service,
                    instance,
                    drain,
                },
            ) => {
                if *drain && self.is_busy(client, service, instance.as_deref()) {
                    let held = self.own(client, service, instance.as_deref());
                    self.clients[client]
                        .finishing
                        .extend(held.map(|held| (*id, held)));
                    return;
                }
                What::Ack { most: 0, exact: true }
            }
            (None, Said::Publish(publish)) if publish.ack => {
                let most = self.receivers(client, publish);
                let exact = !self.dropped && !self.starved;
                What::Ack { most, exact }
            }
            _ => return,
        };
        self.clients[client].owed.push_back(Owed { id, delivery, what });
    }

    /// Notes that the broker introduces itself before anything is said.
    pub(super) fn owe_greeting(&mut self, client: usize) {
        self.clients[client].owed.push_back(Owed {
            id: None,
            delivery: None,
            what: What::Connected,
        });
    }

    /// Notes the answer to something that was no message.
    pub(crate) fn owe_error(&mut self, client: usize, id: Option<Id>, code: ErrorCode) {
        let what = What::Error(code);
        self.clients[client].owed.push_back(Owed {
            id,
            delivery: None,
            what,
        });
    }

    /// Takes in an answer that is to be the next one that is owed.
    pub(super) fn due(&mut self, client: usize, message: &BrokerMessage<'_>) {
        if let BrokerMessage::Ping(_) | BrokerMessage::Draining(_) = message {
            return;
        }
        if let BrokerMessage::Ack(ack) = message
            && self.finished(client, ack.id)
        {
            return;
        }
        let Some(owed) = self.clients[client].owed.pop_front() else {
            return self.broken(
                format!("an answer to nothing: {message:?}"),
                &[Subject::Client(client)],
            );
        };
        let fits = match (&owed.what, message) {
            (What::Connected, BrokerMessage::Connected(connected)) => {
                self.clients[client].label = Some(connected.client.clone());
                connected.id == owed.id
            }
            (What::Registered, BrokerMessage::Registered(registered)) => {
                self.secret(client, registered);
                registered.id == owed.id
            }
            (What::Subscribed(filter, shared), BrokerMessage::Subscribed(subscribed)) => {
                let named = subscribed.shared.as_ref().map(|name| name.as_str());
                subscribed.id == owed.id && subscribed.filter.as_str() == filter && named == shared.as_deref()
            }
            (What::Ack { most, exact }, BrokerMessage::Ack(ack)) => {
                let receivers = u64::from(ack.receivers);
                Some(ack.id) == owed.id && receivers <= *most && !(*exact && receivers != *most)
            }
            (What::Pong, BrokerMessage::Pong(id)) => *id == owed.id,
            _ => false,
        };
        if !fits {
            let promise =
                format!("each message gets its own answer, in order: owed {owed:?}, got {message:?}");
            self.broken(promise, &[Subject::Client(client)]);
        }
    }

    /// Takes in an error, which answers a message, ends a request, or is the last word before the connection ends.
    pub(super) fn error(&mut self, client: usize, refusal: &Refusal) {
        let code = refusal.error.error_code();
        let fits = |owed: &Owed| {
            let What::Error(expected) = owed.what else {
                return false;
            };
            Some(expected) == code && owed.id == refusal.id && owed.delivery == refusal.delivery
        };
        if refusal.from.is_none() && self.clients[client].owed.front().is_some_and(fits) {
            self.clients[client].owed.pop_front();
            return;
        }
        if let Some(id) = refusal.id {
            return self.failure(client, id, refusal);
        }
        match code {
            Some(
                ErrorCode::TakenOver
                | ErrorCode::HeartbeatTimeout
                | ErrorCode::HandshakeTimeout
                | ErrorCode::Overflow,
            ) => {
                self.coverage.count("last word");
            }
            _ => self.broken(
                format!("an error that answers nothing: {refusal:?}"),
                &[Subject::Client(client)],
            ),
        }
    }

    /// Looks whether everything that was owed has come.
    pub(super) fn check_owed(&mut self, client: usize) {
        let shadow = &self.clients[client];
        if let (true, Some(owed)) = (shadow.open, shadow.owed.front()) {
            self.broken(
                format!("a message was not answered: {owed:?}"),
                &[Subject::Client(client)],
            );
        }
    }

    fn finished(&mut self, client: usize, id: Id) -> bool {
        let finishing = &self.clients[client].finishing;
        let Some(place) = finishing.iter().position(|(waiting, _)| *waiting == id) else {
            return false;
        };
        let (_, held) = self.clients[client].finishing.remove(place);
        if self.held[held].alive {
            let promise = "the answer to unregister with drain comes when everything is finished";
            self.broken(promise, &[Subject::Client(client)]);
        }
        true
    }
}

fn id_of(said: &Said) -> Option<Id> {
    match said {
        Said::Connect { id, .. }
        | Said::Register { id, .. }
        | Said::Unregister { id, .. }
        | Said::Subscribe { id, .. }
        | Said::Unsubscribe { id, .. }
        | Said::Ping { id } => *id,
        Said::Publish(publish) => publish.id,
        Said::Request(request) => Some(request.id),
        Said::Answer {
            kind: AnswerKind::Reply | AnswerKind::Chunk { .. } | AnswerKind::Error,
            ..
        } => None,
        _ => None,
    }
}
