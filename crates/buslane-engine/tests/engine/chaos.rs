//! Seeded runs of everything at once, beside an oracle: each request ends exactly once, publishes of one client arrive
//! in order, the books balance and the memory's cap holds. The seed of a run that fails is in its message.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use buslane_engine::{ClientId, Counters};
use buslane_protocol::Framing;
use serde_json::{Value, json};

use crate::world::World;

/// A small generator (splitmix64), so that a run can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % sides
    }

    fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.roll(among.len() as u64) as usize]
    }
}

/// What the clients know of what they are owed.
#[derive(Default)]
struct Oracle {
    /// Requests that have not ended, by caller and id.
    open: BTreeSet<(ClientId, String)>,
    /// Deliveries to answer, by callee.
    asked: BTreeMap<ClientId, Vec<(u64, bool)>>,
    /// Those of them that end by `end` only.
    gathered: BTreeSet<(ClientId, String)>,
    /// The last number that a subscriber got from a publisher.
    seen: BTreeMap<(ClientId, String), u64>,
    /// Who had subscriptions with credit: what waits in one comes after what another lets through.
    credited: BTreeSet<ClientId>,
    published: u64,
    requested: u64,
}

struct Run {
    world: World,
    dice: Dice,
    oracle: Oracle,
    clients: Vec<ClientId>,
}

impl Run {
    fn new(seed: u64) -> Run {
        let world = World::limited(|limits| {
            limits.memory = if seed.is_multiple_of(2) { 1 << 20 } else { 200_000 };
            limits.outbox = if seed.is_multiple_of(3) { 4_000 } else { 20_000 };
            limits.retained = 50_000;
            limits.requests = 50;
            limits.validate_inline = 300;
        });
        Run {
            world,
            dice: Dice(seed),
            oracle: Oracle::default(),
            clients: Vec::new(),
        }
    }

    fn step(&mut self) {
        match self.dice.roll(100) {
            0..3 => self.join(),
            3 => self.leave(),
            4..10 => self.subscribe(),
            10..35 => self.publish(),
            35..55 => self.ask(),
            55..75 => self.answer(),
            75..78 => self.cancel(),
            78..95 => self.read(),
            95 => self.world.hold_work(true),
            96 => self.world.hold_work(false),
            97 => self.world.do_work(),
            _ => {
                let time = Duration::from_millis(self.dice.roll(700));
                self.world.pass(time);
            }
        }
        self.world.assert_balanced();
    }

    fn client(&mut self) -> Option<ClientId> {
        let closed: Vec<ClientId> = self
            .clients
            .iter()
            .copied()
            .filter(|id| self.world.closed(*id).is_some())
            .collect();
        for id in closed {
            self.forget(id);
        }
        if self.clients.is_empty() {
            None
        } else {
            Some(*self.dice.pick(&self.clients))
        }
    }

    fn forget(&mut self, id: ClientId) {
        self.world.close(id);
        self.clients.retain(|client| *client != id);
        self.oracle.open.retain(|(caller, _)| *caller != id);
        self.oracle.asked.remove(&id);
    }

    fn join(&mut self) {
        if self.clients.len() > 12 {
            return self.leave();
        }
        let framing = *self.dice.pick(&Framing::ALL);
        let Ok(id) = self.world.try_open(framing, "tester", true) else {
            return;
        };
        self.clients.push(id);
        let name = *self.dice.pick(&["attic", "cellar"]);
        let methods = match self.dice.roll(3) {
            0 => json!({}),
            1 => json!({ "get": {}, "watch": {} }),
            _ => json!({ "get": { "input": { "type": "string" }, "output": { "type": "string" } } }),
        };
        let mut registration = json!({ "type": "register", "name": name, "version": "1", "groups": ["all"], "methods": methods });
        if self.dice.roll(3) == 0 {
            registration["instance"] = json!("one");
        }
        self.world.send(id, registration);
    }

    fn leave(&mut self) {
        if let Some(id) = self.client() {
            self.forget(id);
        }
    }

