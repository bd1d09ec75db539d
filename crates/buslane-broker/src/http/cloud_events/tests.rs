//! Events read, carried by messages and written again.

use buslane_protocol::Topic;
use serde_json::{Value, json};

use super::*;

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

const REQUIRED_LINES: [(&str, &str); 4] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "1"),
    ("ce-source", "/sensors#a"),
    ("ce-type", "reading"),
];

fn binary(
    more: &[(&'static str, &str)],
    body: &'static [u8],
) -> Result<CloudEvent<'static>, CloudEventError> {
    let lines = [&REQUIRED_LINES, more].concat();
    let headers = headers(&lines);
    CloudEvent::read(Mode::of(&headers)?.unwrap(), &headers, body)
}

fn structured(change: Value) -> Result<CloudEvent<'static>, CloudEventError> {
    let mut event = json!({ "specversion": "1.0", "id": "1", "source": "/sensors#a", "type": "reading" });
    for (name, value) in change.as_object().unwrap() {
        event[name] = value.clone();
    }
    let text: &'static [u8] = Vec::leak(event.to_string().into_bytes());
    CloudEvent::read(Mode::Structured, &HeaderMap::new(), text)
}

/// Carries an event by a message, and makes an event of that.
fn delivered(event: CloudEvent<'_>) -> (Delivery<'static>, Value) {
    let mut block = HeadersBuf::new();
    let payload = event.into_message(&mut block).unwrap().into_owned();
    let delivery = delivery(block, payload);
    let out = written(&delivery);
    (delivery, out)
}

