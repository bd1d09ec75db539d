//! A client and its watches.

use std::time::Duration;

use buslane_bridge::Failure;
use buslane_bridge::client::{ErrorCode, Overflow};

use crate::answering::Request;
use crate::border::crossing::{
    CallOptions, ConnectOptions, Content, Header, PublishOptions, State, SubscribeOptions,
};
use crate::calling::{Parts, Pending};
use crate::events::{Event, state_of};
use crate::failing::{Failed, attempt};

/// A client.
pub(crate) struct Bus(pub(crate) buslane_bridge::Bus);

/// A subscription, or another watch.
pub(crate) struct Watch(buslane_bridge::Watch);

/// Connects a client.
pub(crate) fn connect(options: ConnectOptions) -> Result<Box<Bus>, Failed> {
    let pair = |first, second| Some((time(first)?, time(second)?));
    let options = buslane_bridge::ConnectOptions {
        url: options.url,
        name: options.name,
        token: options.token,
        lazy: options.lazy,
        json: options.json,
        connect_timeout: time(options.connect_timeout),
        request_timeout: time(options.request_timeout),
        queue_bytes: size(options.queue_bytes),
        offline_bytes: size(options.offline_bytes),
        heartbeat: pair(options.ping_after, options.gone_after),
        backoff: pair(options.first_backoff, options.longest_backoff),
    };
    attempt(|| Ok(Box::new(Bus(buslane_bridge::Bus::connect(options)?))))
}

impl Bus {
    pub(crate) fn next_event(&self) -> Result<Box<Event>, Failed> {
        attempt(|| Ok(Box::new(Event(self.0.events().next()))))
    }

    pub(crate) fn request(
        &self,
        address: &str,
        content: Content<'_>,
        options: &CallOptions,
    ) -> Result<Box<Pending>, Failed> {
        attempt(|| {
            let pending = self.0.request(address, lent(&content), &call_options(options))?;
            Ok(Box::new(Pending(pending)))
        })
    }

    pub(crate) fn request_stream(
        &self,
        address: &str,
        content: Content<'_>,
        options: &CallOptions,
    ) -> Result<Box<Parts>, Failed> {
        attempt(|| {
            let parts = self
                .0
                .request_stream(address, lent(&content), &call_options(options))?;
            Ok(Box::new(Parts(parts)))
        })
    }

    #[allow(clippy::ptr_arg, reason = "cxx knows vectors, and no slices of texts")]
    pub(crate) fn gather(
        &self,
        addresses: &Vec<String>,
        content: Content<'_>,
        options: &CallOptions,
    ) -> Result<Box<Parts>, Failed> {
        attempt(|| {
            let parts = self.0.gather(addresses, lent(&content), &call_options(options))?;
            Ok(Box::new(Parts(parts)))
        })
    }

    /// Publishes JSON text without options, which is what is published most: little crosses.
    pub(crate) fn publish_text(&self, topic: &[u8], text: &[u8]) -> Result<(), Failed> {
        attempt(|| {
            let topic = std::str::from_utf8(topic);
            let topic = topic.map_err(|error| Failure::new(ErrorCode::InvalidTopic, error))?;
            self.0.publish_text(topic, text)
        })
    }

    pub(crate) fn publish(
        &self,
        topic: &str,
        content: Content<'_>,
        options: &PublishOptions,
    ) -> Result<(), Failed> {
        attempt(|| self.0.publish(topic, lent(&content), &publish_options(options)))
    }

    pub(crate) fn try_publish(
        &self,
        topic: &str,
        content: Content<'_>,
        options: &PublishOptions,
    ) -> Result<(), Failed> {
        attempt(|| {
            self.0
                .try_publish(topic, lent(&content), &publish_options(options))
        })
    }

    pub(crate) fn publish_acked(
        &self,
        topic: &str,
        content: Content<'_>,
        options: &PublishOptions,
    ) -> Result<u32, Failed> {
        attempt(|| {
            self.0
                .publish_acked(topic, lent(&content), &publish_options(options))
        })
    }

    pub(crate) fn clear_retained(&self, topic: &str) -> Result<u32, Failed> {
        attempt(|| self.0.clear_retained(topic))
    }