    fn subscribe(&mut self) {
        let Some(id) = self.client() else { return };
        let filter = *self
            .dice
            .pick(&["t/#", "t/a", "t/+", "$bus/service/#", "$bus/unhandled"]);
        let mut message = json!({ "type": "subscribe", "filter": filter });
        match self.dice.roll(8) {
            0 => message["shared"] = json!("workers"),
            1 => {
                message["credit"] = json!(self.dice.roll(5));
                self.oracle.credited.insert(id);
            }
            2 => message["overflow"] = json!(*self.dice.pick(&["drop_newest", "disconnect"])),
            3 => message = json!({ "type": "unsubscribe", "filter": filter }),
            4 => message = json!({ "type": "credit", "filter": filter, "count": 20 }),
            _ => {}
        }
        self.world.send(id, message);
    }

    fn publish(&mut self) {
        let Some(id) = self.client() else { return };
        self.oracle.published += 1;
        let topic = *self.dice.pick(&["t/a", "t/b", "t/c"]);
        let payload = json!([
            self.oracle.published,
            format!("{id:?}"),
            "x".repeat(self.dice.roll(2_000) as usize)
        ]);
        let mut message = json!({ "type": "publish", "topic": topic, "payload": payload });
        if self.dice.roll(10) == 0 {
            message["retain"] = json!("set");
            message["retain_ms"] = json!(self.dice.roll(3_000) + 1);
        }
        self.world.send(id, message);
    }

    fn ask(&mut self) {
        let Some(id) = self.client() else { return };
        self.oracle.requested += 1;
        let name = self.oracle.requested.to_string();
        let targets = [
            json!("attic:get"),
            json!("cellar:get"),
            json!("@all:get"),
            json!("*:get"),
            json!(["attic:get", "nobody:get", "$bus:ping"]),
            json!("attic:watch"),
            json!("$bus:services"),
        ];
        let to = self.dice.pick(&targets);
        let mut message =
            json!({ "type": "request", "id": name, "to": to, "expires_in_ms": self.dice.roll(2_000) + 1 });
        message["payload"] = match self.dice.roll(5) {
            0 => json!(7),
            _ => json!("x".repeat(self.dice.roll(900) as usize)),
        };
        if *to == "attic:watch" {
            message["stream"] = json!(true);
        }
        if to.is_array() || to.as_str().is_some_and(|to| to.starts_with(['@', '*'])) {
            self.oracle.gathered.insert((id, name.clone()));
        }
        self.oracle.open.insert((id, name));
        self.world.send(id, message);
    }

    fn answer(&mut self) {
        let Some(id) = self.client() else { return };
        let Some((delivery, stream)) = self.oracle.asked.get_mut(&id).and_then(Vec::pop) else {
            return;
        };
        let payload = match self.dice.roll(6) {
            0 => json!(7),
            _ => json!("y".repeat(self.dice.roll(900) as usize)),
        };
        let message = match self.dice.roll(8) {
            0 => json!({ "type": "error", "delivery": delivery, "error": { "code": "broken" } }),
            1..4 if stream => {
                self.oracle.asked.entry(id).or_default().push((delivery, true));
                json!({ "type": "chunk", "delivery": delivery, "payload": payload })
            }
            4 if stream => json!({ "type": "chunk", "delivery": delivery, "last": true }),
            _ => json!({ "type": "reply", "delivery": delivery, "payload": payload }),
        };
        self.world.send(id, message);
    }

    fn cancel(&mut self) {
        if self.oracle.open.is_empty() {
            return;
        }
        let open: Vec<(ClientId, String)> = self.oracle.open.iter().cloned().collect();
        let (id, name) = self.dice.pick(&open).clone();
        if self.world.closed(id).is_none() {
            self.world.send(id, json!({ "type": "cancel", "id": name }));
        }
    }

    fn read(&mut self) {
        let Some(id) = self.client() else { return };
        let window = if self.dice.roll(2) == 0 {
            usize::MAX
        } else {
            self.dice.roll(6_000) as usize
        };
        self.world.narrow(id, window);
        for message in self.world.read(id) {
            self.learn(id, &message);
        }
    }

