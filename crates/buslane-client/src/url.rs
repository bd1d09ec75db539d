//! Where a broker is: the URL that a program was given, parsed once. Opens nothing; [`crate::transport`] does.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use buslane_protocol::{DEFAULT_ADDRESS, ErrorCode, URL_VARIABLE};

/// The URL of a broker.
///
/// ```text
/// buslane://HOST[:PORT]         TCP, port 5959 unless it says otherwise
/// buslane+unix:///PATH          a Unix socket; special characters percent-encoded
/// ws://HOST[:PORT][/PATH]       WebSocket, port 80 and path /ws unless it says otherwise
/// ```
///
/// ```
/// use buslane_client::Url;
/// assert_eq!(Url::parse("buslane://bus.local")?.to_string(), "buslane://bus.local:5959");
/// assert_eq!(Url::parse("ws://[::1]:5959")?.to_string(), "ws://[::1]:5959/ws");
/// assert_eq!(Url::default().to_string(), "buslane://127.0.0.1:5959");
/// for bad in ["127.0.0.1:5959", "http://bus", "wss://bus", "buslane://", "buslane://bus:0", "buslane+unix://bus"] {
///     assert!(Url::parse(bad).is_err(), "{bad}");
/// }
/// # Ok::<(), buslane_client::UrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url(Place);

/// What a [`Url`] says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// A host and port for raw TCP.
    Tcp(Authority),
    /// The path of a Unix socket.
    Unix(PathBuf),
    /// A host, port and path for WebSocket. The path begins with `/`.
    WebSocket(Authority, String),
}

/// A host, without the brackets of an IPv6 address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Authority {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Why a text is no [`Url`]. Final: the same text is refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// There is no `scheme://`.
    #[error("{text:?} has no scheme; write {}", with_scheme(text))]
    NoScheme {
        /// The text.
        text: String,
    },
    /// The scheme is not one of the documented ones.
    #[error("the scheme {scheme:?} is unknown; buslane://, buslane+unix:// and ws:// are offered")]
    UnknownScheme {
        /// The scheme found.
        scheme: String,
    },
    /// The scheme asks for TLS.
    #[error(
        "{scheme}:// asks for TLS, which this version does not offer; use {instead}:// inside a trusted network"
    )]
    Tls {
        /// `wss` or `buslanes`.
        scheme: &'static str,
        /// The scheme without TLS.
        instead: &'static str,
    },
    /// There is no host.
    #[error("the URL names no host")]
    NoHost,
    /// The host is not a name, an IPv4 address or an IPv6 address in brackets.
    #[error("{host:?} is no host; an IPv6 address stands in brackets")]
    Host {
        /// The host found.
        host: String,
    },
    /// The port is not a number from 1 to 65535.
    #[error("{port:?} is no port; a port is a number from 1 to 65535")]
    Port {
        /// The port found.
        port: String,
    },
    /// The URL has a user or password in it.
    #[error("credentials do not belong into the URL; hand the token to the client's builder")]
    Credentials,
    /// A path, query or fragment stands where none may.
    #[error("{rest:?} may not stand in a URL of this scheme")]
    Rest {
        /// What stands there.
        rest: String,
    },
    /// The path of a Unix socket is not absolute, or its percent-encoding is broken.
    #[error("{path:?} is no absolute path; write buslane+unix:///run/buslane.sock")]
    UnixPath {
        /// The path found.
        path: String,
    },
    /// This platform has no Unix sockets.
    #[error("this platform has no Unix sockets; use buslane://HOST:PORT")]
    NoUnixSockets,
    /// The environment variable is set but is not Unicode.
    #[error("the environment variable {URL_VARIABLE} is not Unicode")]
    NotUnicode,
}

impl UrlError {
    /// Returns the code of the table: `not_supported` for what this version or platform lacks, else
    /// `invalid_address`.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            UrlError::Tls { .. } | UrlError::NoUnixSockets => ErrorCode::NotSupported,
            _ => ErrorCode::InvalidAddress,
        }
    }
}

