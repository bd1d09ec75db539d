//! The contracts that benchmarks hold payloads against: two schemas with a payload each, and the service that declares
//! one of them.

use std::io;

use buslane_protocol::{
    ClientMessage, Name, Register, Registration, Schema, Topic, TopicDeclaration, binary,
};
use tokio::task::JoinHandle;

use super::binary::Binary;
use super::measurement::Target;
use super::{pubsub, wire};

/// A schema and a payload that it accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contract {
    /// Values in the payload.
    pub(crate) fields: usize,
    /// One JSON value.
    pub(crate) payload: &'static str,
    pub(super) schema: &'static str,
}

/// A service that declares a contract, for as long as this is kept.
#[derive(Debug)]
pub(crate) struct Declared(JoinHandle<io::Result<()>>);

impl Contract {
    /// Lets a service declare the contract of the first topic that benchmarks publish to.
    pub(crate) async fn declare(&self, target: Target) -> io::Result<Declared> {
        let mut socket = wire::open::<Binary>(target.address).await?;
        let registration = registration(self.schema, &pubsub::topic(0));
        wire::confirm::<Binary>(&mut socket, |out| binary::encode_client(out, &registration)).await?;
        Ok(Declared(tokio::spawn(wire::rest::<Binary>(socket))))
    }
}

impl Drop for Declared {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn registration(schema: &str, topic: &str) -> ClientMessage<'static> {
    let topic = Topic::parse(topic.to_owned()).expect("a benchmark's topic is a topic");
    let declaration = TopicDeclaration {
        schema: Some(Schema::parse(schema).expect("the schema is JSON")),
        ..TopicDeclaration::default()
    };
    let registration = Registration {
        name: Name::parse("bench-contract").expect("the name is a name"),
        version: "1.0.0".into(),
        instance: None,
        groups: Vec::new(),
        methods: Default::default(),
        topics: [(topic, declaration)].into(),
        schemas: Default::default(),
        meta: None,
    };
    ClientMessage::Register(Box::new(Register {
        id: None,
        resume: None,
        registration,
    }))
}

/// Three values in one object, 41 bytes.
pub(crate) const SMALL: Contract = Contract {
    fields: 3,
    payload: r#"{"id":42,"name":"sensor-42","value":21.5}"#,
    schema: r#"{
        "type": "object", "additionalProperties": false, "required": ["id", "name", "value"],
        "properties": {
            "id": {"type": "integer", "minimum": 0},
            "name": {"type": "string", "minLength": 1, "maxLength": 64},
            "value": {"type": "number"}
        }
    }"#,
};

/// Twenty values in nested objects and arrays, 326 bytes.
pub(crate) const LARGE: Contract = Contract {
    fields: 20,
    payload: concat!(
        r#"{"id":"a1b2c3d4-5e6f","ts":1732147200,"kind":"reading","seq":99,"retain":false,"#,
        r#""source":{"device":"dev-7","model":"TX100","fw":"1.2.3","battery":87.5},"#,
        r#""site":{"name":"Plant A","floor":2,"at":{"lat":59.33,"lon":18.06}},"#,
        r#""readings":[{"k":"temp","v":21.5,"u":"C"},{"k":"press","v":101325.0,"u":"Pa"}],"#,
        r#""tags":["x","y"],"note":null}"#,
    ),
    schema: r#"{
        "type": "object", "additionalProperties": false,
        "required": ["id", "ts", "kind", "source", "site", "readings"],
        "properties": {
            "id": {"type": "string", "pattern": "^[a-z0-9-]{8,36}$"},
            "ts": {"type": "integer", "minimum": 0},
            "kind": {"enum": ["reading", "alarm", "status"]},
            "seq": {"type": "integer"},
            "retain": {"type": "boolean"},
            "source": {
                "type": "object", "required": ["device", "model"], "additionalProperties": false,
                "properties": {
                    "device": {"type": "string", "minLength": 1},
                    "model": {"type": "string"},
                    "fw": {"type": "string"},
                    "battery": {"type": "number", "minimum": 0, "maximum": 100}
                }
            },
            "site": {
                "type": "object", "required": ["name", "at"], "additionalProperties": false,
                "properties": {
                    "name": {"type": "string"},
                    "floor": {"type": "integer"},
                    "at": {
                        "type": "object", "required": ["lat", "lon"], "additionalProperties": false,
                        "properties": {
                            "lat": {"type": "number", "minimum": -90, "maximum": 90},
                            "lon": {"type": "number", "minimum": -180, "maximum": 180}
                        }
                    }
                }
            },
            "readings": {
                "type": "array", "minItems": 1, "maxItems": 16,
                "items": {
                    "type": "object", "required": ["k", "v"], "additionalProperties": false,
                    "properties": {
                        "k": {"type": "string"}, "v": {"type": "number"}, "u": {"enum": ["C", "Pa", "%"]}
                    }
                }
            },
            "tags": {"type": "array", "items": {"type": "string"}},
            "note": {"type": ["string", "null"]}
        }
    }"#,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_as_long_as_the_documents_say() {
        assert_eq!((SMALL.payload.len(), LARGE.payload.len()), (41, 326));
    }

    #[test]
    fn what_is_declared_is_a_sound_registration() {
        for contract in [SMALL, LARGE] {
            let ClientMessage::Register(register) = registration(contract.schema, "bench/t0") else {
                unreachable!("it is a registration")
            };
            assert_eq!(
                register.registration.check(&buslane_protocol::Limits::default()),
                Ok(())
            );
        }
    }
}
