//! What came, as C++ reads it: lent, not copied.

use buslane_bridge::client::{Headers, Payload, SubscriptionEvent};

use crate::border::crossing::{Carried, Delivered, Header};
use crate::failing::{Failed, attempt};

/// Messages and gaps of one subscription, in their order.
pub(crate) struct Batch(pub(crate) Vec<SubscriptionEvent>);

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn delivered(&self, index: usize) -> Delivered<'_> {
        match self.0.get(index) {
            Some(SubscriptionEvent::Message(message)) => Delivered {
                shared: message.shared().unwrap_or_default(),
                retained: message.is_retained(),
                snapshot: message.is_snapshot(),
                ..delivered(carried(
                    message.topic(),
                    message.from(),
                    message.id(),
                    message.payload(),
                ))
            },
            Some(SubscriptionEvent::Gap(gap)) => Delivered {
                gap: true,
                gap_unknown: gap.unknown,
                gap_count: gap.count,
                gap_bytes: gap.bytes,
                ..delivered(nothing())
            },
            // Nothing is known of events of later versions.
            _ => Delivered {
                gap: true,
                ..delivered(nothing())
            },
        }
    }

    pub(crate) fn headers(&self, index: usize) -> Result<Vec<Header>, Failed> {
        attempt(|| match self.0.get(index) {
            Some(SubscriptionEvent::Message(message)) => Ok(headers_of(message.headers())),
            _ => Ok(Vec::new()),
        })
    }
}

/// Lends what a message carries.
pub(crate) fn carried<'a>(
    subject: &'a str,
    from: &'a str,
    id: Option<&'a str>,
    payload: Payload<'a>,
) -> Carried<'a> {
    Carried {
        subject,
        from,
        id: id.unwrap_or_default(),
        payload: payload.as_bytes(),
        content_type: payload.content_type(),
        json: payload.is_json(),
    }
}

/// Copies headers.
pub(crate) fn headers_of(headers: &Headers<'_>) -> Vec<Header> {
    let copy = |(name, value): (&str, &str)| Header {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    headers.iter().map(copy).collect()
}

fn delivered(carried: Carried<'_>) -> Delivered<'_> {
    Delivered {
        carried,
        shared: "",
        retained: false,
        snapshot: false,
        gap: false,
        gap_unknown: false,
        gap_count: 0,
        gap_bytes: 0,
    }
}

fn nothing() -> Carried<'static> {
    Carried {
        subject: "",
        from: "",
        id: "",
        payload: b"",
        content_type: "",
        json: false,
    }
}
