//! Media types (RFC 9110, section 8.3): those that are spoken here, and how one is read. Knows no header.

/// JSON.
pub(super) const JSON: &str = "application/json";
/// Text.
pub(super) const PLAIN: &str = "text/plain; charset=utf-8";
/// Anything.
pub(super) const BYTES: &str = "application/octet-stream";
/// What `curl -d` says, whatever it sends.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
/// Problem details (RFC 9457).
pub(super) const PROBLEM: &str = "application/problem+json";
/// JSON, one object a line.
pub(super) const LINES: &str = "application/x-ndjson";
/// JavaScript (RFC 9239).
pub(super) const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// Server-sent events (WHATWG HTML, section 9.2).
pub(super) const EVENTS: &str = "text/event-stream";
/// An event in structured mode (CloudEvents JSON format 1.0).
pub(super) const CLOUD_EVENT: &str = "application/cloudevents+json";

/// Returns the type and subtype of a media type, in lower case and without parameters.
pub(super) fn essence(media_type: &str) -> String {
    let (essence, _) = media_type.split_once(';').unwrap_or((media_type, ""));
    essence.trim().to_ascii_lowercase()
}

/// Tells whether a text has the form of a media type, whatever its parameters.
pub(super) fn is_media_type(text: &str) -> bool {
    let (essence, _) = text.split_once(';').unwrap_or((text, ""));
    let (kind, subtype) = essence.trim_end().split_once('/').unwrap_or_default();
    is_token(kind) && is_token(subtype)
}

/// Tells whether a text is a token (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_essence_has_no_parameters_and_no_capitals() {
        assert_eq!(essence("Text/HTML ; charset=utf-8; a=b"), "text/html");
        assert_eq!(essence(JSON), JSON);
    }

    #[test]
    fn other_texts_are_no_media_types() {
        for good in ["a/b", "image/svg+xml", "text/plain ; charset=\"a b\""] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in [
            "",
            "json",
            "a/",
            "/b",
            "a/b/c",
            "a b/c",
            " a/b",
            "text / html",
            "\u{e4}/b",
        ] {
            assert!(!is_media_type(bad), "{bad}");
        }
    }
}
