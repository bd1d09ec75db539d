//! Everything that a program may say about its client before it connects.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use buslane_protocol::{Encoding, ErrorCode, Instant, Name, Problem};
use buslane_session::{Backoff, Config, Session};
use tokio::runtime::Handle;

use crate::driver::Driver;
use crate::driving::Driving;
use crate::error::own_problem;
use crate::shared::{Settings, Shared};
use crate::transport::Transport;
use crate::{Client, ConnectError, ConnectionState, Url, UrlError, own_thread};

/// Builds a [`Client`].
///
/// ```no_run
/// # async fn join() -> Result<(), buslane_client::ConnectError> {
/// use std::time::Duration;
/// let bus = buslane_client::Client::builder()
///     .url("buslane+unix:///run/buslane.sock")
///     .name("monitor")
///     .connect_timeout(Duration::from_secs(1))
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `connect` is awaited"]
pub struct ClientBuilder {
    url: Option<Result<Url, UrlError>>,
    name: Option<String>,
    encoding: Encoding,
    lazy: bool,
    own_thread: bool,
    connect_timeout: Duration,
    settings: Settings,
    config: Config,
}

impl ClientBuilder {
    pub(crate) fn new() -> ClientBuilder {
        ClientBuilder {
            url: None,
            name: None,
            encoding: Encoding::Binary,
            lazy: false,
            own_thread: false,
            connect_timeout: CONNECT_TIMEOUT,
            settings: Settings {
                queue_bytes: QUEUE_BYTES,
                request_timeout: None,
            },
            config: Config::default(),
        }
    }

    /// Says where the broker is. Default: what the environment variable `BUSLANE_URL` says, else
    /// `buslane://127.0.0.1:5959`.
    pub fn url(mut self, url: impl TryInto<Url, Error: Into<UrlError>>) -> Self {
        self.url = Some(url.try_into().map_err(Into::into));
        self
    }

