//! The engine's inputs: several clients that say anything in any order, well formed and not, read slowly or not at all,
//! come, go, and let time pass. After each step the books balance and memory stays under its cap; in the end every
//! request has ended once, and nothing is left.

mod driven;

use std::time::Duration;

use buslane_engine::{CloseReason, Compatibility};
use buslane_protocol::Framing;
use serde_json::{Value, json};

use crate::choices::Choices;
use crate::seeds;
use driven::{Driven, FOLLOWED};

/// Takes a script: first what the engine is told at its start, then one step after another.
pub(crate) fn run(input: &[u8]) {
    let mut script = Script::new(input);
    for _ in 0..STEPS {
        if script.choices.is_over() {
            break;
        }
        script.step();
    }
    script.driven.finish();
}

/// Each message of the seeds of texts, said by one client to three others, and a few longer scripts.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let raw = |text: Vec<u8>| {
        let length = u8::try_from(text.len()).ok()?;
        let opening = [
            0, 0, OPEN, 0, 0, OPEN, 1, 0, REGISTER, 1, 0, 0, 0, 0, 0, SUBSCRIBE, 1, 0, 0, 0, 0,
        ];
        Some(
            [
                &opening[..],
                &[RAW, 0, length],
                &text,
                &[READ, 0, 255, READ, 1, 255],
            ]
            .concat(),
        )
    };
    let said = seeds::client_texts().into_iter().filter_map(raw);
    let long = (0..LONG_SCRIPTS).map(|seed| {
        // A walk through all bytes, of another stride each time: every step comes with many arguments.
        (0..SCRIPT)
            .map(|place: u32| (place.wrapping_mul(7 + 2 * seed) ^ place >> 4).to_le_bytes()[0])
            .collect()
    });
    said.step_by(3).chain(long).collect()
}

struct Script<'a> {
    choices: Choices<'a>,
    driven: Driven,
    /// Numbers the requests.
    asked: u64,
    /// Whether strangers are refused, whatever they say, by an error that names its id.
    refuses_strangers: bool,
}

impl<'a> Script<'a> {
    fn new(input: &'a [u8]) -> Self {
        let mut choices = Choices::new(input);
        let (kind, size) = (choices.byte(), choices.byte());
        let driven = Driven::new(|config| {
            let limits = &mut config.limits;
            limits.memory = if size % 2 == 0 { 1 << 20 } else { 60_000 };
            limits.outbox = if size % 3 == 0 { 20_000 } else { 3_000 };
            limits.retained = 20_000;
            limits.requests = 8;
            limits.subscriptions = 12;
            limits.registrations = 3;
            limits.connections = 6;
            limits.payload = 4_000;
            limits.validate_inline = 300;
            config.require_connect = kind & 1 != 0;
            config.silent_clients = kind & 2 != 0;
            config.compatibility = match kind >> 2 & 3 {
                0 => Compatibility::Allow,
                1 => Compatibility::Refuse,
                _ => Compatibility::Warn,
            };
        });
        Script {
            choices,
            driven,
            asked: 0,
            refuses_strangers: kind & 1 != 0,
        }
    }

    fn step(&mut self) {
        let step = self.choices.byte() % COUNT;
        if step == OPEN || self.driven.clients.is_empty() {
            return self.open();
        }
        if matches!(step, PASS | WORK | DRAIN) {
            return self.go_on(step);
        }
        let place = self.choices.below(self.driven.clients.len());
        match step {
            CLOSE => {
                let reason = *self.choices.among(&[
                    CloseReason::EndOfStream,
                    CloseReason::Transport,
                    CloseReason::Goodbye,
                ]);
                self.driven.close(place, reason);
            }
            RAW => {
                let text = self.choices.bytes().to_vec();
                self.driven.send(place, &text, true);
            }
            READ => {
                let window = match self.choices.byte() {
                    255 => usize::MAX,
                    little => usize::from(little) * WINDOW,
                };
                self.driven.read(place, window);
            }
            _ => {
                let message = self.message(step, place);
                let may_be_refused = self.refuses_strangers && matches!(step, CANCEL | CONTROL);
                self.driven
                    .send(place, message.to_string().as_bytes(), may_be_refused);
            }
        }
    }