impl Url {
    /// Parses a URL.
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(UrlError::NoScheme {
                text: text.to_owned(),
            });
        };
        match scheme.to_ascii_lowercase().as_str() {
            "buslane" => tcp(rest),
            "buslane+unix" => unix(rest),
            "ws" => web_socket(rest),
            "buslanes" => Err(UrlError::Tls {
                scheme: "buslanes",
                instead: "buslane",
            }),
            "wss" => Err(UrlError::Tls {
                scheme: "wss",
                instead: "ws",
            }),
            _ => Err(UrlError::UnknownScheme {
                scheme: scheme.to_owned(),
            }),
        }
    }

    /// Returns the URL in the environment variable `BUSLANE_URL`, or the default if it is not set or empty.
    pub fn from_environment() -> Result<Url, UrlError> {
        match std::env::var(URL_VARIABLE) {
            Ok(text) if !text.is_empty() => Url::parse(&text),
            Ok(_) | Err(std::env::VarError::NotPresent) => Ok(Url::default()),
            Err(std::env::VarError::NotUnicode(_)) => Err(UrlError::NotUnicode),
        }
    }

    /// Makes the URL of a Unix socket.
    pub fn unix(path: impl Into<PathBuf>) -> Url {
        Url(Place::Unix(path.into()))
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0
    }
}

impl Default for Url {
    fn default() -> Url {
        let (host, port) = DEFAULT_ADDRESS
            .split_once(':')
            .expect("the default address is HOST:PORT");
        let port = port.parse().expect("the default port is a number");
        Url(Place::Tcp(Authority {
            host: host.to_owned(),
            port,
        }))
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Url, UrlError> {
        Url::parse(text)
    }
}

impl TryFrom<&str> for Url {
    type Error = UrlError;

    fn try_from(text: &str) -> Result<Url, UrlError> {
        Url::parse(text)
    }
}

impl TryFrom<String> for Url {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Url, UrlError> {
        Url::parse(&text)
    }
}

impl TryFrom<&String> for Url {
    type Error = UrlError;

    fn try_from(text: &String) -> Result<Url, UrlError> {
        Url::parse(text)
    }
}

impl From<&Url> for Url {
    fn from(url: &Url) -> Url {
        url.clone()
    }
}

impl From<std::convert::Infallible> for UrlError {
    fn from(never: std::convert::Infallible) -> UrlError {
        match never {}
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Tcp(authority) => write!(formatter, "buslane://{authority}"),
            Place::Unix(path) => write!(formatter, "buslane+unix://{}", percent_encode(path)),
            Place::WebSocket(authority, path) => write!(formatter, "ws://{authority}{path}"),
        }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

/// Returns what somebody meant who left the scheme out.
fn with_scheme(text: &str) -> String {
    let path = text.strip_prefix("unix:").unwrap_or(text);
    let scheme = if path.starts_with('/') {
        "buslane+unix"
    } else {
        "buslane"
    };
    format!("{scheme}://{path}")
}

fn tcp(rest: &str) -> Result<Url, UrlError> {
    let (authority, rest) = split_authority(rest);
    if !rest.is_empty() && rest != "/" {
        return Err(UrlError::Rest {
            rest: rest.to_owned(),
        });
    }
    Ok(Url(Place::Tcp(parse_authority(authority, DEFAULT_PORT)?)))
}

fn web_socket(rest: &str) -> Result<Url, UrlError> {
    let (authority, path) = split_authority(rest);
    if path.contains('#') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(UrlError::Rest {
            rest: path.to_owned(),
        });
    }
    let path = match path {
        "" | "/" => WEB_SOCKET_PATH.to_owned(),
        query if query.starts_with('?') => format!("{WEB_SOCKET_PATH}{query}"),
        path => path.to_owned(),
    };
    Ok(Url(Place::WebSocket(
        parse_authority(authority, WEB_SOCKET_PORT)?,
        path,
    )))
}

fn unix(path: &str) -> Result<Url, UrlError> {
    if cfg!(not(unix)) {
        return Err(UrlError::NoUnixSockets);
    }
    match percent_decode(path) {
        Some(decoded) if decoded.starts_with('/') => Ok(Url::unix(decoded)),
        _ => Err(UrlError::UnixPath {
            path: path.to_owned(),
        }),
    }
}

fn split_authority(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

fn parse_authority(text: &str, default_port: u16) -> Result<Authority, UrlError> {
    if text.contains('@') {
        return Err(UrlError::Credentials);
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let Some((host, port)) = bracketed.split_once(']') else {
                return Err(UrlError::Host {
                    host: text.to_owned(),
                });
            };
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(UrlError::Host {
                    host: host.to_owned(),
                });
            }
            (host, port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    if !host.bytes().all(named) || port.matches(':').count() > 1 {
        return Err(UrlError::Host {
            host: text.to_owned(),
        });
    }
    Ok(Authority {
        host: host.to_owned(),
        port: parse_port(port, default_port)?,
    })
}

/// Reads `:PORT`, or nothing.
fn parse_port(text: &str, default: u16) -> Result<u16, UrlError> {
    if text.is_empty() {
        return Ok(default);
    }
    let refused = || UrlError::Port {
        port: text.trim_start_matches(':').to_owned(),
    };
    let digits = text.strip_prefix(':').ok_or_else(refused)?;
    let port = if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    };
    port.filter(|port| *port != 0).ok_or_else(refused)
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                rest = after;
            }
            b'?' | b'#' | 0 => return None,
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok().filter(|path| !path.contains('\0'))
}

fn percent_encode(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.to_string_lossy().bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'%' | b'?' | b'#') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

const DEFAULT_PORT: u16 = 5959;
const WEB_SOCKET_PORT: u16 = 80;
const WEB_SOCKET_PATH: &str = "/ws";

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> UrlError {
        Url::parse(text).unwrap_err()
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        assert_eq!(
            Url::parse("buslane://bus").unwrap().to_string(),
            "buslane://bus:5959"
        );
        assert_eq!(
            Url::parse("BUSLANE://bus:7/").unwrap().to_string(),
            "buslane://bus:7"
        );
        assert_eq!(Url::parse("ws://bus").unwrap().to_string(), "ws://bus:80/ws");
        assert_eq!(Url::parse("ws://bus:81/").unwrap().to_string(), "ws://bus:81/ws");
        assert_eq!(
            Url::parse("ws://bus/behind/proxy?x=1").unwrap().to_string(),
            "ws://bus:80/behind/proxy?x=1"
        );
    }

