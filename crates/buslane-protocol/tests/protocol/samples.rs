//! One or more examples of every message, with each member set in at least one of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use buslane_protocol::*;
use serde_json::json;

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn topic(text: &'static str) -> Topic<'static> {
    Topic::parse(text).unwrap()
}

fn filter(text: &'static str) -> Filter<'static> {
    Filter::parse(text).unwrap()
}

fn address(text: &'static str) -> Address<'static> {
    Address::parse(text).unwrap()
}

fn checked(text: &'static str) -> Payload<'static> {
    Payload::checked(text.as_bytes())
}

/// Headers with every member that a client may set, and two of its own.
fn every_header() -> Headers<'static> {
    let mut headers = HeadersBuf::new();
    headers.push(":content-type", "application/json").unwrap();
    headers.push(":reply-to", "attic:done").unwrap();
    headers.push(":sent-at", "1700000000000").unwrap();
    headers.push(":schema", "urn:example:get").unwrap();
    headers.push(":signature", "a..b").unwrap();
    headers.push(":encryption", "A256GCM").unwrap();
    headers.push(":attempts", "3").unwrap();
    headers.push(":status", "200").unwrap();
    headers.push("traceparent", "00-0af7-b7ad-01").unwrap();
    headers.push("quoted", "a \"b\" \\ \u{fc}").unwrap();
    headers.finish()
}

/// Headers with the members that only the broker sets.
fn delivery_headers() -> Headers<'static> {
    let mut headers = HeadersBuf::new();
    headers.push(":content-type", "application/json").unwrap();
    headers.push(":shared", "workers/host/+/cpu").unwrap();
    headers.push(":snapshot", "true").unwrap();
    headers.push("traceparent", "00-0af7-b7ad-01").unwrap();
    headers.finish()
}

fn image_headers() -> Headers<'static> {
    header(Headers::CONTENT_TYPE, "image/png")
}

fn header(name: &str, value: &str) -> Headers<'static> {
    let mut headers = HeadersBuf::new();
    headers.push(name, value).unwrap();
    headers.finish()
}

pub(crate) fn registration() -> Registration {
    let schema = |text: &str| Some(Schema::parse(text).unwrap());
    let get = MethodDeclaration {
        input: schema(r#"{"type":"object","required":["key"]}"#),
        output: schema("true"),
        description: Some("Finds a value.".to_owned()),
    };
    let cpu = TopicDeclaration {
        schema: schema(r#"{"$ref":"urn:example:number"}"#),
        retain: true,
        refuse: true,
        description: Some("Load.".to_owned()),
    };
    Registration {
        name: name("attic"),
        version: "1.0.0".to_owned(),
        instance: Some(name("one")),
        groups: vec![name("storage"), name("all")],
        methods: BTreeMap::from([(name("get"), get), (name("set"), MethodDeclaration::default())]),
        topics: BTreeMap::from([
            (topic("host/a/cpu"), cpu),
            (topic("log"), TopicDeclaration::default()),
        ]),
        schemas: BTreeMap::from([(
            "urn:example:number".to_owned(),
            Schema::parse(r#"{"type":"number"}"#).unwrap(),
        )]),
        meta: Some(json!({"owner": "ops"})),
    }
}

pub(crate) fn problem() -> Problem {
    Problem {
        pointer: Some("/key".to_owned()),
        keyword: Some("type".to_owned()),
        expected: Some(json!("string")),
        data: Some(json!({"hint": [1, 2]})),
        ..Problem::new(ErrorCode::SchemaViolation)
            .detail("\"key\" is a number")
            .about("attic:get")
    }
}

pub(crate) fn client() -> Vec<ClientMessage<'static>> {
    let mut messages = client_registrations();
    messages.extend(client_subscriptions());
    messages.extend(client_publishes());
    messages.extend(client_requests());
    messages.extend(client_answers());
    messages.extend(client_signals());
    messages
}

fn client_registrations() -> Vec<ClientMessage<'static>> {
    vec![
        ClientMessage::Connect(Connect::default()),
        ClientMessage::Connect(Connect {
            id: Some(id("c1")),
            name: Some(name("shell")),
            token: Some("secret \u{fc}".to_owned()),
            heartbeat_ms: Some(0),
            versions: Some(vec![1, 2]),
            requires: vec!["durable".to_owned()],
        }),
        ClientMessage::Register(Box::new(Register {
            id: Some(id("r1")),
            resume: Some("again".to_owned()),
            registration: registration(),
        })),
        ClientMessage::Register(Box::new(Register {
            id: None,
            resume: None,
            registration: Registration {
                name: name("watcher"),
                version: "0.1".to_owned(),
                instance: None,
                groups: Vec::new(),
                methods: BTreeMap::new(),
                topics: BTreeMap::new(),
                schemas: BTreeMap::new(),
                meta: None,
            },
        })),
        ClientMessage::Unregister(Unregister {
            id: Some(id("u1")),
            name: name("attic"),
            instance: Some(name("one")),
            drain: true,
        }),
        ClientMessage::Unregister(Unregister {
            id: None,
            name: name("attic"),
            instance: None,
            drain: false,
        }),
    ]
}

fn client_subscriptions() -> Vec<ClientMessage<'static>> {
    vec![
        ClientMessage::Subscribe(Subscribe {
            id: Some(id("s1")),
            filter: filter("host/+/cpu"),
            shared: Some(name("workers")),
            overflow: Overflow::DropNewest,
            credit: Some(10),
        }),
        ClientMessage::Subscribe(Subscribe {
            id: None,
            filter: filter("#"),
            shared: None,
            overflow: Overflow::DropOldest,
            credit: None,
        }),
        ClientMessage::Unsubscribe(Unsubscribe {
            id: Some(id("s2")),
            filter: filter("a/#"),
            shared: Some(name("workers")),
        }),
    ]
}

