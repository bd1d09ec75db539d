//! Publishes and flushes: acknowledged, refused, in order, confirmed.

use buslane_protocol::Framing;
use buslane_session::{Event, PublishOptions};
use serde_json::json;

use crate::asking::{acked, delivered, failures};
use crate::network::Network;

#[test]
fn an_acknowledgement_says_how_many_receive() {
    let mut network = Network::new();
    network.add_subscriber("host/#");
    network.add_subscriber("host/a");
    let publisher = network.add();
    network.forget();
    let key = network
        .publish_with(publisher, "host/a", json!(1), acked())
        .unwrap();
    network.drive();
    assert_eq!(network.one(publisher), Event::Acked { key, receivers: 2 });
}

#[test]
fn a_refused_publish_is_reported_with_and_without_acknowledgement() {
    let mut network = Network::new();
    let publisher = network.add();
    network.forget();
    network.publish_with(publisher, "$bus/mine", json!(1), acked());
    network.publish(publisher, "$bus/mine", json!(1));
    network.drive();
    let events = network.events(publisher);
    assert_eq!(failures(&events), ["reserved_topic"]);
    assert!(
        matches!(&events[1], Event::Refused { problem } if problem.code == "reserved_topic"),
        "{events:#?}"
    );
}

#[test]
fn publishes_arrive_in_order_over_every_framing() {
    for framing in Framing::ALL {
        let mut network = Network::new();
        let (listener, _) = network.add_subscriber("host/#");
        let publisher = network.add_with(|config| config.framing = framing);
        network.forget();
        for number in 0..1_000 {
            network.publish(publisher, "host/a", json!(number));
        }
        network.drive();
        let expected: Vec<_> = (0..1_000).map(|number| json!(number)).collect();
        assert_eq!(delivered(&network.events(listener)), expected, "{framing:?}");
    }
}

#[test]
fn a_publisher_may_leave_itself_out() {
    let mut network = Network::new();
    let (node, _) = network.add_subscriber("host/#");
    network.forget();
    let options = PublishOptions {
        exclude_self: true,
        ..PublishOptions::default()
    };
    network.publish_with(node, "host/a", json!(1), options);
    network.publish(node, "host/a", json!(2));
    network.drive();
    assert_eq!(delivered(&network.events(node)), [json!(2)]);
}

#[test]
fn a_flush_comes_back_after_everything_before_it() {
    let mut network = Network::new();
    let node = network.add();
    network.forget();
    let publish = network.publish_with(node, "host/a", json!(1), acked()).unwrap();
    let flush = network.session(node).flush().unwrap();
    network.drive();
    assert_eq!(
        network.events(node),
        [
            Event::Acked {
                key: publish,
                receivers: 0
            },
            Event::Flushed { key: flush }
        ]
    );
}

#[test]
fn a_flush_outlives_a_lost_connection() {
    let mut network = Network::new();
    let node = network.add();
    let flush = network.session(node).flush().unwrap();
    network.cut(node);
    network.forget();
    network.pass_ms(200);
    assert_eq!(network.events(node).last(), Some(&Event::Flushed { key: flush }));
}
