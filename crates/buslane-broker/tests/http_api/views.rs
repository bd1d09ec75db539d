//! What the broker tells about itself and those who joined it.

use serde_json::{Value, json};

use crate::service::Service;
use crate::support::http::{ask, get};
use crate::support::{Lines, start};

fn names(list: &Value, of: &str) -> Vec<String> {
    let entries = list.as_array().unwrap().iter();
    entries
        .map(|entry| entry[of].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn services_are_listed_page_by_page() {
    let broker = start(|_| {});
    let _services = ["a", "b", "c"].map(|name| Service::join(&broker, name, json!({ "m": {} })));
    let all = get(&broker, "/api/v1/services").json();
    assert_eq!(names(&all["services"], "name"), ["a", "b", "c"]);
    assert_eq!(all["services"][0]["methods"], json!(["m"]));
    let page = get(&broker, "/api/v1/services?limit=2").json();
    assert_eq!(
        (names(&page["services"], "name"), &page["next"]),
        (vec!["a".into(), "b".into()], &json!("b"))
    );
    let rest = get(&broker, "/api/v1/services?limit=2&after=b").json();
    assert_eq!(
        (names(&rest["services"], "name"), rest.get("next")),
        (vec!["c".into()], None)
    );
}

#[test]
fn a_service_is_described_with_its_instances_and_schemas() {
    let broker = start(|_| {});
    let schema = json!({ "type": "object", "required": ["key"] });
    let registration = |instance: &str| {
        json!({ "name": "attic", "version": "1.0.0", "instance": instance,
            "methods": { "get": { "input": schema } }, "topics": { "attic/changed": {} } })
    };
    let _instances = ["one", "two"].map(|name| Service::register(&broker, registration(name)));
    let described = get(&broker, "/api/v1/services/attic").json();
    assert_eq!(
        (&described["name"], &described["version"]),
        (&json!("attic"), &json!("1.0.0"))
    );
    assert_eq!(described["methods"]["get"]["input"], schema);
    assert_eq!(names(&described["instances"], "instance"), ["one", "two"]);
    let instances = get(&broker, "/api/v1/services/attic/instances?limit=1").json();
    assert_eq!(
        (names(&instances["instances"], "instance"), &instances["next"]),
        (vec!["one".into()], &json!("one"))
    );
    assert_eq!(instances.as_object().unwrap().len(), 2);
    let schemas = get(&broker, "/api/v1/services/attic/schemas").json();
    assert_eq!(schemas["methods"]["get"]["input"], schema);
    assert_eq!(schemas.get("instances"), None);
    let bus = get(&broker, "/api/v1/services/$bus/schemas").json();
    assert!(bus["methods"]["ping"].is_object());
}

#[test]
fn a_service_that_is_not_there_is_not_found() {
    let broker = start(|_| {});
    for path in [
        "services/nobody",
        "services/nobody/instances",
        "services/nobody/schemas",
        "topics/no/contract",
    ] {
        let answer = get(&broker, &format!("/api/v1/{path}"));
        assert!(!answer.refused(404, "not_found").is_empty(), "{path}");
    }
}

#[test]
fn instances_of_all_services_are_listed_page_by_page() {
    let broker = start(|_| {});
    let register = |(service, instance)| {
        let registration =
            json!({ "name": service, "version": "1.0.0", "instance": instance, "methods": { "m": {} } });
        Service::register(&broker, registration)
    };
    let all = [("a", "1"), ("a", "2"), ("b", "1"), ("c", "1"), ("c", "2")];
    let _services = all.map(register);
    let labels = |page: &Value| -> Vec<String> {
        let entries = page["instances"].as_array().unwrap().iter();
        entries
            .map(|entry| {
                format!(
                    "{}#{}",
                    entry["service"].as_str().unwrap(),
                    entry["instance"].as_str().unwrap()
                )
            })
            .collect()
    };
    let whole = get(&broker, "/api/v1/instances").json();
    assert_eq!(labels(&whole), ["a#1", "a#2", "b#1", "c#1", "c#2"]);
    assert_eq!(whole.get("next"), None);
    for limit in 1..=6 {
        let (mut after, mut seen) = (String::new(), Vec::new());
        loop {
            let page = get(&broker, &format!("/api/v1/instances?limit={limit}&after={after}")).json();
            assert!(labels(&page).len() <= limit);
            seen.extend(labels(&page));
            match page["next"].as_str() {
                Some(next) => after = next.replace('#', "%23"),
                None => break,
            }
        }
        assert_eq!(seen, labels(&whole), "by {limit}");
    }
}

#[test]
fn topics_are_listed_and_one_is_found_among_many() {
    let broker = start(|_| {});
    let topics: serde_json::Map<_, _> = (0..300)
        .map(|number| {
            (
                format!("t/{number:03}"),
                json!({ "description": format!("{number}") }),
            )
        })
        .collect();
    let mut owner = Lines::join(&broker);
    for (service, topics) in [
        ("s", Value::Object(topics)),
        ("x", json!({ "x": { "schema": { "type": "string" } } })),
    ] {
        owner.send(json!({ "type": "register", "name": service, "version": "1.0.0", "topics": topics }));
        owner.expect("registered");
    }
    let page = get(&broker, "/api/v1/topics?limit=2").json();
    assert_eq!(
        (names(&page["topics"], "topic"), &page["next"]),
        (vec!["t/000".into(), "t/001".into()], &json!("t/001"))
    );
    for (path, topic) in [("t/000", "t/000"), ("t%2F299", "t/299"), ("x", "x")] {
        let found = get(&broker, &format!("/api/v1/topics/{path}")).json();
        assert_eq!(found["topic"], topic);
    }
    assert_eq!(
        get(&broker, "/api/v1/topics/x").json()["schema"],
        json!({ "type": "string" })
    );
    get(&broker, "/api/v1/topics/t").refused(404, "not_found");
}

#[test]
fn clients_are_listed_and_the_one_who_asks_is_one_of_them() {
    let broker = start(|_| {});
    let mut lines = Lines::join(&broker);
    lines.flush();
    let clients = ask(&broker, "GET /api/v1/clients", &["buslane-name: shell"], b"").json();
    let clients = clients["clients"].as_array().unwrap();
    assert_eq!(clients.len(), 2);
    assert_eq!(
        (&clients[1]["from"], &clients[1]["principal"]),
        (&json!("shell"), &json!("anonymous"))
    );
    assert!(clients[1]["address"].as_str().unwrap().starts_with("127.0.0.1:"));
}

#[test]
fn statistics_count_exchanges_as_clients() {
    let broker = start(|_| {});
    for _ in 0..3 {
        get(&broker, "/api/v1/services");
    }
    let statistics = get(&broker, "/api/v1/statistics").json();
    assert_eq!(
        (
            &statistics["counters"]["opened"],
            &statistics["gauges"]["clients"]
        ),
        (&json!(4), &json!(1))
    );
    assert_eq!(statistics["received"]["request"], 4);
}

#[test]
fn limits_of_pages_are_numbers_in_range() {
    let broker = start(|_| {});
    for path in [
        "services",
        "topics",
        "clients",
        "instances",
        "services/$bus/instances",
    ] {
        for limit in ["0", "1001", "-1", "x", "", "1.5"] {
            let answer = get(&broker, &format!("/api/v1/{path}?limit={limit}"));
            assert!(answer.refused(400, "invalid_message").contains("from 1 to 1000"));
        }
        assert_eq!(
            get(&broker, &format!("/api/v1/{path}?limit=1000&after=x%20%23")).status,
            200,
            "{path}"
        );
    }
}
