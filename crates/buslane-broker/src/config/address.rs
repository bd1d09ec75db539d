//! Where a broker listens, as the configuration and the command line write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a broker listens: `host:port` or `unix:/path`.
///
/// ```
/// use buslane_broker::ListenAddress;
/// for good in ["127.0.0.1:5959", "[::1]:0", "localhost:80", "unix:/run/buslane.sock"] {
///     assert_eq!(good.parse::<ListenAddress>().unwrap().to_string(), good);
/// }
/// for bad in ["", "5959", "localhost", "localhost:", ":1", "host:70000", "::1:5", "unix:", "a b:1"] {
///     assert!(bad.parse::<ListenAddress>().is_err(), "{bad}");
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// A TCP port of an interface.
    Tcp {
        /// The interface's address, or a name of it; an IPv6 address without its brackets.
        host: String,
        /// The port; 0 for any that is free.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// Why a text is no [`ListenAddress`]. Final: the same text is refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address to listen on is host:port, [ipv6]:port or unix:/path")]
pub struct AddressError;

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.as_os_str().is_empty() {
                Err(AddressError)
            } else {
                Ok(ListenAddress::Unix(path))
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bracketed.unwrap_or(host);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let valid = match bracketed {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.bytes().all(plain),
        };
        match port.parse() {
            Ok(port) if valid => Ok(ListenAddress::Tcp {
                host: host.to_owned(),
                port,
            }),
            _ => Err(AddressError),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddress::Tcp { host, port } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            ListenAddress::Tcp { host, port } => write!(formatter, "{host}:{port}"),
            ListenAddress::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}
