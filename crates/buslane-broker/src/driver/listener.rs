//! Takes in connections, and keeps doing so when the system runs out of something.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::task::spawn_local;

use super::conversation::Conversation;
use super::hub::{Hub, increment};
use super::socket::{Admission, Socket};

/// A listening socket.
pub(crate) enum Listener {
    /// Of a TCP port.
    Tcp(TcpListener),
    /// Of a Unix socket.
    #[cfg(unix)]
    Unix(UnixListener),
}

/// An accepted connection that has not been admitted yet.
enum Accepted {
    Tcp(tokio::net::TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

/// Takes in connections until it is dropped.
pub(crate) async fn serve(hub: Rc<Hub>, listener: Listener) {
    loop {
        match listener.accept().await {
            Ok(accepted) => welcome(&hub, accepted),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                increment(&hub.statistics.accept_failures, 1);
                hub.journal.borrow_mut().cannot_accept(hub.clock.now(), &error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Listener {
    async fn accept(&self) -> io::Result<Accepted> {
        Ok(match self {
            Listener::Tcp(listener) => Accepted::Tcp(listener.accept().await?.0),
            #[cfg(unix)]
            Listener::Unix(listener) => Accepted::Unix(listener.accept().await?.0),
        })
    }
}

impl Accepted {
    fn into_socket(self, admission: Admission) -> io::Result<Socket> {
        match self {
            Accepted::Tcp(stream) => Socket::tcp(stream, admission),
            #[cfg(unix)]
            Accepted::Unix(stream) => Ok(Socket::unix(stream, admission)),
        }
    }
}

/// Starts the conversation with a connection, if there is room for one more.
fn welcome(hub: &Rc<Hub>, accepted: Accepted) {
    let Some(admission) = hub.admit() else {
        hub.journal
            .borrow_mut()
            .turned_away(hub.clock.now(), "too_many_connections");
        return;
    };
    // A socket that cannot even be set up is gone already.
    if let Ok(socket) = accepted.into_socket(admission) {
        spawn_local(Conversation::begin(hub, socket));
    }
}

/// Tells errors of the connection that would have been next from errors of the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

/// How long nothing is accepted after the system ran out of something.
const PAUSE: Duration = Duration::from_millis(100);