fn delivery(block: HeadersBuf, payload: Payload<'static>) -> Delivery<'static> {
    Delivery {
        id: None,
        topic: Topic::parse("host/a").unwrap(),
        from: "greeter#1".into(),
        headers: block.finish(),
        payload,
        retained: false,
    }
}

fn written(delivery: &Delivery<'_>) -> Value {
    let mut out = Vec::new();
    let node = "broker".parse().unwrap();
    CloudEvent::of_delivery(delivery, &node, new_id).write_json(&mut out);
    assert!(!out.contains(&b'\n'));
    serde_json::from_slice(&out).unwrap()
}

fn new_id() -> Id {
    Id::parse("new").unwrap()
}

#[test]
fn the_mode_is_told_by_the_headers() {
    let mode = |lines: &[(&'static str, &str)]| Mode::of(&headers(lines));
    assert_eq!(mode(&[("content-type", "application/json")]), Ok(None));
    assert_eq!(mode(&[("ce-id", "1")]), Ok(Some(Mode::Binary)));
    let structured = "Application/CloudEvents+JSON; charset=utf-8";
    assert_eq!(mode(&[("content-type", structured)]), Ok(Some(Mode::Structured)));
    let batch = mode(&[("content-type", "application/cloudevents-batch+json")]).unwrap_err();
    assert_eq!((&batch, batch.problem().status), (&CloudEventError::Batch, 415));
    let avro = mode(&[("content-type", "application/cloudevents+avro")]).unwrap_err();
    assert_eq!(avro.problem().status, 415);
}

#[test]
fn a_missing_attribute_is_named() {
    for missing in ["specversion", "id", "source", "type"] {
        let error = structured(json!({ missing: null })).unwrap_err();
        assert_eq!(error, CloudEventError::Missing { attribute: missing });
        let lines: Vec<_> = REQUIRED_LINES
            .into_iter()
            .filter(|(name, _)| *name != format!("ce-{missing}"))
            .collect();
        let error = CloudEvent::read(Mode::Binary, &headers(&lines), b"").unwrap_err();
        assert_eq!(error, CloudEventError::Missing { attribute: missing });
        assert!(error.problem().detail.unwrap().contains(missing));
    }
}

#[test]
fn a_wrong_attribute_is_named() {
    for (name, value) in [
        ("specversion", json!("0.3")),
        ("specversion", json!(1)),
        ("id", json!("")),
        ("id", json!(7)),
        ("source", json!("")),
        ("source", json!("not a uri")),
        ("type", json!(true)),
        ("subject", json!("a\u{7}b")),
        ("time", json!("yesterday")),
        ("dataschema", json!("relative")),
        ("datacontenttype", json!("json")),
        ("extension", json!(1.5)),
        ("extension", json!(4_294_967_296_u64)),
        ("extension", json!({})),
        ("data_base64", json!("not base64")),
        ("data_base64", json!(1)),
    ] {
        let error = structured(json!({ name: value })).unwrap_err();
        assert!(error.to_string().contains(name), "{name} = {value}: {error}");
        assert_eq!(error.problem().status, 400);
    }
    for (header, value) in [
        ("ce-time", "yesterday"),
        ("ce-subject", "%ff"),
        ("ce-dataschema", "x"),
    ] {
        let error = binary(&[(header, value)], b"").unwrap_err().to_string();
        assert!(error.contains(&header[3..]), "{header} = {value}: {error}");
    }
}

#[test]
fn names_that_are_no_attributes_are_refused() {
    for name in ["Extension", "with_underscore", "", "ext\u{e9}", &"x".repeat(62)] {
        let error = structured(json!({ name: "value" })).unwrap_err();
        assert!(matches!(error, CloudEventError::Name { .. }), "{name}: {error}");
    }
    assert!(matches!(
        binary(&[("ce-with-dash", "1")], b"").unwrap_err(),
        CloudEventError::Name { .. }
    ));
    assert!(structured(json!({ "x".repeat(61): "value" })).is_ok());
}

#[test]
fn doubled_attributes_are_refused() {
    let error = binary(&[("ce-id", "2")], b"").unwrap_err();
    let attribute = "id".to_owned();
    assert_eq!(error, CloudEventError::Doubled { attribute });
    let text = br#"{"specversion":"1.0","id":"1","id":"2","source":"/","type":"t"}"#;
    let error = CloudEvent::read(Mode::Structured, &HeaderMap::new(), text).unwrap_err();
    assert!(matches!(error, CloudEventError::Doubled { attribute } if attribute == "id"));
}

#[test]
fn both_kinds_of_data_together_are_refused() {
    let error = structured(json!({ "data": 1, "data_base64": "AA==" })).unwrap_err();
    assert_eq!(error, CloudEventError::TwoData);
    assert!(error.to_string().contains("data_base64"));
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for text in ["", "[]", "1", "{", "{}{}", "null"] {
        let error = CloudEvent::read(Mode::Structured, &HeaderMap::new(), text.as_bytes()).unwrap_err();
        assert_eq!(error.problem().code, "invalid_json", "{text}");
    }
}

#[test]
fn the_type_of_the_data_stands_in_its_own_header() {
    let error = binary(&[("ce-datacontenttype", "text/plain")], b"").unwrap_err();
    assert_eq!(error, CloudEventError::ContentTypeHeader);
}

#[test]
fn more_attributes_than_headers_are_refused() {
    let many: serde_json::Map<_, _> = (0..200).map(|index| (format!("x{index}"), json!("v"))).collect();
    let error = structured(Value::Object(many)).unwrap_err();
    assert_eq!(error.problem().code, "headers_too_large");
}

#[test]
fn attributes_become_headers_of_the_message() {
    let event =
        structured(json!({ "subject": "caf\u{e9} 1", "flag": true, "number": -7, "data": { "a": 1.10 } }));
    let (delivery, _) = delivered(event.unwrap());
    let found: Vec<_> = delivery.headers.iter().collect();
    for header in [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/sensors#a"),
        ("ce-subject", "caf\u{e9} 1"),
        ("ce-flag", "true"),
        ("ce-number", "-7"),
    ] {
        assert!(found.contains(&header), "{header:?} is not in {found:?}");
    }
    assert_eq!(delivery.payload.bytes, &br#"{"a":1.1}"#[..]);
}

#[test]
fn data_keeps_its_kind_and_its_digits() {
    let text = br#"{"specversion":"1.0","id":"1","source":"/","type":"t","data":[1.10e+2]}"#;
    let event = CloudEvent::read(Mode::Structured, &HeaderMap::new(), text).unwrap();
    assert_eq!(event.data, Payload::checked(&b"[1.10e+2]"[..]));
    let of = |change| structured(change).unwrap().data;
    assert_eq!(of(json!({ "data": null })), Payload::checked(&b"null"[..]));
    assert!(of(json!({})).is_absent());
    assert_eq!(of(json!({ "data_base64": "/w==" })), Payload::bytes(&[0xff][..]));
    let xml = json!({ "datacontenttype": "application/xml", "data": "<a/>" });
    assert_eq!(of(xml), Payload::bytes(&b"<a/>"[..]));
    let error = structured(json!({ "datacontenttype": "text/plain", "data": 1 })).unwrap_err();
    assert!(
        error.to_string().contains("the attribute data must be a string"),
        "{error}"
    );
    let json = json!({ "datacontenttype": "a/b+json", "data_base64": "MQ==" });
    assert_eq!(of(json), Payload::json(&b"1"[..]));
}

#[test]
fn what_was_published_is_what_is_delivered() {
    let mut events = vec![
        json!({}),
        json!({ "data": { "a": [1, null] } }),
        json!({ "data": null, "time": "2026-01-31T10:00:00.5+01:00", "subject": "100% \"\u{20ac}\"" }),
        json!({ "data_base64": "/wA=", "datacontenttype": "image/png" }),
        json!({ "data": "<a/>", "datacontenttype": "application/xml", "dataschema": "urn:a:b" }),
        json!({ "data": 1, "datacontenttype": "application/vnd.a+json; v=1", "ext1": "\u{1f600}" }),
    ];
    for event in &mut events {
        let read = structured(event.clone()).unwrap();
        let (delivery, written) = delivered(read.clone());
        for (name, value) in event.as_object().unwrap() {
            assert_eq!(&written[name], value, "{name}");
        }
        // The same event in binary mode, there and back.
        let node = "broker".parse().unwrap();
        let out = CloudEvent::of_delivery(&delivery, &node, new_id);
        let mut lines = HeaderMap::new();
        out.write_headers(&mut lines);
        let again = CloudEvent::read(Mode::Binary, &lines, &out.data.bytes).unwrap();
        assert_eq!(again.attributes, read.attributes);
        assert_eq!(again.data.bytes, read.data.bytes);
        assert_eq!(again.data.is_json(), read.data.is_json());
    }
}

#[test]
fn a_plain_message_becomes_an_event() {
    let mut block = HeadersBuf::new();
    block.push(Headers::SENT_AT, "1767225600001").unwrap();
    block.push("x", "y").unwrap();
    let plain = delivery(block, Payload::json(&b"{\"a\":\n1}"[..]));
    assert_eq!(
        written(&plain),
        json!({ "specversion": "1.0", "id": "new", "source": "/broker/greeter#1", "type": "host.a",
            "time": "2026-01-01T00:00:00.001Z", "buslanetopic": "host/a", "buslanefrom": "greeter#1",
            "datacontenttype": "application/json", "data": { "a": 1 } })
    );
    let with_id = Delivery {
        id: Some(Id::parse("p-1").unwrap()),
        payload: Payload::bytes(&[0xff][..]),
        ..plain
    };
    let written = written(&with_id);
    assert_eq!(
        (&written["id"], &written["data_base64"]),
        (&json!("p-1"), &json!("/w=="))
    );
    assert_eq!(written["datacontenttype"], "application/octet-stream");
}

#[test]
fn json_that_is_none_cannot_break_out_of_the_event() {
    let broken = delivery(HeadersBuf::new(), Payload::json(&b"1,\"id\":\"forged\""[..]));
    let written = written(&broken);
    assert_eq!((&written["id"], &written["data"]), (&json!("new"), &Value::Null));
    assert!(written["data_base64"].is_string());
}

#[test]
fn who_published_is_the_brokers_word() {
    let event = structured(json!({ "buslanefrom": "root", "buslanetopic": "else" })).unwrap();
    let (delivery, written) = delivered(event);
    assert_eq!(delivery.headers.find("ce-buslanefrom"), None);
    assert_eq!(written["buslanefrom"], "greeter#1");
    let mut forged = HeadersBuf::new();
    forged.push("ce-buslanefrom", "root").unwrap();
    forged.push("ce-time", "never").unwrap();
    let mut lines = HeaderMap::new();
    let forged = self::delivery(forged, Payload::absent());
    let node = "broker".parse().unwrap();
    CloudEvent::of_delivery(&forged, &node, new_id).write_headers(&mut lines);
    assert_eq!(lines["ce-buslanefrom"], "greeter#1");
    assert!(!lines.contains_key("ce-time"));
}
