//! The lists of `$bus`, page by page, so that none is longer than a payload may be.

use std::collections::BTreeSet;

use buslane_protocol::{BUS_SERVICE, ErrorCode, Framing, Problem};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::catalogue;
use crate::engine::Engine;
use crate::registry::Instance;

/// Which part of a list is wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

/// What is to be described.
#[derive(Debug, Deserialize)]
pub(super) struct Describe {
    service: String,
    instance: Option<String>,
    #[serde(flatten)]
    page: Page,
}

/// A page that is being filled.
struct Filling {
    entries: Vec<Value>,
    last: Option<String>,
    bytes: usize,
    limit: usize,
    most_bytes: usize,
}

impl Filling {
    fn new(page: &Page, most_bytes: usize) -> Self {
        let limit = page.limit.unwrap_or(LONGEST_PAGE).clamp(1, LONGEST_PAGE);
        Filling {
            entries: Vec::new(),
            last: None,
            bytes: 0,
            limit,
            most_bytes,
        }
    }

    /// Adds an entry; tells whether it fitted. The first always does.
    fn add(&mut self, name: &str, entry: Value) -> bool {
        let bytes = entry.to_string().len() + 1;
        let full = self.entries.len() >= self.limit || self.bytes + bytes > self.most_bytes;
        if full && !self.entries.is_empty() {
            return false;
        }
        self.bytes += bytes;
        self.last = Some(name.to_owned());
        self.entries.push(entry);
        true
    }

    fn finish(self, member: &str, more: bool) -> Map<String, Value> {
        let mut page = Map::new();
        page.insert(member.to_owned(), Value::Array(self.entries));
        if let Some(last) = self.last.filter(|_| more) {
            page.insert("next".to_owned(), Value::String(last));
        }
        page
    }
}

impl Engine {
    fn filling(&self, page: &Page) -> Filling {
        Filling::new(
            page,
            self.config.limits.payload.min(self.config.limits.outbox) / 2,
        )
    }

    pub(super) fn list_services(&self, page: Page) -> Value {
        let mut filling = self.filling(&page);
        let mut names = self.registry.names_after(page.after.as_deref());
        let more = !names.all(|name| filling.add(name.as_str(), self.summary(name.as_str())));
        Value::Object(filling.finish("services", more))
    }

    fn summary(&self, service: &str) -> Value {
        let (mut versions, mut groups, mut methods) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut instances = 0;
        for instance in self.registry.instances_after(service, None) {
            instances += 1;
            versions.insert(&instance.declared.version);
            groups.extend(&instance.declared.groups);
            methods.extend(instance.declared.methods.keys());
        }
        json!({
            "name": service,
            "versions": versions,
            "instances": instances,
            "groups": groups,
            "methods": methods,
        })
    }

    pub(super) fn describe(&self, wanted: Describe) -> Result<Value, Problem> {
        if wanted.service == BUS_SERVICE {
            return Ok(
                json!({ "name": BUS_SERVICE, "version": env!("CARGO_PKG_VERSION"), "instances": [],
                "methods": catalogue::methods() }),
            );
        }
        let named = |instance: &&Instance| {
            wanted
                .instance
                .as_ref()
                .is_none_or(|name| *name == instance.name.as_str())
        };
        let found = self.registry.instances_after(&wanted.service, None).filter(named);
        let Some(newest) = found.max_by_key(|instance| instance.order) else {
            let detail =
                "there is no such service, or no such instance of it; ask $bus:services who is there";
            return Err(Problem::new(ErrorCode::NotFound).detail(detail));
        };
        let mut filling = self.filling(&wanted.page);
        let mut instances = self
            .registry
            .instances_after(&wanted.service, wanted.page.after.as_deref())
            .filter(named);
        let more = !instances.all(|instance| filling.add(instance.name.as_str(), self.instance(instance)));
        let mut description = filling.finish("instances", more);
        let declared = &newest.declared;
        description.insert("name".to_owned(), json!(declared.service));
        description.insert("version".to_owned(), json!(declared.version));
        description.insert("methods".to_owned(), json!(declared.methods));
        description.insert("topics".to_owned(), json!(declared.topics));
        description.insert("schemas".to_owned(), json!(declared.schemas));
        description.extend(declared.meta.clone().map(|meta| ("meta".to_owned(), meta)));
        Ok(Value::Object(description))
    }

    fn instance(&self, instance: &Instance) -> Value {
        let mut entry = json!({
            "instance": instance.name,
            "client": self.clients.find(instance.client).map(|client| client.label()),
            "version": instance.declared.version,
            "groups": instance.declared.groups,
            "outstanding": instance.outstanding,
            "since_unix_ms": self.unix_ms_at(instance.since),
            "draining": instance.draining.is_some(),
        });
        if let Some(report) = &instance.report {
            entry["compatibility"] = json!(report);
        }
        entry
    }

    pub(super) fn list_topics(&self, page: Page) -> Value {
        let mut filling = self.filling(&page);
        let mut topics = self.contracts.after(page.after.as_deref());
        let more = !topics.all(|(topic, contract)| {
            let mut entry = json!({
                "topic": topic,
                "service": contract.service,
                "retain": contract.declared.retain,
                "refuse": contract.declared.refuse,
            });
            if let Some(schema) = &contract.declared.schema {
                entry["schema"] = json!(schema);
            }
            if let Some(description) = &contract.declared.description {
                entry["description"] = json!(description);
            }
            filling.add(topic, entry)
        });
        Value::Object(filling.finish("topics", more))
    }

    pub(super) fn list_clients(&self, page: Page) -> Value {
        let mut filling = self.filling(&page);
        let after = page
            .after
            .as_deref()
            .and_then(|after| after.strip_prefix("client-")?.parse::<u64>().ok());
        let mut clients: Vec<_> = self.clients.iter().map(|(_, client)| client).collect();
        clients.retain(|client| after.is_none_or(|after| client.number > after));
        clients.sort_unstable_by_key(|client| client.number);
        let more = !clients.into_iter().all(|client| {
            let entry = json!({
                "client": client.label(),
                "from": &*client.from,
                "principal": client.principal.as_str(),
                "address": &*client.address,
                "framing": framing(client.framing()),
                "heartbeat_ms": client.heartbeat_ms,
                "registrations": client.registrations.len(),
                "subscriptions": client.subscriptions.len(),
                "requests": client.calls.count(),
                "queued_bytes": client.outbox.control_bytes() + client.outbox.delivery_bytes(),
            });
            filling.add(&client.label(), entry)
        });
        Value::Object(filling.finish("clients", more))
    }
}

const fn framing(framing: Framing) -> &'static str {
    match framing {
        Framing::Binary => "binary",
        Framing::JsonLines => "json_lines",
        Framing::WebSocketBinary => "websocket_binary",
        Framing::WebSocketText => "websocket_text",
    }
}

/// The most entries of one page.
const LONGEST_PAGE: usize = 1_000;
