//! Services that this program offers.

use std::time::Duration;

use buslane_bridge::{Method, ServiceDeclaration, Topic};

use crate::border::crossing;
use crate::failing::{Failed, attempt};
use crate::joining::Bus;

/// A service that is registered.
pub(crate) struct Registration(buslane_bridge::client::Registration);

impl Bus {
    pub(crate) fn register_service(&self, service: crossing::Service) -> Result<Box<Registration>, Failed> {
        let declaration = declaration(service);
        attempt(|| Ok(Box::new(Registration(self.0.register(declaration)?))))
    }

    pub(crate) fn unregister(&self, registration: &Registration) -> Result<(), Failed> {
        attempt(|| {
            self.0.unregister(&registration.0);
            Ok(())
        })
    }
}

impl Registration {
    pub(crate) fn name(&self) -> &str {
        self.0.name()
    }

    pub(crate) fn instance(&self) -> Result<String, Failed> {
        attempt(|| Ok(self.0.instance().unwrap_or_default()))
    }

    /// Returns what it breaks, as JSON text; empty if nothing.
    pub(crate) fn compatibility(&self) -> Result<String, Failed> {
        attempt(|| {
            let report = self.0.compatibility();
            Ok(report.map_or_else(String::new, |report| buslane_bridge::to_json(&report)))
        })
    }

    pub(crate) fn unregister(&self) -> Result<(), Failed> {
        attempt(|| Ok(buslane_bridge::client::blocking::wait(self.0.unregister())?))
    }

    pub(crate) fn drain(&self) -> Result<(), Failed> {
        attempt(|| Ok(buslane_bridge::client::blocking::wait(self.0.drain())?))
    }

    /// Tells whether it has ended in time.
    pub(crate) fn drain_for(&self, milliseconds: u64) -> Result<bool, Failed> {
        let time = Duration::from_millis(milliseconds);
        attempt(|| {
            let ended = buslane_bridge::client::blocking::wait_for(self.0.drain(), time);
            Ok(ended.transpose()?.is_some())
        })
    }
}

fn declaration(service: crossing::Service) -> ServiceDeclaration {
    ServiceDeclaration {
        name: service.name,
        version: service.version,
        instance: service.instance,
        groups: service.groups,
        methods: service.methods.into_iter().map(method).collect(),
        topics: service.topics.into_iter().map(topic).collect(),
        schemas: service
            .schemas
            .into_iter()
            .map(|schema| (schema.uri, schema.schema))
            .collect(),
        meta: service.meta,
    }
}

fn method(method: crossing::Method) -> Method {
    Method {
        name: method.name,
        token: method.token,
        input: method.input,
        output: method.output,
        description: method.description,
    }
}

fn topic(topic: crossing::Topic) -> Topic {
    Topic {
        topic: topic.topic,
        schema: topic.schema,
        retain: topic.retain,
        refuse: topic.refuse,
        description: topic.description,
    }
}
