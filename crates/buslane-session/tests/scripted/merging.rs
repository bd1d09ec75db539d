//! Equal subscriptions of a program: one to the broker.

use buslane_protocol::Overflow;
use buslane_session::{Event, SubscribeOptions};
use serde_json::{Value, json};

use crate::broker::{Scripted, types};

fn with_credit(credit: u32) -> SubscribeOptions {
    SubscribeOptions {
        credit: Some(credit),
        ..SubscribeOptions::default()
    }
}

fn subscribed(subscribe: &Value) -> Value {
    json!({ "type": "subscribed", "id": subscribe["id"], "filter": subscribe["filter"] })
}

#[test]
fn the_first_ones_policy_holds() {
    let mut scripted = Scripted::connected();
    let newest = SubscribeOptions {
        overflow: Overflow::DropNewest,
        ..SubscribeOptions::default()
    };
    scripted.subscribe("host/#", newest);
    scripted.subscribe("host/#", SubscribeOptions::default());
    let written = scripted.written();
    assert_eq!(
        written
            .iter()
            .map(|message| &message["overflow"])
            .collect::<Vec<_>>(),
        ["drop_newest"; 2]
    );
}

#[test]
fn each_subscription_is_confirmed_by_its_own_answer() {
    let mut scripted = Scripted::connected();
    let one = scripted.subscribe("host/#", SubscribeOptions::default());
    let two = scripted.subscribe("host/#", SubscribeOptions::default());
    let written = scripted.written();
    scripted.say(subscribed(&written[0]));
    assert_eq!(scripted.one(), Event::Subscribed { key: one });
    scripted.say(subscribed(&written[1]));
    assert_eq!(scripted.one(), Event::Subscribed { key: two });
}

#[test]
fn a_refusal_concerns_whom_the_message_was_for() {
    let mut scripted = Scripted::connected();
    let one = scripted.subscribe("host/#", SubscribeOptions::default());
    let first = scripted.one_written();
    scripted.say(subscribed(&first));
    let two = scripted.subscribe("host/#", SubscribeOptions::default());
    let second = scripted.one_written();
    scripted.events();
    scripted.say(
        json!({ "type": "error", "id": second["id"], "error": { "code": "memory_full", "status": 503 } }),
    );
    assert!(matches!(scripted.one(), Event::SubscriptionFailed { key, .. } if key == two));
    scripted.say(json!({ "type": "delivery", "topic": "host/a", "from": "x" }));
    assert!(matches!(scripted.one(), Event::Delivery { keys, .. } if *keys == [one]));
}

#[test]
fn the_one_that_allows_least_decides() {
    let mut scripted = Scripted::connected();
    let slow = scripted.subscribe("host/#", with_credit(1));
    let fast = scripted.subscribe("host/#", with_credit(10));
    let written = scripted.written();
    assert_eq!(
        written
            .iter()
            .map(|message| &message["credit"])
            .collect::<Vec<_>>(),
        [1, 1]
    );
    scripted.session.credit(fast, 10);
    assert_eq!(scripted.written(), [json!(null); 0]);
    scripted.session.credit(slow, 3);
    let credit = json!({ "type": "credit", "filter": "host/#", "count": 3 });
    assert_eq!(scripted.one_written(), credit);
    scripted.session.unsubscribe(slow);
    assert_eq!(scripted.one_written()["count"], 16);
}

#[test]
fn credit_that_was_used_is_not_given_again_after_a_reconnect() {
    let mut scripted = Scripted::connected();
    let key = scripted.subscribe("host/#", with_credit(5));
    let subscribe = scripted.one_written();
    scripted.say(subscribed(&subscribe));
    for _ in 0..3 {
        scripted.say(json!({ "type": "delivery", "topic": "host/a", "from": "x" }));
    }
    scripted.events();
    scripted.session.credit(key, 1);
    assert_eq!(scripted.one_written()["count"], 1);
    scripted.lose();
    scripted.dial();
    let written = scripted.open();
    assert_eq!(
        (types(&written), &written[1]["credit"]),
        (vec!["connect", "subscribe"], &json!(3))
    );
}

#[test]
fn subscribing_anew_tells_those_whose_queue_it_empties() {
    let mut scripted = Scripted::connected();
    let one = scripted.subscribe("host/#", with_credit(5));
    let first = scripted.one_written();
    scripted.say(subscribed(&first));
    let two = scripted.subscribe("host/#", with_credit(5));
    let second = scripted.one_written();
    scripted.events();
    scripted.say(subscribed(&second));
    let gap = Event::Gap {
        keys: [one].into(),
        count: 0,
        bytes: 0,
        unknown: true,
    };
    assert_eq!(scripted.events(), [Event::Subscribed { key: two }, gap]);
}