fn client_signals() -> Vec<ClientMessage<'static>> {
    vec![
        ClientMessage::Error(Failure {
            delivery: 7,
            error: problem(),
        }),
        ClientMessage::Error(Failure {
            delivery: u64::MAX,
            error: Problem::of_service("no_such_key", "no such key"),
        }),
        ClientMessage::Credit(Credit {
            id: Some(id("q1")),
            filter: None,
            shared: None,
            count: 5,
        }),
        ClientMessage::Credit(Credit {
            id: None,
            filter: Some(filter("a")),
            shared: Some(name("workers")),
            count: u32::MAX,
        }),
        ClientMessage::Cancel(id("q1")),
        ClientMessage::Ping(None),
        ClientMessage::Ping(Some(id("p1"))),
        ClientMessage::Pong(None),
        ClientMessage::Pong(Some(id("p1"))),
        ClientMessage::Goodbye(Goodbye::default()),
        ClientMessage::Goodbye(Goodbye {
            reason: Some("done\n".to_owned()),
        }),
    ]
}

fn client_publishes() -> Vec<ClientMessage<'static>> {
    let plain = Publish {
        id: None,
        topic: topic("host/a/cpu"),
        headers: Headers::default(),
        payload: checked(r#"{"load":0.25}"#),
        ack: false,
        retain: Retain::Keep,
        retain_ms: None,
        exclude_self: false,
    };
    vec![
        ClientMessage::Publish(plain.clone()),
        ClientMessage::Publish(Publish {
            payload: Payload::absent(),
            ..plain.clone()
        }),
        ClientMessage::Publish(Publish {
            payload: checked("null"),
            retain: Retain::Clear,
            ..plain.clone()
        }),
        ClientMessage::Publish(Publish {
            id: Some(id("0190b0c8-7f3a-7abc-8def-0123456789ab")),
            topic: topic("caf\u{e9}/\"quoted\""),
            headers: every_header(),
            payload: checked("[1,2.50,\"x\"]"),
            ack: true,
            retain: Retain::Set,
            retain_ms: Some(60_000),
            exclude_self: true,
        }),
        ClientMessage::Publish(Publish {
            headers: image_headers(),
            payload: Payload::bytes(&[0x89, b'P', b'N', b'G', 0][..]),
            ..plain.clone()
        }),
        ClientMessage::Publish(Publish {
            payload: Payload::bytes(&b""[..]),
            ..plain
        }),
    ]
}