    /// Does what is no client's doing.
    fn go_on(&mut self, step: u8) {
        match step {
            PASS => {
                let time = Duration::from_millis(u64::from(self.choices.number()));
                self.driven.pass(time);
            }
            WORK => {
                self.driven.holds_work = self.choices.rarely(2);
                if !self.driven.holds_work {
                    self.driven.work_all();
                    self.driven.follow();
                }
            }
            _ if self.choices.rarely(8) => {
                self.driven.engine.drain(self.driven.now, Duration::from_secs(2));
                self.driven.follow();
            }
            _ => {}
        }
    }

    fn open(&mut self) {
        let framing = *self.choices.among(&FRAMINGS);
        let kind = self.choices.byte();
        let principal = if kind & 1 == 0 { "one" } else { "other" };
        self.driven.open(framing, principal, kind & 2 == 0);
    }

    fn message(&mut self, step: u8, place: usize) -> Value {
        match step {
            PUBLISH => self.publish(),
            SUBSCRIBE => self.subscribe(),
            REGISTER => self.register(),
            REQUEST => self.request(),
            ANSWER => self.answer(place),
            CANCEL => {
                let back = u64::from(self.choices.byte() % 4);
                json!({ "type": "cancel", "id": format!("{FOLLOWED}{}", self.asked.saturating_sub(back)) })
            }
            _ => self.control(),
        }
    }

    fn publish(&mut self) -> Value {
        let payload = self.payload();
        let mut message =
            json!({ "type": "publish", "topic": self.choices.among(&TOPICS), "payload": payload });
        let kind = self.choices.byte();
        if kind & 1 != 0 {
            message["ack"] = json!(true);
            message["id"] = json!("p");
        }
        if kind & 2 != 0 {
            message["retain"] = json!(if kind & 4 != 0 { "set" } else { "clear" });
        }
        if kind & 8 != 0 {
            message["retain_ms"] = json!(self.choices.number() + 1);
        }
        if kind & 16 != 0 {
            message["exclude_self"] = json!(true);
        }
        message
    }

    fn subscribe(&mut self) -> Value {
        let filter = *self.choices.among(&FILTERS);
        let kind = self.choices.byte();
        let mut message = match kind & 3 {
            1 => json!({ "type": "unsubscribe", "filter": filter }),
            2 => json!({ "type": "credit", "filter": filter, "count": self.choices.byte() }),
            _ => json!({ "type": "subscribe", "filter": filter }),
        };
        if kind & 4 != 0 {
            message["shared"] = json!("workers");
        }
        if kind & 3 == 0 && kind & 8 != 0 {
            message["credit"] = json!(self.choices.byte() % 4);
        }
        if kind & 3 == 0 {
            message["overflow"] = json!(*self.choices.among(&["drop_oldest", "drop_newest", "disconnect"]));
        }
        message
    }

    fn register(&mut self) -> Value {
        let name = *self.choices.among(&NAMES);
        let kind = self.choices.byte();
        if kind & 3 == 3 {
            return json!({ "type": "unregister", "id": "u", "name": name, "drain": kind & 4 != 0 });
        }
        let schema = self
            .choices
            .among(&[json!(true), json!({ "type": "string" }), json!(false)])
            .clone();
        let mut message = json!({
            "type": "register",
            "id": "r",
            "name": name,
            "version": kind.to_string(),
            "groups": ["all"],
            "methods": { "get": { "input": schema, "output": true }, "watch": {} },
        });
        if kind & 4 != 0 {
            message["instance"] = json!("one");
        }
        if kind & 8 != 0 {
            let topic = *self.choices.among(&TOPICS);
            message["topics"] =
                json!({ topic: { "schema": schema, "retain": true, "refuse": kind & 16 != 0 } });
        }
        if kind & 32 != 0 {
            message["methods"] = json!({});
        }
        message
    }

