//! The program's side of a session: asks for anything, and keeps what has not ended. Panics if something ends twice.

use std::collections::BTreeMap;

use buslane_protocol::{
    Address, Deadline, Filter, Headers, Instant, Name, Overflow, Payload, Problem, Registration, Retain,
    Targets, Topic,
};
use buslane_session::{
    DeliveryToken, Event, FlushKey, PublishKey, PublishOptions, RegistrationKey, RequestKey, RequestOptions,
    Session, SubscribeOptions, SubscriptionKey,
};

use crate::choices::Choices;

/// What the program has asked for and was told.
#[derive(Default)]
pub(crate) struct Program {
    /// Whether each request has ended.
    requests: BTreeMap<RequestKey, bool>,
    /// Whether each publish that wants an acknowledgement has ended.
    publishes: BTreeMap<PublishKey, bool>,
    /// Whether each flush has ended.
    flushes: BTreeMap<FlushKey, bool>,
    subscriptions: Vec<SubscriptionKey>,
    registrations: Vec<RegistrationKey>,
    /// Requests that came in.
    tokens: Vec<DeliveryToken>,
}

impl Program {
    /// Asks for something.
    pub(crate) fn act(&mut self, session: &mut Session, now: Instant, choices: &mut Choices<'_>) {
        match choices.below(16) {
            0..3 => self.request(session, now, choices),
            3..5 => self.publish(session, now, choices),
            5 | 6 => self.subscribe(session, choices),
            7 => self.register(session, now, choices),
            8 => self.flushes.extend(session.flush().ok().map(|key| (key, false))),
            9..12 => self.answer(session, now, choices),
            12 => {
                let keys: Vec<RequestKey> = self.requests.keys().copied().collect();
                if !keys.is_empty() {
                    let key = *choices.among(&keys);
                    session.cancel(key);
                    self.requests.insert(key, true);
                }
            }
            13 => {
                for key in self.requests.keys() {
                    session.consumed(*key, u32::from(choices.byte()));
                }
            }
            14 => self.withdraw(session, choices),
            _ => {
                if let Some(key) = self.subscriptions.last() {
                    session.credit(*key, u32::from(choices.byte()));
                }
            }
        }
    }

    fn request(&mut self, session: &mut Session, now: Instant, choices: &mut Choices<'_>) {
        let address = |text| Address::parse(text).expect("it is an address");
        let kind = choices.byte();
        let to = match kind & 3 {
            0 => Targets::Several(vec![address("a:b"), address("@c:d")]),
            1 => Targets::One(address("*:b")),
            _ => Targets::One(address("attic#one:get")),
        };
        let options = RequestOptions {
            headers: Headers::default(),
            deadline: match kind >> 2 & 3 {
                0 => Deadline::Never,
                1 => Deadline::After(choices.number()),
                _ => Deadline::Default,
            },
            stream: kind & 16 != 0,
            credit: u32::from(kind >> 5),
        };
        if let Ok(key) = session.request(now, to, payload(choices), options) {
            assert!(
                self.requests.insert(key, false).is_none(),
                "keys are not used again"
            );
        }
    }

    fn publish(&mut self, session: &mut Session, now: Instant, choices: &mut Choices<'_>) {
        let kind = choices.byte();
        let options = PublishOptions {
            headers: Headers::default(),
            ack: kind & 1 != 0,
            retain: *choices.among(&[Retain::Keep, Retain::Set, Retain::Clear]),
            retain_ms: (kind & 2 != 0).then(|| choices.number()),
            exclude_self: kind & 4 != 0,
        };
        let topic = Topic::parse("t/a").expect("it is a topic");
        if let Ok(Some(key)) = session.publish(now, &topic, payload(choices), options) {
            assert!(
                self.publishes.insert(key, false).is_none(),
                "keys are not used again"
            );
        }
    }

