//! What can go wrong before a broker runs: binding its addresses under the rules that hold for them.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;

use crate::config::ListenAddress;

/// Why a broker does not start. Nothing was changed; each is worth another try once its cause is gone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Somebody listens there already.
    #[error("{address} is in use")]
    InUse {
        /// The address.
        address: ListenAddress,
    },
    /// The system does not let this user listen there.
    #[error("{address} is not allowed to this user")]
    NotAllowed {
        /// The address.
        address: ListenAddress,
    },
    /// Other machines could reach the address, and nothing asks them who they are.
    #[error("{address} can be reached by other machines, and there is no authentication yet")]
    NotLoopback {
        /// The address.
        address: ListenAddress,
    },
    /// The address's host has no address.
    #[error("{address} cannot be resolved: {source}")]
    Unresolved {
        /// The address.
        address: ListenAddress,
        /// What the system says.
        source: io::Error,
    },
    /// Something that is no socket is where the socket is to be.
    #[error("{} exists and is no socket", path.display())]
    NotASocket {
        /// Where.
        path: PathBuf,
    },
    /// This system has no Unix sockets.
    #[error("{address}: this system has no Unix sockets")]
    NoUnixSockets {
        /// The address.
        address: ListenAddress,
    },
    /// The system refuses the address for another reason.
    #[error("{address} cannot be listened on: {source}")]
    Bind {
        /// The address.
        address: ListenAddress,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// The system gives no thread.
    #[error("no thread can be started: {0}")]
    Thread(io::Error),
}

impl StartError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            StartError::InUse { .. } => {
                "another broker may be running; stop it, or choose another address with --listen"
            }
            StartError::NotAllowed {
                address: ListenAddress::Unix(_),
            } => "choose a path in a folder that this user may write to",
            StartError::NotAllowed { .. } => {
                "ports below 1024 are for the administrator; choose another with --listen"
            }
            StartError::NotLoopback { .. } => {
                "listen on 127.0.0.1 or a Unix socket, or say --insecure if everybody who can reach it may use the bus"
            }
            StartError::Unresolved { .. } => "name an address of this machine, such as 127.0.0.1",
            StartError::NotASocket { .. } => "choose another path, or remove what is there",
            _ => return None,
        })
    }
}

/// Binds a TCP address.
pub(crate) fn bind_tcp(
    address: &ListenAddress,
    (host, port): (&str, u16),
    insecure: bool,
) -> Result<TcpListener, StartError> {
    let unresolved = |source| StartError::Unresolved {
        address: address.clone(),
        source,
    };
    let resolved: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(unresolved)?.collect();
    if !insecure
        && !resolved
            .iter()
            .all(|resolved| resolved.ip().to_canonical().is_loopback())
    {
        return Err(StartError::NotLoopback {
            address: address.clone(),
        });
    }
    let mut last = unresolved(io::ErrorKind::NotFound.into());
    for resolved in resolved {
        match listen(resolved) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = bind_error(address, error),
        }
    }
    Err(last)
}

/// Makes the error of an address that cannot be bound.
pub(crate) fn bind_error(address: &ListenAddress, source: io::Error) -> StartError {
    let address = address.clone();
    match source.kind() {
        io::ErrorKind::AddrInUse => StartError::InUse { address },
        io::ErrorKind::PermissionDenied => StartError::NotAllowed { address },
        _ => StartError::Bind { address, source },
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    // On Windows this would let somebody else take the port over.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Connections that the system keeps until they are accepted.
pub(crate) const BACKLOG: i32 = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_allowed_is_told_as_what_it_is() {
        let hint = |address: &str| {
            let denied = io::ErrorKind::PermissionDenied.into();
            bind_error(&address.parse().unwrap(), denied).hint().unwrap()
        };
        assert!(hint("127.0.0.1:80").contains("ports below 1024"));
        assert!(hint("unix:/run/bus.sock").contains("folder"));
    }
}
