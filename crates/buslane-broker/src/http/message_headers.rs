//! A message's headers as headers of HTTP, both ways.
//!
//! ```text
//!  Buslane-Header-NAME: value         the header NAME
//!  traceparent, tracestate            the headers of the same name (W3C Trace Context)
//!  Buslane-Reply-To, -Sent-At, ...    the members of the envelope that travel among its headers
//!  Content-Type                       the media type of the payload, which `body.rs` reads
//! ```

use buslane_protocol::{ErrorCode, HeaderMember, Headers, HeadersBuf, HeadersError, Problem};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::exchange::{ID, NAME, text};
use super::problem::{invalid, shown};
use crate::config::nearest;

/// Reads the headers of a message out of those of a request.
pub(super) fn read(headers: &HeaderMap) -> Result<HeadersBuf, Problem> {
    let mut block = HeadersBuf::new();
    for name in headers.keys() {
        if TRACE.contains(&name.as_str()) {
            let lines: Result<Vec<_>, _> = headers
                .get_all(name)
                .iter()
                .map(|value| text(name.as_str(), value))
                .collect();
            push(&mut block, name.as_str(), &lines?.join(","))?;
        } else if let Some(own) = name.as_str().strip_prefix(OWN) {
            read_own(&mut block, own, headers, name)?;
        }
    }
    Ok(block)
}

/// Writes the headers of a message as those of an answer. Its content type is the answer's.
pub(super) fn write(block: &Headers<'_>, headers: &mut HeaderMap) {
    for (name, value) in block {
        let written = match HeaderMember::find(name) {
            Some(member) if member.header == Headers::CONTENT_TYPE => continue,
            Some(member) => format!("{OWN}{}", &member.header[1..]),
            None if TRACE.contains(&name) => name.to_owned(),
            None => format!("{OWN}{HEADER}{name}"),
        };
        // Names under `:` that nobody knows are no names in HTTP.
        let written = HeaderName::try_from(written);
        if let (Ok(name), Ok(value)) = (written, HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
}

/// Makes the problem of headers that a message cannot have.
pub(super) fn problem(error: &HeadersError) -> Problem {
    Problem::new(error.code()).detail(error)
}

fn read_own(
    block: &mut HeadersBuf,
    own: &str,
    headers: &HeaderMap,
    name: &HeaderName,
) -> Result<(), Problem> {
    if [NAME, ID].contains(&name.as_str()) {
        return Ok(());
    }
    let key = match own.strip_prefix(HEADER) {
        Some(header) => header.to_owned(),
        None => format!(":{own}"),
    };
    let is_member = HeaderMember::find(&key).is_some() && key != Headers::CONTENT_TYPE;
    if key.starts_with(':') && !is_member {
        return Err(unknown(name.as_str()));
    }
    for value in headers.get_all(name) {
        push(block, &key, text(name.as_str(), value)?)?;
    }
    Ok(())
}

fn push(block: &mut HeadersBuf, name: &str, value: &str) -> Result<(), Problem> {
    block.push(name, value).map_err(|error| problem(&error))?;
    block
        .headers()
        .check_from_client()
        .map_err(|error| Problem::new(ErrorCode::InvalidMessage).detail(error))
}

fn unknown(name: &str) -> Problem {
    let members = Headers::MEMBERS.iter().filter(|member| !member.broker_only);
    let members = members
        .map(|member| format!("{OWN}{}", &member.header[1..]))
        .filter(|name| name != "buslane-content-type");
    let known = members.chain([NAME, ID, "buslane-header-NAME"].map(str::to_owned));
    let hint = nearest(name, known).unwrap_or_else(|| "buslane-header-NAME".to_owned());
    let name = shown(name);
    invalid(format_args!("the header {name} is unknown; did you mean {hint}?"))
}

/// Headers of tracing, which keep their names.
const TRACE: [&str; 2] = ["traceparent", "tracestate"];
/// What the names of the broker's own headers begin with.
const OWN: &str = "buslane-";
/// What stands before the name of a message's header.
const HEADER: &str = "header-";

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    fn refused(lines: &[(&'static str, &[u8])]) -> String {
        let problem = read(&headers(lines)).unwrap_err();
        format!("{} {}", problem.code, problem.detail.unwrap_or_default())
    }

    #[test]
    fn headers_of_messages_go_both_ways() {
        let lines: [(&str, &[u8]); 6] = [
            ("buslane-header-colour", "gr\u{fc}n".as_bytes()),
            ("buslane-reply-to", b"a/b"),
            ("buslane-sent-at", b"12"),
            ("traceparent", b"00-1-2-01"),
            ("tracestate", b"a=1"),
            ("tracestate", b"b=2"),
        ];
        let block = read(&headers(&lines)).unwrap().finish();
        assert_eq!(block.find("colour"), Some("gr\u{fc}n"));
        assert_eq!((block.reply_to(), block.sent_at()), (Some("a/b"), Some(12)));
        assert_eq!(block.find("tracestate"), Some("a=1,b=2"));
        let mut written = HeaderMap::new();
        write(&block, &mut written);
        assert_eq!(read(&written).unwrap().finish(), block);
    }

    #[test]
    fn other_headers_are_no_headers_of_the_message() {
        let lines: [(&str, &[u8]); 3] = [("user-agent", b"x"), ("buslane-name", b"y"), ("buslane-id", b"z")];
        assert!(read(&headers(&lines)).unwrap().headers().is_empty());
    }

    #[test]
    fn what_a_message_cannot_have_is_refused() {
        for (name, value, told) in [
            ("buslane-heder-x", &b"1"[..], "did you mean buslane-header-NAME?"),
            ("buslane-replyto", b"1", "did you mean buslane-reply-to?"),
            ("buslane-content-type", b"1", "unknown"),
            ("buslane-header-x", b"\xff", "not UTF-8"),
            ("buslane-sent-at", b"soon", "whole number"),
            ("buslane-shared", b"workers", "set by the broker only"),
            ("buslane-header-a!", b"1", "a header name has"),
        ] {
            let refused = refused(&[(name, value)]);
            assert!(
                refused.starts_with("invalid_message ") && refused.contains(told),
                "{refused}"
            );
        }
        let twice = refused(&[("buslane-header-x", b"1"), ("buslane-header-x", b"2")]);
        assert!(twice.contains("occurs twice"), "{twice}");
    }
}