fn client_requests() -> Vec<ClientMessage<'static>> {
    let plain = Request {
        id: id("q1"),
        to: Targets::One(address("attic:get")),
        headers: Headers::default(),
        payload: checked(r#"{"key":"colour"}"#),
        deadline: Deadline::Default,
        stream: false,
        credit: 0,
    };
    vec![
        ClientMessage::Request(plain.clone()),
        ClientMessage::Request(Request {
            to: Targets::Several(vec![
                address("attic#one:get"),
                address("node-1/@storage:get"),
                address("*:get"),
            ]),
            deadline: Deadline::After(1),
            headers: every_header(),
            ..plain.clone()
        }),
        ClientMessage::Request(Request {
            deadline: Deadline::After(u32::MAX - 1),
            ..plain.clone()
        }),
        ClientMessage::Request(Request {
            deadline: Deadline::Never,
            stream: true,
            credit: 65_535,
            payload: Payload::absent(),
            ..plain
        }),
    ]
}

fn client_answers() -> Vec<ClientMessage<'static>> {
    vec![
        ClientMessage::Reply(Reply {
            delivery: 1,
            headers: Headers::default(),
            payload: checked("\"red\""),
        }),
        ClientMessage::Reply(Reply {
            delivery: u64::MAX,
            headers: image_headers(),
            payload: Payload::bytes(&[0xff; 3][..]),
        }),
        ClientMessage::Chunk(Chunk {
            delivery: 2,
            headers: every_header(),
            payload: checked("1"),
            last: false,
        }),
        ClientMessage::Chunk(Chunk {
            delivery: 2,
            headers: Headers::default(),
            payload: Payload::absent(),
            last: true,
        }),
    ]
}

pub(crate) fn broker() -> Vec<BrokerMessage<'static>> {
    let mut messages = broker_welcomes();
    messages.extend(broker_deliveries());
    messages.extend(broker_answers());
    messages.extend(broker_signals());
    messages
}

fn broker_welcomes() -> Vec<BrokerMessage<'static>> {
    vec![
        BrokerMessage::Connected(Box::new(Connected {
            id: Some(id("c1")),
            version: 1,
            node: name("node-1"),
            server: "buslane/0.1.0".to_owned(),
            client: "client-7".to_owned(),
            heartbeat_ms: 15_000,
            limits: Limits::default().announced(),
        })),
        BrokerMessage::Registered(Registered {
            id: Some(id("r1")),
            name: name("attic"),
            instance: name("one"),
            resume: "again".to_owned(),
            heartbeat_ms: 0,
            compatibility: None,
        }),
        BrokerMessage::Registered(Registered {
            id: None,
            name: name("attic"),
            instance: name("two"),
            resume: "again".to_owned(),
            heartbeat_ms: 0,
            compatibility: Some(Box::new(report())),
        }),
        BrokerMessage::Subscribed(Subscribed {
            id: Some(id("s1")),
            filter: filter("host/+/cpu"),
            shared: Some(name("workers")),
        }),
        BrokerMessage::Subscribed(Subscribed {
            id: None,
            filter: filter("#"),
            shared: None,
        }),
    ]
}

