//! Equal inputs give equal outputs.

use buslane_session::{RequestOptions, SubscribeOptions};
use serde_json::{Value, json};

use crate::broker::Scripted;

/// Plays a life with everything in it, and returns what came out.
fn life(seed: u64) -> (Vec<Value>, Vec<String>) {
    let mut scripted = Scripted::with(|config| config.seed = seed);
    let (mut written, mut events) = (Vec::new(), Vec::new());
    for topic in ["host/b", "host/a", "room/c"] {
        scripted.subscribe(topic, SubscribeOptions::default());
        scripted.publish(topic, true);
    }
    for _ in 0..3 {
        written.extend(scripted.accept());
        scripted.register(json!({ "name": "attic", "version": "1" }));
        for _ in 0..10 {
            scripted.call("a:get", RequestOptions::default());
        }
        scripted.say(json!({ "type": "delivery", "topic": "host/a", "from": "x" }));
        events.extend(scripted.events().iter().map(|event| format!("{event:?}")));
        written.extend(scripted.written());
        scripted.lose();
        events.extend(scripted.events().iter().map(|event| format!("{event:?}")));
        scripted.dial();
    }
    (written, events)
}

#[test]
fn equal_inputs_give_equal_outputs() {
    assert_eq!(life(5), life(5));
}

#[test]
fn ids_differ_between_seeds() {
    assert_ne!(life(5).0, life(6).0);
}