    fn subscribe(&mut self, session: &mut Session, choices: &mut Choices<'_>) {
        let filter = Filter::parse(*choices.among(&["t/+", "t/a", "#", "$bus/#"])).expect("it is a filter");
        let kind = choices.byte();
        let options = SubscribeOptions {
            shared: (kind & 1 != 0).then(|| Name::parse("workers").expect("it is a name")),
            overflow: *choices.among(&[Overflow::DropOldest, Overflow::DropNewest, Overflow::Disconnect]),
            credit: (kind & 2 != 0).then_some(u32::from(kind >> 4)),
        };
        self.subscriptions.extend(session.subscribe(filter, options));
    }

    fn register(&mut self, session: &mut Session, now: Instant, choices: &mut Choices<'_>) {
        let text = *choices.among(&[
            r#"{"name":"attic","version":"1","methods":{"get":{}}}"#,
            r#"{"name":"attic","version":"2","instance":"one"}"#,
            r#"{"name":"cellar","version":"1","groups":["all"],"methods":["a","b"]}"#,
        ]);
        let registration: Registration = serde_json::from_str(text).expect("it is a registration");
        self.registrations.extend(session.register(now, registration));
    }

    fn answer(&mut self, session: &mut Session, now: Instant, choices: &mut Choices<'_>) {
        let token = match choices.byte() {
            0 => DeliveryToken::from_parts(1, 1),
            other if self.tokens.is_empty() => DeliveryToken::from_parts(u32::from(other), 1),
            other => self.tokens[usize::from(other) % self.tokens.len()],
        };
        let last = choices.rarely(2);
        // Whether it is taken depends on what happened to the request meanwhile.
        let _taken = match choices.below(3) {
            0 => session.reply(token, Headers::default(), payload(choices)),
            1 => session.chunk(now, token, Headers::default(), payload(choices), last),
            _ => session.fail(token, Problem::of_service("broken", "It is broken")),
        };
    }

    fn withdraw(&mut self, session: &mut Session, choices: &mut Choices<'_>) {
        if choices.rarely(2) {
            if let Some(key) = self.subscriptions.pop() {
                session.unsubscribe(key);
            }
        } else if let Some(key) = self.registrations.pop() {
            session.unregister(key, choices.rarely(2));
        }
    }

    /// Takes in what the session tells.
    pub(crate) fn learn(&mut self, event: &Event<'_>) {
        match event {
            Event::Reply { key, .. } | Event::Failed { key, .. } | Event::End { key, .. } => {
                end(&mut self.requests, *key);
            }
            Event::PartialReply { key, .. }
            | Event::PartialFailure { key, .. }
            | Event::Chunk { key, .. } => {
                assert_eq!(
                    self.requests.get(key),
                    Some(&false),
                    "{event:?} comes after the end"
                );
            }
            Event::Acked { key, .. } | Event::PublishFailed { key, .. } => end(&mut self.publishes, *key),
            Event::Flushed { key } | Event::FlushFailed { key, .. } => end(&mut self.flushes, *key),
            Event::Request { token, .. } => self.tokens.push(*token),
            Event::Delivery { keys, .. } => {
                assert!(!keys.is_empty(), "{event:?} is for nobody");
            }
            _ => {}
        }
    }

    /// Panics if something has not ended.
    pub(crate) fn assert_ended(&self) {
        assert!(self.requests.values().all(|ended| *ended), "{:?}", self.requests);
        assert!(
            self.publishes.values().all(|ended| *ended),
            "{:?}",
            self.publishes
        );
        assert!(self.flushes.values().all(|ended| *ended), "{:?}", self.flushes);
    }
}

/// Notes an end, and panics if it is not the first.
fn end<K: Ord + Copy + std::fmt::Debug>(open: &mut BTreeMap<K, bool>, key: K) {
    assert_eq!(
        open.insert(key, true),
        Some(false),
        "{key:?} ends twice, or never began"
    );
}

fn payload(choices: &mut Choices<'_>) -> Payload<'static> {
    let kind = choices.byte();
    match kind & 3 {
        0 => Payload::absent(),
        1 => Payload::json(&b"{\"a\":\n1}"[..]),
        2 => Payload::bytes(vec![kind; usize::from(kind)]),
        _ => Payload::json(&b"no json"[..]),
    }
}
