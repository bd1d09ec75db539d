//! Everything that has a limit, one over it.

use crate::attacker::{CONNECT, REGISTER, SUBSCRIBE, Way};
use crate::cases::{broken, play_under, refused};

#[test]
fn messages_over_a_limit_are_refused_and_the_connection_goes_on() {
    play_under(
        |config| {
            config.limits.payload = 1_000;
            config.limits.headers = 2;
            config.limits.headers_bytes = 100;
        },
        &Way::ALL,
        &[
            refused("a payload", "payload_too_large", |attacker| {
                attacker.publish("a", &[], &format!("\"{}\"", "x".repeat(999)));
            }),
            refused("too many headers", "headers_too_large", |attacker| {
                attacker.publish("a", &[("a", ""), ("b", ""), ("c", "")], "1");
            }),
            refused("too long a header", "headers_too_large", |attacker| {
                attacker.publish("a", &[("a", &"x".repeat(100))], "1");
            }),
            broken("too long a topic", "invalid_topic", |attacker| {
                attacker.publish(&"x".repeat(513), &[], "1");
            }),
            broken("too many levels", "invalid_topic", |attacker| {
                attacker.publish(&["x"; 17].join("/"), &[], "1");
            }),
            broken("too long a name", "invalid_name", |attacker| {
                let name = "x".repeat(129);
                attacker.say(CONNECT, &format!(r#"{{"type":"connect","name":"{name}"}}"#));
            }),
        ],
    );
}

#[test]
fn what_a_client_may_have_so_many_of_is_refused_beyond() {
    play_under(
        |config| {
            config.limits.subscriptions = 2;
            config.limits.requests = 2;
            config.limits.wildcards = 1;
        },
        &Way::ALL,
        &[
            refused("subscriptions", "too_many_subscriptions", |attacker| {
                for filter in ["a", "b", "c"] {
                    attacker.say(
                        SUBSCRIBE,
                        &format!(r#"{{"type":"subscribe","filter":"{filter}"}}"#),
                    );
                }
            }),
            refused("wildcards", "invalid_filter", |attacker| {
                attacker.say(SUBSCRIBE, r#"{"type":"subscribe","filter":"+/+"}"#);
            }),
            refused("requests", "too_many_requests", |attacker| {
                attacker.say(
                    REGISTER,
                    r#"{"type":"register","name":"mute","version":"1.0.0","instance":"it","methods":["m"]}"#,
                );
                for id in ["1", "2", "3"] {
                    attacker.request(id, "mute#it:m");
                }
            }),
        ],
    );
}

#[test]
fn registrations_over_a_limit_are_refused() {
    play_under(
        |config| {
            config.limits.registrations = 1;
            config.limits.declarations = 2;
            config.limits.schema = 100;
            config.limits.registration = 1_000;
        },
        &Way::ALL,
        &[
            refused("registrations", "too_many_registrations", |attacker| {
                for name in ["a", "b"] {
                    attacker.say(
                        REGISTER,
                        &format!(
                            r#"{{"type":"register","name":"{name}","version":"1.0.0","methods":["m"]}}"#
                        ),
                    );
                }
            }),
            refused("methods", "registration_too_large", |attacker| {
                attacker.say(
                    REGISTER,
                    r#"{"type":"register","name":"a","version":"1.0.0","methods":["m","n","o"]}"#,
                );
            }),
            refused("a schema", "registration_too_large", |attacker| {
                let title = "x".repeat(100);
                attacker.say(
                    REGISTER,
                    &format!(
                        r#"{{"type":"register","name":"a","version":"1.0.0","methods":{{"m":{{"input":{{"title":"{title}"}}}}}}}}"#
                    ),
                );
            }),
            refused("a registration", "registration_too_large", |attacker| {
                let text = "x".repeat(1_000);
                attacker.say(
                    REGISTER,
                    &format!(r#"{{"type":"register","name":"a","version":"1.0.0","meta":{{"a":"{text}"}}}}"#),
                );
            }),
        ],
    );
}
