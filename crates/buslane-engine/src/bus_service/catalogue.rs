//! What the broker's own service declares about itself.

use serde_json::{Value, json};

/// The methods of `$bus` with their schemas, as `describe` tells them.
pub(super) fn methods() -> Value {
    let page = json!({
        "type": ["object", "null"],
        "properties": {
            "after": { "type": "string", "description": "Go on after this entry: the `next` of the page before." },
            "limit": { "type": "integer", "minimum": 1, "maximum": 1000, "default": 1000 }
        }
    });
    let list = |member: &str, item: Value| {
        let mut properties =
            json!({ "next": { "type": "string", "description": "There is more after this entry." } });
        properties[member] = json!({ "type": "array", "items": item });
        json!({ "type": "object", "required": [member], "properties": properties })
    };
    let names = json!({ "type": "array", "items": { "type": "string" } });
    let number = json!({ "type": "integer", "minimum": 0 });
    let service = json!({
        "type": "object",
        "required": ["name", "versions", "instances", "groups", "methods"],
        "properties": { "name": { "type": "string" }, "versions": names, "instances": number, "groups": names, "methods": names }
    });
    let topic = json!({
        "type": "object",
        "required": ["topic", "service", "retain", "refuse"],
        "properties": {
            "topic": { "type": "string" }, "service": { "type": "string" }, "retain": { "type": "boolean" },
            "refuse": { "type": "boolean" }, "schema": true, "description": { "type": "string" }
        }
    });
    let client = json!({
        "type": "object",
        "required": ["client", "from", "principal", "address", "framing", "registrations", "subscriptions", "requests", "queued_bytes"],
        "properties": {
            "client": { "type": "string" }, "from": { "type": "string" }, "principal": { "type": "string" },
            "address": { "type": "string" }, "framing": { "type": "string" }, "registrations": number,
            "subscriptions": number, "requests": number, "queued_bytes": number, "heartbeat_ms": number
        }
    });
    let instance = json!({
        "type": "object",
        "required": ["instance", "client", "version", "groups", "outstanding", "since_unix_ms"],
        "properties": {
            "instance": { "type": "string" }, "client": { "type": "string" }, "version": { "type": "string" },
            "groups": names, "outstanding": number, "since_unix_ms": number, "draining": { "type": "boolean" }
        }
    });
    let mut description = list("instances", instance);
    for (member, schema) in [
        ("name", json!({ "type": "string" })),
        ("version", json!({ "type": "string" })),
    ] {
        description["properties"][member] = schema;
    }
    for member in ["methods", "topics", "schemas"] {
        description["properties"][member] = json!({ "type": "object" });
    }
    let mut describe = page.clone();
    describe["type"] = json!("object");
    describe["required"] = json!(["service"]);
    describe["properties"]["service"] = json!({ "type": "string" });
    describe["properties"]["instance"] = json!({ "type": "string" });
    json!({
        "services": {
            "description": "Lists the services in the order of their names.",
            "input": page, "output": list("services", service)
        },
        "describe": {
            "description": "Describes a service: what its newest instance, or the one that is named, declares, and who its instances are.",
            "input": describe, "output": description
        },
        "topics": {
            "description": "Lists the topics that have a contract, in the order of their names.",
            "input": page, "output": list("topics", topic)
        },
        "clients": {
            "description": "Lists the connections in the order in which they came.",
            "input": page, "output": list("clients", client)
        },
        "stats": {
            "description": "Tells what happened since the start and what is there now, in numbers.",
            "output": { "type": "object", "required": ["node", "server", "uptime_ms", "counters", "received", "refused", "gauges", "memory"] }
        },
        "ping": {
            "description": "Tells that the broker is there.",
            "output": {
                "type": "object", "required": ["node", "unix_ms"],
                "properties": { "node": { "type": "string" }, "unix_ms": number }
            }
        }
    })
}