#[test]
fn a_gap_with_a_filter_is_that_subscriptions_and_without_is_everybodys() {
    let mut scripted = Scripted::connected();
    let one = scripted.subscribe("host/#", with_credit(5));
    let two = scripted.subscribe("room/#", SubscribeOptions::default());
    scripted.say(json!({ "type": "gap", "count": 3, "bytes": 300, "filter": "host/#" }));
    scripted.say(json!({ "type": "gap", "count": 4, "bytes": 400 }));
    let gap = |keys: &[_], count| Event::Gap {
        keys: keys.into(),
        count,
        bytes: count * 100,
        unknown: false,
    };
    assert_eq!(scripted.events(), [gap(&[one], 3), gap(&[one, two], 4)]);
}

#[test]
fn unsubscribing_before_the_answer_leaves_nothing_behind() {
    let mut scripted = Scripted::connected();
    let key = scripted.subscribe("host/#", SubscribeOptions::default());
    let subscribe = scripted.one_written();
    scripted.session.unsubscribe(key);
    let unsubscribe = scripted.one_written();
    scripted.say(subscribed(&subscribe));
    scripted.say(json!({ "type": "ack", "id": unsubscribe["id"], "receivers": 0 }));
    scripted.say(json!({ "type": "delivery", "topic": "host/a", "from": "x" }));
    assert_eq!(scripted.events(), []);
    assert_eq!(scripted.session.counters().unmatched_deliveries, 1);
    scripted.lose();
    scripted.dial();
    assert_eq!(types(&scripted.open()), ["connect"]);
}

#[test]
fn a_late_answer_does_not_confirm_a_subscription_that_came_after() {
    let mut scripted = Scripted::connected();
    let first = scripted.subscribe("host/#", SubscribeOptions::default());
    let asked = scripted.one_written();
    scripted.session.unsubscribe(first);
    let second = scripted.subscribe("host/#", SubscribeOptions::default());
    let written = scripted.written();
    assert_eq!(types(&written), ["unsubscribe", "subscribe"]);
    scripted.say(subscribed(&asked));
    assert_eq!(scripted.events(), []);
    scripted.say(subscribed(&written[1]));
    assert_eq!(scripted.one(), Event::Subscribed { key: second });
}

#[test]
fn a_topic_that_came_before_goes_to_who_is_there_now() {
    let mut scripted = Scripted::connected();
    let deliver = |scripted: &mut Scripted| {
        scripted.say(json!({ "type": "delivery", "topic": "host/a", "from": "x" }));
        match scripted.events().pop() {
            Some(Event::Delivery { keys, .. }) => keys.to_vec(),
            _ => Vec::new(),
        }
    };
    let one = scripted.subscribe("host/#", SubscribeOptions::default());
    let two = scripted.subscribe("host/a", SubscribeOptions::default());
    let refused = scripted.written()[1]["id"].clone();
    assert_eq!(deliver(&mut scripted), [one, two]);
    scripted.say(json!({ "type": "error", "id": refused, "error": { "code": "forbidden", "status": 403 } }));
    scripted.events();
    assert_eq!(deliver(&mut scripted), [one]);
    let three = scripted.subscribe("host/+", SubscribeOptions::default());
    assert_eq!(deliver(&mut scripted), [one, three]);
    scripted.session.unsubscribe(one);
    assert_eq!(deliver(&mut scripted), [three]);
}

#[test]
fn what_is_taken_makes_credit_in_portions_of_half() {
    let mut scripted = Scripted::connected();
    let (limited, free) = (
        scripted.subscribe("host/#", with_credit(5)),
        scripted.subscribe("job", SubscribeOptions::default()),
    );
    scripted.written();
    assert!(!scripted.session.taken(limited, 2));
    assert!(!scripted.session.taken(free, 100));
    assert_eq!(scripted.written(), [json!(null); 0]);
    assert!(scripted.session.taken(limited, 2));
    assert_eq!(scripted.one_written()["count"], 4);
}

#[test]
fn of_many_subscriptions_each_can_end_by_itself() {
    let mut scripted = Scripted::connected();
    let keys: Vec<_> = (0..100)
        .map(|number| {
            scripted.subscribe(
                ["host/#", "host/a", "job"][number % 3],
                SubscribeOptions::default(),
            )
        })
        .collect();
    scripted.written();
    let mut left = keys.clone();
    // From the middle outwards: neither the first nor the last of its filter goes first.
    while !left.is_empty() {
        let key = left.remove(left.len() / 2);
        scripted.session.unsubscribe(key);
        scripted.say(json!({ "type": "delivery", "topic": "host/a", "from": "x" }));
        let expected: Vec<_> = left
            .iter()
            .filter(|key| {
                keys.iter()
                    .position(|known| known == *key)
                    .is_some_and(|at| at % 3 != 2)
            })
            .copied()
            .collect();
        match scripted.events().as_slice() {
            [] => assert!(expected.is_empty()),
            [Event::Delivery { keys, .. }] => assert_eq!(keys.as_ref(), expected),
            other => panic!("{other:?}"),
        }
    }
    let ended = scripted.written();
    assert_eq!(types(&ended), ["unsubscribe"; 3]);
    assert!(scripted.subscribe("host/a", SubscribeOptions::default()) > keys[99]);
    assert_eq!(types(&scripted.written()), ["subscribe"]);
}
