//! Which of the messages that flow somebody wants to see.

use std::str::FromStr;

use buslane_client::Message;
use serde_json::Value;

use super::TapArguments;

/// The messages that are wanted.
pub(super) struct Selection<'a> {
    arguments: &'a TapArguments,
    /// The text to look for, and whether its case counts.
    grep: Option<(String, bool)>,
}

/// A member of the payload, and the value that it has to have.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pointer: String,
    wanted: Option<String>,
}

impl<'a> Selection<'a> {
    /// Takes what the command line says.
    pub(super) fn of(arguments: &'a TapArguments) -> Selection<'a> {
        let grep = arguments.grep.as_ref().map(|text| {
            let case_counts = text.chars().any(char::is_uppercase);
            (text.clone(), case_counts)
        });
        Selection { arguments, grep }
    }

    /// Tells whether a message is wanted.
    pub(super) fn takes(&self, message: &Message) -> bool {
        let TapArguments {
            service, from, field, ..
        } = self.arguments;
        let sent_by = |sender: &String| is_of(message.from(), sender);
        from.as_ref().is_none_or(sent_by)
            && self.grep.as_ref().is_none_or(|grep| holds(message, grep))
            && (service.is_none() && field.is_empty() || self.takes_payload(message, service.as_deref()))
    }

    /// Tells whether a message is wanted for what is in it.
    fn takes_payload(&self, message: &Message, service: Option<&str>) -> bool {
        // A payload that is no JSON has no members.
        let payload: Value = message.payload().json().unwrap_or_default();
        let about = |name: &str| {
            is_of(message.from(), name) || message.topic().starts_with(EVENTS) && concerns(&payload, name)
        };
        service.is_none_or(about) && self.arguments.field.iter().all(|field| field.is_in(&payload))
    }
}

/// Tells whether a sender is the one that is named, or an instance of it.
fn is_of(sender: &str, name: &str) -> bool {
    sender
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// Tells whether an event of the broker is about a service.
fn concerns(event: &Value, service: &str) -> bool {
    let address = event["address"]
        .as_str()
        .and_then(|address| address.split([':', '#']).next());
    event["service"] == service
        || address == Some(service)
        || event["from"].as_str().is_some_and(|from| is_of(from, service))
}

fn holds(message: &Message, (text, case_counts): &(String, bool)) -> bool {
    let payload = String::from_utf8_lossy(message.payload().as_bytes());
    [message.topic(), message.from(), &payload]
        .iter()
        .any(|place| match case_counts {
            true => place.contains(text),
            false => place.to_lowercase().contains(text),
        })
}

impl Field {
    fn is_in(&self, payload: &Value) -> bool {
        let Some(found) = payload.pointer(&self.pointer) else {
            return false;
        };
        let Some(wanted) = &self.wanted else { return true };
        match found {
            Value::String(text) => {
                text == wanted || serde_json::from_str::<String>(wanted).is_ok_and(|wanted| *text == wanted)
            }
            Value::Number(number) => number.to_string() == *wanted || number.as_f64() == wanted.parse().ok(),
            found => serde_json::from_str::<Value>(wanted).is_ok_and(|wanted| *found == wanted),
        }
    }
}

impl FromStr for Field {
    type Err = &'static str;

    /// Reads `MEMBER=VALUE` or `MEMBER`, where the member is a JSON Pointer, or names with dots between them.
    fn from_str(text: &str) -> Result<Field, &'static str> {
        let (member, wanted) = match text.split_once('=') {
            Some((member, wanted)) => (member, Some(wanted.to_owned())),
            None => (text, None),
        };
        if member.is_empty() {
            return Err("write MEMBER=VALUE, as percent=5, host.name=a or /host/name=a");
        }
        let pointer = match member.starts_with('/') {
            true => member.to_owned(),
            false => format!(
                "/{}",
                member.replace('~', "~0").replace('/', "~1").replace('.', "/")
            ),
        };
        Ok(Field { pointer, wanted })
    }
}

/// Where the topics of the broker's events begin.
const EVENTS: &str = "$bus/";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn finds(field: &str, payload: &Value) -> bool {
        field.parse::<Field>().unwrap().is_in(payload)
    }

    #[test]
    fn members_are_named_with_dots_or_as_a_pointer() {
        let payload = json!({"a": {"b": [1, "x"]}, "c.d": true, "e/f": null});
        for found in [
            "a.b.0=1",
            "/a/b/1=x",
            "/c.d=true",
            "/e~1f=null",
            "e/f",
            "a",
            "a.b=[1,\"x\"]",
        ] {
            assert!(finds(found, &payload), "{found}");
        }
        for missing in ["a.b.0=2", "a.c", "c.d", "a.b.7", "e/f=0"] {
            assert!(!finds(missing, &payload), "{missing}");
        }
    }

    #[test]
    fn values_are_compared_as_what_they_are() {
        let payload = json!({"number": 5.0, "text": "5", "empty": ""});
        for found in ["number=5", "number=5.0", "text=5", "text=\"5\"", "empty="] {
            assert!(finds(found, &payload), "{found}");
        }
        assert!(!finds("number=\"5\"", &payload));
        assert!("=5".parse::<Field>().is_err());
    }

    #[test]
    fn an_instance_belongs_to_its_service() {
        assert!(is_of("attic#one", "attic") && is_of("attic#one", "attic#one") && is_of("attic", "attic"));
        assert!(!is_of("attics#one", "attic") && !is_of("attic#one", "attic#two"));
    }

    #[test]
    fn events_concern_a_service_by_name_address_or_sender() {
        for event in [
            json!({"service": "attic"}),
            json!({"address": "attic#one:get"}),
            json!({"from": "attic#one"}),
        ] {
            assert!(concerns(&event, "attic"), "{event}");
        }
        assert!(!concerns(
            &json!({"service": "cellar", "address": "attics:get"}),
            "attic"
        ));
    }
}