    fn learn(&mut self, id: ClientId, message: &Value) {
        let name = message["id"].as_str().unwrap_or_default().to_owned();
        match message["type"].as_str().unwrap() {
            "request" => {
                let delivery = message["delivery"].as_u64().unwrap();
                self.oracle
                    .asked
                    .entry(id)
                    .or_default()
                    .push((delivery, message["stream"] == true));
            }
            "reply" => self.answered(id, &name, message),
            "error" if message.get("id").is_some() => self.answered(id, &name, message),
            "end" => assert!(
                self.oracle.open.remove(&(id, name.clone())),
                "{name} ended twice: {message}"
            ),
            "delivery" => self.delivered(id, message),
            "ping" => self.world.send(id, json!({ "type": "pong" })),
            _ => {}
        }
    }

    /// A gathered request goes on after a reply or a labelled error; any other ends.
    fn answered(&mut self, id: ClientId, name: &str, message: &Value) {
        let open = (id, name.to_owned());
        assert!(
            self.oracle.open.contains(&open),
            "{name} was answered after its end: {message}"
        );
        let labelled = message.get("from").is_some();
        if !(labelled && self.oracle.gathered.contains(&open)) {
            self.oracle.open.remove(&open);
        }
    }

    fn delivered(&mut self, id: ClientId, message: &Value) {
        let live =
            message["retained"] != true && message.get("shared").is_none() && message["from"] != "$bus";
        if live && !self.oracle.credited.contains(&id) {
            let number = message["payload"][0].as_u64().unwrap();
            let publisher = message["payload"][1].as_str().unwrap().to_owned();
            let before = self.oracle.seen.insert((id, publisher), number);
            assert!(
                before.is_none_or(|before| before < number),
                "{number} came after {before:?}"
            );
        }
    }

    /// Asserts that nothing is charged any more for what is gone.
    fn assert_given_back(&mut self) {
        let id = self.world.client();
        self.world
            .send(id, json!({ "type": "request", "id": "1", "to": "$bus:stats" }));
        let memory = self.world.one(id)["payload"]["memory"].clone();
        for category in ["outbox", "registrations", "requests", "waiting"] {
            assert_eq!(memory[category], 0, "{category}");
        }
        self.world.close(id);
    }

    fn finish(mut self) -> Counters {
        self.world.hold_work(false);
        for _ in 0..40 {
            self.world.pass(Duration::from_millis(100));
            for id in self.clients.clone() {
                if self.world.closed(id).is_none() {
                    self.world.narrow(id, usize::MAX);
                    for message in self.world.read(id) {
                        self.learn(id, &message);
                    }
                }
            }
        }
        let closed: Vec<ClientId> = self
            .clients
            .iter()
            .copied()
            .filter(|id| self.world.closed(*id).is_some())
            .collect();
        closed.into_iter().for_each(|id| self.forget(id));
        assert!(
            self.oracle.open.is_empty(),
            "these never ended: {:?}",
            self.oracle.open
        );
        for id in self.clients.clone() {
            self.forget(id);
        }
        self.world.pass(Duration::from_secs(10));
        self.world.assert_balanced();
        let gauges = self.world.engine.gauges();
        assert_eq!(
            (
                gauges.clients,
                gauges.requests,
                gauges.subscriptions,
                gauges.instances
            ),
            (0, 0, 0, 0)
        );
        self.assert_given_back();
        self.world.engine.counters().clone()
    }
}

#[test]
fn whatever_happens_each_request_ends_once_and_the_books_balance() {
    let mut seen: BTreeMap<&'static str, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let outcome = std::panic::catch_unwind(|| {
            let mut run = Run::new(seed);
            (0..400).for_each(|_| run.step());
            run.finish()
        });
        let Ok(counters) = outcome else {
            panic!("seed {seed}")
        };
        counters
            .numbers()
            .for_each(|(name, number)| *seen.entry(name).or_default() += number);
        counters
            .refused
            .iter()
            .for_each(|(code, number)| *seen.entry(code.as_str()).or_default() += number);
    }
    for rare in [
        "replied",
        "streamed",
        "gathered",
        "failed",
        "expired",
        "cancelled",
        "lost",
        "abandoned",
        "late",
    ] {
        assert!(seen[rare] > 0, "no run came upon {rare}");
    }
}

/// How many runs there are.
const SEEDS: u64 = 50;