    fn request(&mut self) -> Value {
        let payload = self.payload();
        let targets = [
            json!("attic:get"),
            json!("cellar:watch"),
            json!("attic#one:get"),
            json!("@all:get"),
            json!("*:get"),
            json!("$bus:services"),
            json!("$bus:stats"),
            json!("there/attic:get"),
            json!(["attic:get", "cellar:get", "nobody:get", "$bus:ping"]),
        ];
        self.asked += 1;
        let mut message = json!({
            "type": "request",
            "id": format!("{FOLLOWED}{}", self.asked),
            "to": self.choices.among(&targets),
            "payload": payload,
        });
        let kind = self.choices.byte();
        if kind & 1 != 0 {
            message["expires_in_ms"] = json!(self.choices.number() + 1);
        }
        if kind & 2 != 0 {
            message["stream"] = json!(true);
            message["credit"] = json!(kind >> 4);
        }
        if kind & 12 == 12 {
            message["expires_in_ms"] = Value::Null;
        }
        message
    }

    /// Answers a delivery that came, or one that never did.
    fn answer(&mut self, place: usize) -> Value {
        let kind = self.choices.byte();
        let asked = &mut self.driven.clients[place].asked;
        let delivery = match asked.last().copied() {
            Some(delivery) if kind & 8 == 0 => delivery,
            _ => u64::from(kind >> 4),
        };
        if kind & 3 != 1 {
            asked.retain(|known| *known != delivery);
        }
        let payload = self.payload();
        match kind & 3 {
            0 => json!({ "type": "reply", "delivery": delivery, "payload": payload }),
            1 => json!({ "type": "chunk", "delivery": delivery, "payload": payload }),
            2 => json!({ "type": "chunk", "delivery": delivery, "last": true }),
            _ => json!({ "type": "error", "delivery": delivery, "error": { "code": "broken" } }),
        }
    }

    fn control(&mut self) -> Value {
        let last = format!("{FOLLOWED}{}", self.asked);
        match self.choices.below(6) {
            0 => json!({ "type": "ping", "id": "f" }),
            1 => json!({ "type": "pong" }),
            2 => {
                json!({ "type": "connect", "id": "c", "name": "fuzzer", "heartbeat_ms": self.choices.number() })
            }
            3 => json!({ "type": "goodbye" }),
            4 => json!({ "type": "credit", "id": last, "count": self.choices.byte() }),
            _ => json!({ "type": "unregister", "name": "attic" }),
        }
    }

    fn payload(&mut self) -> Value {
        let length = usize::from(self.choices.byte());
        match length % 4 {
            0 => Value::Null,
            1 => json!("x".repeat(length * 16)),
            _ => json!(length),
        }
    }
}

const FRAMINGS: [Framing; 4] = [
    Framing::Binary,
    Framing::JsonLines,
    Framing::WebSocketBinary,
    Framing::WebSocketText,
];
const TOPICS: [&str; 6] = [
    "t/a",
    "t/b",
    "t",
    "t/a/c",
    "$bus/broadcast/x",
    "$bus/service/attic",
];
const FILTERS: [&str; 10] = [
    "t/#",
    "t/a",
    "t/+",
    "#",
    "+/a",
    "$bus/#",
    "$bus/service/#",
    "t/+/c",
    "$bus/overflow",
    "$bus/unhandled",
];
const NAMES: [&str; 3] = ["attic", "cellar", "roof"];

const OPEN: u8 = 0;
const CLOSE: u8 = 1;
const RAW: u8 = 2;
const READ: u8 = 3;
const PASS: u8 = 4;
const WORK: u8 = 5;
const DRAIN: u8 = 6;
const PUBLISH: u8 = 7;
const SUBSCRIBE: u8 = 8;
const REGISTER: u8 = 9;
const REQUEST: u8 = 10;
const ANSWER: u8 = 11;
const CANCEL: u8 = 12;
const CONTROL: u8 = 13;
const COUNT: u8 = 14;

/// Steps of the longest script.
const STEPS: usize = 400;
/// Bytes that one choice lets a transport take.
const WINDOW: usize = 16;
const LONG_SCRIPTS: u32 = 24;
const SCRIPT: u32 = 600;