fn broker_signals() -> Vec<BrokerMessage<'static>> {
    vec![
        BrokerMessage::End(End {
            id: id("q1"),
            expected: 3,
            replied: 2,
            failed: 1,
        }),
        BrokerMessage::Error(Refusal {
            id: None,
            delivery: None,
            from: None,
            error: problem(),
        }),
        BrokerMessage::Error(Refusal {
            id: Some(id("q1")),
            delivery: Some(9),
            from: Some("attic#one".to_owned()),
            error: Problem::of_service("no_such_key", "no such key"),
        }),
        BrokerMessage::Credit(StreamCredit {
            delivery: 4,
            count: 16,
        }),
        BrokerMessage::Gap(Gap {
            count: 12,
            bytes: 3_456,
            ..Gap::default()
        }),
        BrokerMessage::Gap(Gap {
            unknown: true,
            filter: Some(filter("a/+")),
            shared: Some(name("workers")),
            ..Gap::default()
        }),
        BrokerMessage::Draining(Draining { closes_in_ms: 10_000 }),
        BrokerMessage::Ping(None),
        BrokerMessage::Ping(Some(id("p1"))),
        BrokerMessage::Pong(None),
        BrokerMessage::Pong(Some(id("p1"))),
        BrokerMessage::Ack(Ack {
            id: id("u1"),
            receivers: 0,
        }),
        BrokerMessage::Ack(Ack {
            id: id("u2"),
            receivers: u32::MAX,
        }),
        BrokerMessage::Cancel(Withdrawal { delivery: 5 }),
    ]
}

fn broker_deliveries() -> Vec<BrokerMessage<'static>> {
    let delivery = Delivery {
        id: None,
        topic: topic("host/a/cpu"),
        from: Cow::Borrowed("monitor#a"),
        headers: Headers::default(),
        payload: checked(r#"{"load":0.25}"#),
        retained: false,
    };
    vec![
        BrokerMessage::Delivery(delivery.clone()),
        BrokerMessage::Delivery(Delivery {
            headers: header(Headers::FILTER, "host/#"),
            payload: checked("1"),
            retained: true,
            ..delivery.clone()
        }),
        BrokerMessage::Delivery(Delivery {
            id: Some(id("e1")),
            headers: delivery_headers(),
            payload: Payload::absent(),
            retained: true,
            ..delivery
        }),
    ]
}

fn broker_answers() -> Vec<BrokerMessage<'static>> {
    let request = Invocation {
        delivery: 1,
        id: Some(id("q1")),
        from: Cow::Borrowed("shell"),
        to: address("@storage:get"),
        headers: Headers::default(),
        payload: checked("{}"),
        expires_in_ms: Some(4_990),
        attempt: 1,
        stream: false,
        credit: 0,
    };
    vec![
        BrokerMessage::Request(request.clone()),
        BrokerMessage::Request(Invocation {
            headers: header(Headers::CALLEE, "attic#one"),
            ..request.clone()
        }),
        BrokerMessage::Request(Invocation {
            delivery: u64::MAX,
            id: None,
            headers: every_header(),
            payload: Payload::bytes(&b"raw"[..]),
            expires_in_ms: None,
            attempt: 255,
            stream: true,
            credit: 3,
            ..request
        }),
        BrokerMessage::Reply(Answer {
            id: id("q1"),
            from: Cow::Borrowed("attic#one"),
            headers: every_header(),
            payload: checked("\"red\""),
        }),
        BrokerMessage::Chunk(Part {
            id: id("q1"),
            from: Cow::Borrowed("attic#one"),
            sequence: 41,
            headers: Headers::default(),
            payload: checked("false"),
        }),
    ]
}

pub(crate) fn report() -> CompatibilityReport {
    let change = SchemaChange {
        verdict: Verdict::Breaking,
        pointer: "/required".to_owned(),
        keyword: "required".to_owned(),
        old: Some(json!(["key"])),
        new: Some(json!(["key", "app"])),
        detail: "the property \"app\" is required now".to_owned(),
    };
    CompatibilityReport {
        verdict: Verdict::Breaking,
        previous: "1.0.0".to_owned(),
        contracts: vec![ContractChange {
            place: "methods.get.input".to_owned(),
            affects: Affected::Callers,
            verdict: Verdict::Breaking,
            clients: vec!["shell".to_owned()],
            more_clients: true,
            changes: vec![change],
            omitted: 2,
        }],
        omitted: 1,
    }
}