    /// Names the client; others see the name as the sender's while nothing is registered. Default: the broker's choice.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Proves to the broker who the client is. Default: nothing.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.config.token = Some(token.into());
        self
    }

    /// Lets [`ClientBuilder::connect`] return at once, whether there is a broker or not: the program works alone, and
    /// joins the bus when there is one. Registrations and subscriptions are remembered, requests wait until their
    /// deadline, publishes queue up to [`ClientBuilder::offline_bytes`].
    pub fn lazy(mut self) -> Self {
        self.lazy = true;
        self
    }

    /// Sets how long [`ClientBuilder::connect`] waits for the broker. Default: 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the deadline of requests that name none. Default: the broker's, which is 5 s by default.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = Some(timeout);
        self
    }

    /// Sets the encoding of what travels. Default: binary frames; JSON text is for those who want to read along.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Sets how many bytes a subscription may hold before its overflow rule applies. Default: 4 MiB.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.settings.queue_bytes = bytes;
        self
    }

    /// Sets how many bytes of requests and publishes may wait for a connection. Past it they fail with `queue_full`.
    /// Default: 1 MiB.
    pub fn offline_bytes(mut self, bytes: usize) -> Self {
        self.config.offline_bytes = bytes;
        self
    }

    /// Sets the silence of the broker after which the client asks for a sign of life, and the one after which it gives
    /// the connection up. Default: 15 s and 45 s. Zero for never.
    pub fn heartbeat(mut self, ping_after: Duration, gone_after: Duration) -> Self {
        self.config.ping_after = ping_after;
        self.config.gone_after = gone_after;
        self
    }

    /// Sets the first and the longest wait between attempts to connect; each wait is twice the one before, less up to a
    /// half by chance. Default: 100 ms and 30 s.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.config.backoff = Backoff {
            base: first,
            cap: longest,
            ..self.config.backoff
        };
        self
    }

    /// Lets the connection live on a thread of its own instead of the runtime that [`ClientBuilder::connect`] is
    /// awaited on; all such clients of a process share that thread. Handlers stay on the runtime.
    ///
    /// What it buys: nothing that the program's tasks do holds the connection up, not for a moment. What it costs: each
    /// message is handed from thread to thread, so that a lone request takes about a seventh longer.
    pub fn own_thread(mut self) -> Self {
        self.own_thread = true;
        self
    }

    /// Connects, on the tokio runtime that the future runs on: the client's own task lives there. The runtime needs
    /// its IO and time drivers.
    ///
    /// Fails with [`ConnectError::Unreachable`] if no broker answers within [`ClientBuilder::connect_timeout`]; within
    /// that time it tries again and again. Fails at once if the broker refuses the client.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let (lazy, timeout) = (self.lazy, self.connect_timeout);
        let client = self.start(Handle::current())?;
        if !lazy {
            connected(&client, timeout).await?;
        }
        Ok(client)
    }

    /// Connects without a runtime: the connection lives on a thread of its own, as with [`ClientBuilder::own_thread`],
    /// and so do handlers, which must not block there. [`blocking`](crate::blocking) waits for what such a client does.
    ///
    /// Waits and fails as [`ClientBuilder::connect`] does.
    pub fn connect_blocking(self) -> Result<Client, ConnectError> {
        let runtime = own_runtime()?;
        let connecting = runtime.spawn(self.own_thread().connect());
        let ended = |_| {
            Err(ConnectError::Refused(own_problem(
                ErrorCode::Closed,
                "the process ends",
            )))
        };
        crate::blocking::wait(connecting).unwrap_or_else(ended)
    }

    /// Makes the client and its task, with `handlers` for the program's own.
    fn start(self, handlers: Handle) -> Result<Client, ConnectError> {
        let url = self.url.unwrap_or_else(Url::from_environment)?;
        let name = match self.name.as_deref().map(Name::parse).transpose() {
            Ok(name) => name,
            Err(error) => {
                return Err(ConnectError::Refused(own_problem(ErrorCode::InvalidName, error)));
            }
        };
        let config = Config {
            name,
            framing: Transport::framing(&url, self.encoding),
            seed: random(),
            unix_ms_at_zero: unix_ms(),
            ..self.config
        };
        let ping_after = config.ping_after;
        let runtime = if self.own_thread {
            own_runtime()?
        } else {
            handlers.clone()
        };
        let session = Session::new(config, Instant::ZERO);
        let shared = Arc::new(Shared::new(url, self.settings, session, handlers));
        let client = Client::of(shared.clone());
        let _runtime = runtime.enter();
        let driver = Driver::new(shared.clone(), self.encoding);
        tokio::spawn(Driving::new(driver, shared, ping_after));
        Ok(client)
    }
}

fn own_runtime() -> Result<Handle, ConnectError> {
    let refused = |error| {
        let detail =
            format!("cannot start a thread for the connection: {error}; free threads, or allow more");
        ConnectError::Refused(own_problem(ErrorCode::Internal, detail))
    };
    own_thread::runtime().map_err(refused)
}

/// Waits until the broker has accepted the client.
async fn connected(client: &Client, timeout: Duration) -> Result<(), ConnectError> {
    let mut standing = client.shared().look(|state| state.waiters.standing.subscribe());
    let decided =
        |state: &ConnectionState| state.is_final() || matches!(state, ConnectionState::Connected { .. });
    let waited = tokio::time::timeout(timeout, async {
        standing.wait_for(decided).await.map(|state| state.clone())
    });
    let state = match waited.await {
        Ok(Ok(state)) => state,
        _ => client.state(),
    };
    match state {
        ConnectionState::Connected { .. } => Ok(()),
        ConnectionState::Refused { problem } => Err(ConnectError::Refused(problem)),
        ConnectionState::Disconnected { problem, .. } => Err(unreachable(client, reason(*problem))),
        _ => Err(unreachable(
            client,
            format!("no answer within {} s", timeout.as_secs_f32()),
        )),
    }
}

fn unreachable(client: &Client, reason: String) -> ConnectError {
    ConnectError::Unreachable {
        url: client.url().clone(),
        reason,
        hint: HINT,
    }
}

fn reason(problem: Problem) -> String {
    problem.detail.unwrap_or_else(|| problem.title.into_owned())
}

/// Returns random bits, from the seed that the standard library gives each hash map.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const QUEUE_BYTES: usize = 4 << 20;
const HINT: &str = "start one with `buslane serve`, or say in BUSLANE_URL where it is";
