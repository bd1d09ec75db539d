//! Telling of what nobody handled, of payloads that were refused, and of deliveries that were dropped. Owns what these
//! events say; how often they come is in `reports.rs`.

use buslane_protocol::{ErrorCode, Id, Overflow, Problem};
use serde_json::{Map, Value, json};

use crate::compatibility::INCOMPATIBLE;
use crate::engine::{Engine, Timer};
use crate::event::Event;
use crate::reports::{Kind, PERIOD, Rate, Report, ReportKey};
use crate::{ClientId, Notice, Violation};

/// Why nobody handled a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unhandled {
    /// A publish had no receiver.
    NoReceiver,
    /// Nobody answers to the address.
    NoInstance,
    /// The broker that the address names is not linked.
    UnknownNode,
    /// Nobody answered in time.
    DeadlineExceeded,
}

impl Unhandled {
    /// Finds the reason that a refusal stands for, if it is that nobody handles the message.
    pub(crate) fn of(problem: &Problem) -> Option<Unhandled> {
        match problem.error_code() {
            Some(ErrorCode::NoInstance) => Some(Unhandled::NoInstance),
            Some(ErrorCode::UnknownNode) => Some(Unhandled::UnknownNode),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Unhandled::NoReceiver => "no_receiver",
            Unhandled::NoInstance => "no_instance",
            Unhandled::UnknownNode => "unknown_node",
            Unhandled::DeadlineExceeded => "deadline_exceeded",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Unhandled::NoReceiver => Kind::NoReceiver,
            Unhandled::NoInstance => Kind::NoInstance,
            Unhandled::UnknownNode => Kind::UnknownNode,
            Unhandled::DeadlineExceeded => Kind::DeadlineExceeded,
        }
    }
}

impl Engine {
    /// Counts a message that nobody handled, and tells whoever wants to know.
    pub(crate) fn report_unhandled(
        &mut self,
        reason: Unhandled,
        address: &str,
        sender: ClientId,
        message: &'static str,
        id: Option<Id>,
    ) {
        let counters = &mut self.ledger.counters;
        counters.unhandled += 1;
        *match reason {
            Unhandled::NoReceiver => &mut counters.unhandled_no_receiver,
            Unhandled::NoInstance => &mut counters.unhandled_no_instance,
            Unhandled::UnknownNode => &mut counters.unhandled_unknown_node,
            Unhandled::DeadlineExceeded => &mut counters.unhandled_deadline_exceeded,
        } += 1;
        if self.bus_subscriptions == 0 || address.starts_with('$') || !self.is_wanted(UNHANDLED) {
            return;
        }
        let from = self.clients.stamp_of(sender);
        let report = || {
            let mut payload = object(json!({
                "reason": reason.as_str(),
                "address": address,
                "from": &*from,
                "type": message,
            }));
            if let Some(id) = id {
                payload.insert("id".to_owned(), Value::from(id.as_str()));
            }
            Report {
                topic: UNHANDLED,
                payload,
            }
        };
        self.report(reason.kind(), address, report);
    }

    /// Counts a payload that its schema refused, and tells whoever wants to know.
    pub(crate) fn report_rejection(&mut self, violation: &Violation, sender: ClientId, address: &str) {
        self.ledger.counters.schema_rejections += 1;
        if self.bus_subscriptions == 0 || !self.is_wanted(REJECTION) {
            return;
        }
        let from = self.clients.stamp_of(sender);
        let (pointer, keyword) = match violation {
            Violation::Mismatch { pointer, keyword, .. } => (pointer.as_str(), keyword.as_str()),
            Violation::NotJson { .. } => ("", ""),
        };
        let report = || {
            let payload =
                json!({ "address": address, "from": &*from, "pointer": pointer, "keyword": keyword });
            Report {
                topic: REJECTION,
                payload: object(payload),
            }
        };
        self.report(Kind::Rejection, address, report);
    }

    /// Queues an event about a subject, unless there was one within the last second: then it is counted.
    pub(crate) fn report(&mut self, kind: Kind, address: &str, report: impl Fn() -> Report) {
        if let Rate::Now(key, again) = self.reports.note(self.now, kind, address, &report) {
            self.timers.insert(again, Timer::Report(key));
            self.queue_report(report(), 1);
        }
    }

    /// Tells what happened to a subject since its last report.
    pub(crate) fn report_again(&mut self, key: ReportKey) {
        if let Some((report, times, again)) = self.reports.take(self.now, key) {
            self.timers.insert(again, Timer::Report(key));
            self.queue_report(report, times);
        }
    }

    fn queue_report(&mut self, report: Report, count: u64) {
        let Report { topic, mut payload } = report;
        payload.insert("count".to_owned(), Value::from(count));
        self.events.push_back(Event::Report(
            topic,
            Value::Object(payload).to_string().into_bytes(),
        ));
    }

    /// Counts a report that was published.
    pub(crate) fn count_report(&mut self, topic: &str) {
        let counters = &mut self.ledger.counters;
        match topic {
            UNHANDLED => counters.events_unhandled += 1,
            REJECTION => counters.events_schema_rejection += 1,
            INCOMPATIBLE => counters.events_incompatible_schema += 1,
            OVERFLOW => counters.events_overflow += 1,
            _ => {}
        }
    }

    /// Tells of a client's drops since the last report.
    pub(crate) fn report_drops(&mut self, id: ClientId) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        let Some(drops) = client.drops.as_mut() else {
            return;
        };
        let told = **drops;
        if told.count == 0 {
            client.drops = None;
            return;
        }
        (drops.count, drops.bytes, drops.announced, drops.waiting) = (0, 0, false, true);
        let from = client.from.clone();
        self.timers.insert(self.now + PERIOD, Timer::Drops(id));
        self.notice(Notice::Overflow {
            client: id,
            count: told.count,
            bytes: told.bytes,
            policy: told.policy,
        });
        if told.announced && self.bus_subscriptions > 0 {
            let policy = match told.policy {
                Overflow::DropOldest => "drop_oldest",
                Overflow::DropNewest => "drop_newest",
                Overflow::Disconnect => "disconnect",
            };
            let payload =
                json!({ "client": &*from, "count": told.count, "bytes": told.bytes, "policy": policy });
            self.events
                .push_back(Event::Report(OVERFLOW, payload.to_string().into_bytes()));
        }
    }
}

/// Takes the members of an object.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

const UNHANDLED: &str = "$bus/unhandled";
const REJECTION: &str = "$bus/schema-rejection";
const OVERFLOW: &str = "$bus/overflow";
