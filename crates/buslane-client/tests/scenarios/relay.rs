//! The link between one client and the broker: a relay that can be cut, frozen and made to refuse, so that no client
//! needs a door for that.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;

/// Where something listens.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    Tcp(std::net::SocketAddr),
    Unix(PathBuf),
}

/// What a link does with bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Forwards them, and takes connections.
    Open,
    /// Keeps them where they are.
    Frozen,
    /// Ends every connection, and refuses new ones.
    Cut,
    /// Ends the client's side of every connection and keeps the broker's; refuses new ones.
    HalfCut,
}

/// A link. Dropping it cuts it.
pub(crate) struct Link {
    /// Where the client dials.
    pub(crate) endpoint: Endpoint,
    mode: watch::Sender<Mode>,
}

/// Where the broker listens now; it moves when the broker is started again.
pub(crate) type BrokerPlace = Arc<Mutex<Option<Endpoint>>>;

/// A stream of either kind.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}
type BoxedStream = Box<dyn Stream>;

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Link {
    /// Makes a link that listens where `like` says: on a free port, or on a socket of that path.
    pub(crate) async fn new(like: Endpoint, broker: BrokerPlace) -> io::Result<Link> {
        let (listener, endpoint) = match like {
            Endpoint::Tcp(address) => {
                let listener = TcpListener::bind((address.ip(), 0)).await?;
                let endpoint = Endpoint::Tcp(listener.local_addr()?);
                (Listener::Tcp(listener), endpoint)
            }
            Endpoint::Unix(path) => (Listener::Unix(UnixListener::bind(&path)?), Endpoint::Unix(path)),
        };
        let (mode, watched) = watch::channel(Mode::Open);
        tokio::spawn(accept(listener, broker, watched));
        Ok(Link { endpoint, mode })
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

/// Takes connections for as long as the link is there.
async fn accept(listener: Listener, broker: BrokerPlace, mut mode: watch::Receiver<Mode>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            gone = mode.wait_for(|_| false) => break drop(gone),
        };
        let Ok(client) = accepted else { break };
        let place = broker.lock().expect("no holder of the lock panics").clone();
        let takes = matches!(*mode.borrow(), Mode::Open | Mode::Frozen);
        if let (true, Some(place)) = (takes, place) {
            tokio::spawn(connect(client, place, mode.clone()));
        }
    }
}

impl Listener {
    async fn accept(&self) -> io::Result<BoxedStream> {
        Ok(match self {
            Listener::Tcp(listener) => Box::new(listener.accept().await?.0),
            Listener::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

/// Joins a client to the broker until one of them ends or the link is cut.
async fn connect(client: BoxedStream, broker: Endpoint, mut mode: watch::Receiver<Mode>) {
    let broker: io::Result<BoxedStream> = match broker {
        Endpoint::Tcp(address) => TcpStream::connect(address)
            .await
            .map(|stream| Box::new(stream) as BoxedStream),
        Endpoint::Unix(path) => UnixStream::connect(path)
            .await
            .map(|stream| Box::new(stream) as BoxedStream),
    };
    let Ok(mut broker) = broker else { return };
    if relay(client, &mut broker, mode.clone()).await == Some(Mode::HalfCut) {
        // The client's side is gone by now. The broker's is kept until the broker ends it or the link is dropped.
        let mut rest = Vec::new();
        tokio::select! {
            _ended = broker.read_to_end(&mut rest) => {}
            _gone = mode.wait_for(|_| false) => {}
        }
    }
}

/// Forwards both ways. Returns how the link was cut, `None` if one of the two ended.
async fn relay(
    client: BoxedStream,
    broker: &mut BoxedStream,
    mut mode: watch::Receiver<Mode>,
) -> Option<Mode> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_broker, mut to_broker) = tokio::io::split(broker);
    let (inward, outward) = (mode.clone(), mode.clone());
    let forwarded = async {
        tokio::try_join!(
            forward(&mut from_client, &mut to_broker, inward),
            forward(&mut from_broker, &mut to_client, outward)
        )
    };
    tokio::select! {
        _ended = forwarded => None,
        cut = mode.wait_for(|mode| matches!(mode, Mode::Cut | Mode::HalfCut)) => {
            Some(cut.map_or(Mode::Cut, |mode| *mode))
        }
    }
}

/// Forwards one way until the end, which it passes on.
async fn forward(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        thawed(&mut mode).await?;
        let length = from.read(&mut buffer).await?;
        thawed(&mut mode).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..length]).await?;
    }
}

async fn thawed(mode: &mut watch::Receiver<Mode>) -> io::Result<()> {
    mode.wait_for(|mode| *mode != Mode::Frozen)
        .await
        .map(drop)
        .map_err(io::Error::other)
}
