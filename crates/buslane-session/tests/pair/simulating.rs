//! Random lives: whatever is called, cancelled, cut, silenced or restarted, everything ends exactly once.

use std::collections::BTreeMap;
use std::time::Duration;

use buslane_protocol::{Framing, Headers, Problem};
use buslane_session::{DeliveryToken, Event, PublishKey, PublishOptions, RequestKey, RequestOptions, State};
use serde_json::json;

use crate::asking::{payload_of, within};
use crate::network::{Loss, Network, Node};

/// What a life has asked for, and how often each ended.
struct Life {
    network: Network,
    nodes: Vec<Node>,
    random: u64,
    requests: BTreeMap<(usize, RequestKey), usize>,
    publishes: BTreeMap<(usize, PublishKey), usize>,
    open: Vec<(usize, DeliveryToken)>,
}

impl Life {
    fn new(seed: u64) -> Life {
        let mut network = Network::new();
        let nodes = Framing::ALL
            .map(|framing| network.add_with(|config| config.framing = framing))
            .to_vec();
        for (index, node) in nodes.iter().enumerate().take(2) {
            let instance = format!("number-{index}");
            let groups = json!(["storage"]);
            let methods = json!(["get"]);
            let registration = json!({ "name": "attic", "version": "1", "instance": instance, "groups": groups, "methods": methods });
            network.register(*node, registration);
        }
        let (requests, publishes) = (BTreeMap::new(), BTreeMap::new());
        Life {
            network,
            nodes,
            random: seed,
            requests,
            publishes,
            open: Vec::new(),
        }
    }

    fn below(&mut self, bound: u64) -> usize {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.random >> 33) % bound) as usize
    }

    fn act(&mut self) {
        let index = self.below(4);
        let node = self.nodes[index];
        match self.below(20) {
            0..=5 => self.call(index),
            6..=8 => self.answer(),
            9 => {
                if let Some((index, key)) = self.requests.keys().next_back().copied() {
                    self.network.session(self.nodes[index]).cancel(key);
                    self.requests.remove(&(index, key));
                }
            }
            10..=12 => {
                let options = PublishOptions {
                    ack: true,
                    ..PublishOptions::default()
                };
                let key = self
                    .network
                    .publish_with(node, "host/a", json!(1), options)
                    .unwrap();
                self.publishes.insert((index, key), 0);
            }
            13 => self.network.cut(node),
            14 => self.network.lose(node, Loss::Everything),
            15 => self.network.reachable = self.below(2) == 0,
            16 => self.network.restart(),
            _ => {
                let time = self.below(3_000) as u64;
                self.network.pass_ms(time);
            }
        }
        if self.below(3) > 0 {
            self.network.drive();
        }
        self.look();
    }

    fn call(&mut self, index: usize) {
        let address = ["attic:get", "@storage:get", "attic#number-1:get", "nobody:get"][self.below(4)];
        let stream = address == "attic:get" && self.below(2) == 0;
        let options = RequestOptions {
            stream,
            ..within(1 + self.below(5_000) as u32)
        };
        let key = self
            .network
            .call_with(self.nodes[index], address, json!({}), options);
        self.requests.insert((index, key), 0);
    }

    fn answer(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let place = self.below(self.open.len() as u64);
        let (index, token) = self.open.swap_remove(place);
        let (now, kind) = (self.network.now, self.below(3));
        let session = self.network.session(self.nodes[index]);
        let payload = payload_of(&json!(1));
        // The request may be over already; then the answer is refused, which is all that has to happen.
        let _ = match kind {
            0 => session.reply(token, Headers::default(), payload),
            1 => session.fail(token, Problem::of_service("no", "no")),
            _ => session.chunk(now, token, Headers::default(), payload, true),
        };
    }

    /// Counts what ended.
    fn look(&mut self) {
        for index in 0..self.nodes.len() {
            for event in self.network.events(self.nodes[index]) {
                match event {
                    Event::Reply { key, .. } | Event::Failed { key, .. } | Event::End { key, .. } => {
                        *self
                            .requests
                            .get_mut(&(index, key))
                            .expect("no event follows a cancel") += 1;
                    }
                    Event::PartialReply { key, .. }
                    | Event::PartialFailure { key, .. }
                    | Event::Chunk { key, .. } => {
                        assert_eq!(self.requests[&(index, key)], 0, "nothing follows the end");
                    }
                    Event::Acked { key, .. } | Event::PublishFailed { key, .. } => {
                        *self.publishes.get_mut(&(index, key)).unwrap() += 1;
                    }
                    Event::Request { token, .. } => self.open.push((index, token)),
                    Event::Refused { problem } => panic!("{problem:#?}"),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn everything_ends_exactly_once_whatever_happens() {
    for seed in 0..200 {
        let mut life = Life::new(seed);
        for _ in 0..150 {
            life.act();
        }
        life.network.reachable = true;
        life.network.pass(Duration::from_secs(120));
        life.look();
        assert!(
            life.requests.values().all(|ends| *ends == 1),
            "seed {seed}: {:?}",
            life.requests
        );
        assert!(
            life.publishes.values().all(|ends| *ends == 1),
            "seed {seed}: {:?}",
            life.publishes
        );
        for node in life.nodes.clone() {
            assert_eq!(
                life.network.session(node).state(),
                State::Connected,
                "seed {seed}"
            );
            assert_eq!(life.network.session(node).queued_bytes(), 0, "seed {seed}");
        }
        assert_eq!(life.network.engine.gauges().requests, 0, "seed {seed}");
    }
}
