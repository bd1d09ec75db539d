//! Which requests are heard: the rules against web pages that reach for a loopback port.
//!
//! - A request with an `Origin` comes from a page. It is heard if the page is the broker's own or its origin is listed.
//! - What comes in over a loopback address has a loopback `Host`: a page whose own name was made to lead here (DNS
//!   rebinding) still names itself there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use buslane_protocol::{ErrorCode, Problem};
use hyper::Uri;
use hyper::header::{HOST, HeaderMap, HeaderName, ORIGIN};

use crate::driver::Local;

/// The rules of one broker.
pub(crate) struct Guard {
    origins: Vec<String>,
}

impl Guard {
    /// Makes the rules with the origins that are listed.
    pub(crate) fn new(origins: Vec<String>) -> Self {
        Guard { origins }
    }

    /// Checks a request that came to an address, or says which rule it breaks.
    pub(crate) fn check(&self, local: Local, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let host = single(headers, HOST)?;
        let named = [host, uri.authority().map(|authority| authority.as_str())];
        if local == Local::Loopback {
            let foreign = named.iter().flatten().any(|authority| !is_loopback(authority));
            if foreign || host.is_none() {
                let detail = "on a loopback address Host must be localhost or a loopback address";
                return Err(Problem::new(ErrorCode::ForbiddenOrigin).detail(detail));
            }
        }
        match single(headers, ORIGIN)? {
            Some(origin) if !self.allows(origin, host) => {
                let detail = "pages of this origin are not listed under http.origins";
                Err(Problem::new(ErrorCode::ForbiddenOrigin).detail(detail))
            }
            _ => Ok(()),
        }
    }

    fn allows(&self, origin: &str, host: Option<&str>) -> bool {
        let listed = self
            .origins
            .iter()
            .any(|listed| listed.eq_ignore_ascii_case(origin));
        let authority = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        let own = authority
            .zip(host)
            .is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host));
        listed || own
    }
}

/// Reads a header that must not come twice.
fn single(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, Problem> {
    let wrong =
        || Problem::new(ErrorCode::ForbiddenOrigin).detail(format_args!("the header {name} is not usable"));
    let mut values = headers.get_all(&name).iter();
    let (value, more) = (values.next(), values.next());
    match (value, more) {
        (_, Some(_)) => Err(wrong()),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| wrong()),
        (None, None) => Ok(None),
    }
}

/// Tells whether an authority, with or without a port, names this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(host, _)| host),
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    let address = if authority.starts_with('[') {
        host.parse::<Ipv6Addr>().map(IpAddr::from)
    } else {
        host.parse::<Ipv4Addr>().map(IpAddr::from)
    };
    address.map_or_else(
        |_| host.eq_ignore_ascii_case("localhost"),
        |address| address.is_loopback(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(local: Local, host: Option<&str>, origin: Option<&str>) -> bool {
        let guard = Guard::new(vec!["https://app.example.org".to_owned()]);
        let mut headers = HeaderMap::new();
        host.map(|host| headers.insert(HOST, host.parse().unwrap()));
        origin.map(|origin| headers.insert(ORIGIN, origin.parse().unwrap()));
        guard.check(local, &Uri::from_static("/"), &headers).is_ok()
    }

    #[test]
    fn on_loopback_the_host_is_a_loopback_name_or_address() {
        for host in [
            "localhost",
            "LOCALHOST:5959",
            "127.0.0.1:5959",
            "127.9.9.9",
            "[::1]",
            "[::1]:80",
        ] {
            assert!(check(Local::Loopback, Some(host), None), "{host}");
        }
        let foreign = [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "10.0.0.1",
            "[::2]",
            "::1",
            "",
        ];
        for host in foreign {
            assert!(!check(Local::Loopback, Some(host), None), "{host}");
            assert!(check(Local::Network, Some(host), None), "{host}");
            assert!(check(Local::Unix, Some(host), None), "{host}");
        }
        assert!(!check(Local::Loopback, None, None));
    }

    #[test]
    fn pages_are_heard_if_they_are_the_brokers_own_or_listed() {
        let host = Some("localhost:5959");
        for origin in [
            "http://localhost:5959",
            "https://app.example.org",
            "HTTPS://APP.EXAMPLE.ORG",
        ] {
            assert!(check(Local::Loopback, host, Some(origin)), "{origin}");
        }
        for origin in [
            "null",
            "http://localhost",
            "http://localhost:80",
            "http://app.example.org",
            "https://evil.example",
        ] {
            assert!(!check(Local::Loopback, host, Some(origin)), "{origin}");
            assert!(!check(Local::Unix, host, Some(origin)), "{origin}");
        }
    }

    #[test]
    fn headers_that_come_twice_are_refused() {
        let guard = Guard::new(Vec::new());
        for name in [HOST, ORIGIN] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, "localhost".parse().unwrap());
            headers.append(&name, "localhost".parse().unwrap());
            headers.append(&name, "evil.example".parse().unwrap());
            assert!(
                guard
                    .check(Local::Loopback, &Uri::from_static("/"), &headers)
                    .is_err()
            );
        }
    }

    #[test]
    fn a_host_in_the_request_line_counts_too() {
        let guard = Guard::new(Vec::new());
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "localhost".parse().unwrap());
        let evil = Uri::from_static("http://evil.example/ws");
        assert!(guard.check(Local::Loopback, &evil, &headers).is_err());
    }
}
