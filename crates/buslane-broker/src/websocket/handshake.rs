//! The upgrade of an HTTP request to a WebSocket, and the choice of the subprotocol that names encoding and version.

use buslane_protocol::{ErrorCode, Framing, Problem};
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tungstenite::handshake::derive_accept_key;

/// What the two sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// How messages will stand on the wire.
    pub(crate) framing: Framing,
    /// The subprotocol to name in the answer, if the client named any.
    pub(crate) subprotocol: Option<&'static str>,
    /// The answer to the client's key.
    pub(crate) accept: String,
}

/// Tells whether a request asks for a WebSocket.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    tokens(headers, UPGRADE).any(|token| token.eq_ignore_ascii_case("websocket"))
        && tokens(headers, CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"))
}

/// Agrees on a WebSocket, or says what is wrong with the request.
pub(crate) fn agree(headers: &HeaderMap) -> Result<Handshake, Problem> {
    let wrong = |detail: &str| Problem::new(ErrorCode::InvalidMessage).detail(detail);
    if headers.get(SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes) != Some(VERSION.as_bytes()) {
        return Err(wrong(&format!("Sec-WebSocket-Version must be {VERSION}")));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let key = key
        .filter(|key| key.len() == KEY_LENGTH)
        .ok_or_else(|| wrong("Sec-WebSocket-Key is missing"))?;
    let (framing, subprotocol) = choose(headers)?;
    Ok(Handshake {
        framing,
        subprotocol,
        accept: derive_accept_key(key),
    })
}

/// Takes the first subprotocol that is known; none named means JSON text.
fn choose(headers: &HeaderMap) -> Result<(Framing, Option<&'static str>), Problem> {
    let mut named = tokens(headers, SEC_WEBSOCKET_PROTOCOL).peekable();
    if named.peek().is_none() {
        return Ok((Framing::WebSocketText, None));
    }
    let known = named.find_map(|token| SUBPROTOCOLS.iter().find(|(name, _)| *name == token));
    match known {
        Some((name, framing)) => Ok((*framing, Some(name))),
        None => {
            let names = SUBPROTOCOLS.map(|(name, _)| name).join(" and ");
            let detail = format!("the subprotocols known here are {names}");
            Err(Problem::new(ErrorCode::UnsupportedVersion).detail(detail))
        }
    }
}

/// The parts of a header that is a list.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

/// The version of the protocol, the only one there is.
pub(crate) const VERSION: &str = "13";
/// Sixteen bytes in base64.
const KEY_LENGTH: usize = 24;
const SUBPROTOCOLS: [(&str, Framing); 2] = [
    ("buslane.json.v1", Framing::WebSocketText),
    ("buslane.bin.v1", Framing::WebSocketBinary),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(subprotocol: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, HeaderValue::from_static("WebSocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(
            SEC_WEBSOCKET_KEY,
            HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="),
        );
        if let Some(subprotocol) = subprotocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
        }
        headers
    }

    #[test]
    fn the_key_is_answered_as_in_the_rfc() {
        assert!(is_upgrade(&headers(None)));
        assert_eq!(
            agree(&headers(None)).unwrap().accept,
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn the_first_known_subprotocol_is_chosen() {
        let chosen = |named| agree(&headers(named)).map(|agreed| (agreed.framing, agreed.subprotocol));
        assert_eq!(chosen(None), Ok((Framing::WebSocketText, None)));
        let json = Ok((Framing::WebSocketText, Some("buslane.json.v1")));
        assert_eq!(chosen(Some("buslane.json.v1")), json);
        assert_eq!(chosen(Some("other, buslane.json.v1, buslane.bin.v1")), json);
        let binary = Ok((Framing::WebSocketBinary, Some("buslane.bin.v1")));
        assert_eq!(chosen(Some("buslane.bin.v1,buslane.json.v1")), binary);
        let problem = chosen(Some("chat, buslane.json.v2")).unwrap_err();
        assert_eq!(problem.error_code(), Some(ErrorCode::UnsupportedVersion));
    }

    #[test]
    fn incomplete_requests_are_refused() {
        for missing in [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION] {
            let mut headers = headers(None);
            headers.remove(missing);
            assert!(agree(&headers).is_err());
        }
        let mut headers = headers(None);
        headers.remove(CONNECTION);
        assert!(!is_upgrade(&headers));
    }
}