    pub(crate) fn subscribe(
        &self,
        token: u64,
        filter: &str,
        options: SubscribeOptions,
    ) -> Result<Box<Watch>, Failed> {
        let options = buslane_bridge::SubscribeOptions {
            shared: Some(options.shared).filter(|shared| !shared.is_empty()),
            overflow: match options.overflow {
                0 => Overflow::DropOldest,
                1 => Overflow::DropNewest,
                _ => Overflow::Disconnect,
            },
            credit: Some(options.credit).filter(|credit| *credit > 0),
            queue_bytes: size(options.queue_bytes),
        };
        attempt(|| Ok(Box::new(Watch(self.0.subscribe(token, filter, options)?))))
    }

    pub(crate) fn presence(&self, token: u64) -> Result<Box<Watch>, Failed> {
        attempt(|| Ok(Box::new(Watch(self.0.presence(token)?))))
    }

    pub(crate) fn states(&self, token: u64) -> Result<Box<Watch>, Failed> {
        attempt(|| Ok(Box::new(Watch(self.0.states(token)))))
    }

    pub(crate) fn reports(&self, token: u64) -> Result<Box<Watch>, Failed> {
        attempt(|| Ok(Box::new(Watch(self.0.reports(token)))))
    }

    pub(crate) fn withdrawal(&self, token: u64, request: &Request) -> Result<Box<Watch>, Failed> {
        attempt(|| Ok(Box::new(Watch(self.0.withdrawal(token, &request.0)))))
    }

    pub(crate) fn flush(&self) -> Result<(), Failed> {
        attempt(|| self.0.flush())
    }

    pub(crate) fn state(&self) -> Result<State, Failed> {
        attempt(|| Ok(state_of(self.0.state())))
    }

    pub(crate) fn is_connected(&self) -> Result<bool, Failed> {
        attempt(|| Ok(self.0.client().is_connected()))
    }

    pub(crate) fn url(&self) -> Result<String, Failed> {
        attempt(|| Ok(self.0.client().url().to_string()))
    }

    pub(crate) fn close(&self, milliseconds: u64) -> Result<(), Failed> {
        attempt(|| {
            self.0.close(Duration::from_millis(milliseconds));
            Ok(())
        })
    }
}

impl Watch {
    pub(crate) fn pause(&self) -> Result<(), Failed> {
        attempt(|| {
            self.0.pause();
            Ok(())
        })
    }

    pub(crate) fn resume(&self) -> Result<(), Failed> {
        attempt(|| {
            self.0.resume();
            Ok(())
        })
    }

    pub(crate) fn end(&self) -> Result<(), Failed> {
        attempt(|| {
            self.0.end();
            Ok(())
        })
    }

    pub(crate) fn end_confirmed(&self) -> Result<(), Failed> {
        attempt(|| self.0.end_confirmed())
    }
}

/// Reads what C++ lends to be sent.
pub(crate) fn lent<'a>(content: &Content<'a>) -> buslane_bridge::Content<'a> {
    buslane_bridge::Content {
        bytes: content.bytes,
        content_type: (!content.json).then_some(content.content_type),
    }
}

/// Makes the failure of a part that C++ took twice.
pub(crate) fn taken() -> Failure {
    Failure::new(ErrorCode::Internal, "it was taken already")
}

fn call_options(options: &CallOptions) -> buslane_bridge::CallOptions {
    buslane_bridge::CallOptions {
        timeout: time(options.timeout),
        without_timeout: options.without_timeout,
        credit: options.credit,
        headers: headers(&options.headers),
    }
}

fn publish_options(options: &PublishOptions) -> buslane_bridge::PublishOptions {
    buslane_bridge::PublishOptions {
        retain: options.retain,
        retain_for: time(options.retain_for),
        exclude_self: options.exclude_self,
        headers: headers(&options.headers),
    }
}

fn headers(headers: &[Header]) -> Vec<(String, String)> {
    let pair = |header: &Header| (header.name.clone(), header.value.clone());
    headers.iter().map(pair).collect()
}

fn time(milliseconds: i64) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

fn size(bytes: i64) -> Option<usize> {
    usize::try_from(bytes).ok()
}