    #[test]
    fn ipv6_addresses_stand_in_brackets() {
        let url = Url::parse("buslane://[::1]:6000").unwrap();
        assert_eq!(
            url.place(),
            &Place::Tcp(Authority {
                host: "::1".into(),
                port: 6000
            })
        );
        assert_eq!(url.to_string(), "buslane://[::1]:6000");
        assert_eq!(refused("buslane://::1"), UrlError::NoHost);
        assert_eq!(refused("buslane://[::1"), UrlError::Host { host: "[::1".into() });
        assert_eq!(refused("buslane://[bus]"), UrlError::Host { host: "bus".into() });
        assert_eq!(
            refused("buslane://fe80::1"),
            UrlError::Host {
                host: "fe80::1".into()
            }
        );
    }

    #[test]
    #[cfg(unix)]
    fn unix_paths_are_absolute_and_percent_encoded() {
        let url = Url::parse("buslane+unix:///run/bus%20lane.sock").unwrap();
        assert_eq!(url.place(), &Place::Unix("/run/bus lane.sock".into()));
        assert_eq!(url.to_string(), "buslane+unix:///run/bus%20lane.sock");
        for bad in ["run/bus", "", "/bus%2", "/bus%zz", "/bus%00", "/bus?x"] {
            let url = format!("buslane+unix://{bad}");
            assert_eq!(refused(&url), UrlError::UnixPath { path: bad.into() }, "{bad}");
        }
    }

    #[test]
    fn schemes_with_tls_are_named_as_such() {
        assert_eq!(
            refused("wss://bus"),
            UrlError::Tls {
                scheme: "wss",
                instead: "ws"
            }
        );
        assert_eq!(refused("buslanes://bus").error_code(), ErrorCode::NotSupported);
    }

    #[test]
    fn a_missing_or_foreign_scheme_gets_advice() {
        for (text, advice) in [
            ("127.0.0.1:5959", "write buslane://127.0.0.1:5959"),
            ("unix:/run/bus.sock", "write buslane+unix:///run/bus.sock"),
            ("/run/bus.sock", "write buslane+unix:///run/bus.sock"),
        ] {
            let error = refused(text).to_string();
            assert!(error.ends_with(advice), "{error}");
        }
        assert_eq!(
            refused("http://bus"),
            UrlError::UnknownScheme {
                scheme: "http".into()
            }
        );
    }

    #[test]
    fn bad_ports_and_hosts_are_refused() {
        for port in ["0", "65536", "x", "", "+1", "1 "] {
            assert_eq!(
                refused(&format!("buslane://bus:{port}")),
                UrlError::Port { port: port.into() },
                "{port}"
            );
        }
        assert_eq!(refused("buslane://"), UrlError::NoHost);
        assert_eq!(refused("buslane://:5959"), UrlError::NoHost);
        assert_eq!(refused("buslane://a b"), UrlError::Host { host: "a b".into() });
        assert_eq!(refused("buslane://me:secret@bus"), UrlError::Credentials);
    }

    #[test]
    fn a_path_after_a_raw_address_is_refused() {
        assert_eq!(refused("buslane://bus/ws"), UrlError::Rest { rest: "/ws".into() });
        assert_eq!(
            refused("ws://bus/ws#top"),
            UrlError::Rest {
                rest: "/ws#top".into()
            }
        );
    }
}
