//! One broker, from binding its addresses to its last byte.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use buslane_engine::Engine;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::{Instant, interval, timeout_at};
use tracing::info;

use crate::STACK_SIZE;
use crate::clock::{Clock, random_seed};
use crate::config::{Config, ListenAddress};
use crate::driver::{Flusher, Hub, Listener, Setup, Usher, serve};
use crate::start::{StartError, bind_tcp};
#[cfg(unix)]
use crate::unix_socket::{SocketFile, bind_unix};

/// A broker that listens and does not serve yet.
pub struct Broker {
    config: Config,
    seed: [u8; 32],
    listeners: Vec<Bound>,
}

/// A broker that runs on a thread of its own. It ends when this is dropped.
pub struct RunningBroker {
    addresses: Vec<ListenAddress>,
    stop: Arc<Notify>,
    thread: Option<thread::JoinHandle<Result<(), RunError>>>,
}

/// Why a broker ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The system did not give what the runtime needs.
    #[error("the runtime cannot be started: {0}")]
    Runtime(#[source] io::Error),
    /// A listener could not be handed to the runtime.
    #[error("{address} cannot be served: {source}")]
    Listener {
        /// Its address.
        address: ListenAddress,
        /// What the system says.
        source: io::Error,
    },
    /// The thread of the broker panicked, which is a defect.
    #[error("the broker's thread panicked")]
    Panicked,
}

/// An address that is listened on.
struct Bound {
    /// With the port that was chosen, where any would do.
    address: ListenAddress,
    listener: BoundListener,
}

enum BoundListener {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener, SocketFile),
}

impl Broker {
    /// Binds every address of a configuration. From now on clients can connect; they are served once the broker runs.
    pub fn bind(config: Config) -> Result<Broker, StartError> {
        let seed = random_seed().map_err(StartError::Random)?;
        let bind = |address| Bound::new(address, config.insecure);
        let listeners = config.listen.iter().map(bind).collect::<Result<_, _>>()?;
        Ok(Broker {
            config,
            seed,
            listeners,
        })
    }

    /// Returns the addresses, with the ports that were chosen where any would do.
    pub fn local_addresses(&self) -> Vec<ListenAddress> {
        self.listeners.iter().map(|bound| bound.address.clone()).collect()
    }

    /// Serves on this thread until `shutdown` is ready, then drains: takes nothing new, lets requests in flight end
    /// within the configured time, writes what is queued, and returns. Once `abort` is ready it returns at once.
    pub fn run(
        self,
        shutdown: impl Future<Output = ()>,
        abort: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        self.run_telling(|_| {}, shutdown, abort)
    }

    /// Serves on this thread until the process is asked to end (SIGTERM, SIGINT or Ctrl-C); asked a second time, it
    /// ends at once. `ready` is told the addresses once the broker can be asked to end.
    pub fn run_until_signal(self, ready: impl FnOnce(&[ListenAddress])) -> Result<(), RunError> {
        let asked = Notify::new();
        let abort = async {
            let mut signals = Signals::new();
            signals.next().await;
            asked.notify_one();
            signals.next().await;
        };
        self.run_telling(ready, asked.notified(), abort)
    }

    /// Serves on a thread of its own, for tests and for programs that bring their broker along.
    pub fn spawn(config: Config) -> Result<RunningBroker, StartError> {
        let broker = Broker::bind(config)?;
        let addresses = broker.local_addresses();
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let run = move || broker.run(async move { stopped.notified().await }, std::future::pending());
        let thread = thread::Builder::new()
            .name("buslane".to_owned())
            .stack_size(STACK_SIZE);
        let thread = thread.spawn(run).map_err(StartError::Thread)?;
        Ok(RunningBroker {
            addresses,
            stop,
            thread: Some(thread),
        })
    }

    fn run_telling(
        self,
        ready: impl FnOnce(&[ListenAddress]),
        shutdown: impl Future<Output = ()>,
        abort: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        let runtime = runtime().map_err(RunError::Runtime)?;
        let result = runtime.block_on(async {
            tokio::select! {
                biased;
                () = abort => Ok(()),
                result = self.serve(ready, shutdown) => result,
            }
        });
        // Validations that still run have nobody to tell.
        runtime.shutdown_background();
        result
    }

    async fn serve(
        self,
        ready: impl FnOnce(&[ListenAddress]),
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        let addresses = self.local_addresses();
        raise_socket_limit(self.config.limits.connections);
        let clock = Clock::start();
        let hub = Rc::new(hub(&self.config, self.seed, clock));
        spawn_local(Flusher::new(Rc::clone(&hub)));
        spawn_local(Usher::new(Rc::clone(&hub)));
        let mut accepting = Vec::new();
        let mut files = Vec::new();
        for bound in self.listeners {
            let address = bound.address.clone();
            let (listener, file) = bound.into_async().map_err(|source| RunError::Listener {
                address: address.clone(),
                source,
            })?;
            info!(%address, node = %self.config.node, version = env!("CARGO_PKG_VERSION"), "listening");
            accepting.push(spawn_local(serve(Rc::clone(&hub), listener)));
            files.extend(file);
        }
        ready(&addresses);
        shutdown.await;
        accepting.into_iter().for_each(|task| task.abort());
        drop(files);
        drain(&hub, self.config.drain).await;
        Ok(())
    }
}

impl RunningBroker {
    /// Returns the addresses, with the ports that were chosen where any would do.
    pub fn local_addresses(&self) -> &[ListenAddress] {
        &self.addresses
    }

    /// Returns the first address's URL, as clients take it.
    pub fn url(&self) -> String {
        match &self.addresses[..] {
            [ListenAddress::Unix(path), ..] => format!("buslane+unix://{}", path.display()),
            [address, ..] => format!("buslane://{address}"),
            [] => String::new(),
        }
    }

    /// Drains the broker and waits for its end.
    pub fn stop(mut self) -> Result<(), RunError> {
        self.stop.notify_one();
        self.join()
    }

    fn join(&mut self) -> Result<(), RunError> {
        match self.thread.take() {
            Some(thread) => thread.join().unwrap_or(Err(RunError::Panicked)),
            None => Ok(()),
        }
    }
}

impl Drop for RunningBroker {
    fn drop(&mut self) {
        self.stop.notify_one();
        // Whoever wants to know how it ended calls `stop`.
        let _ended = self.join();
    }
}

impl Bound {
    fn new(address: &ListenAddress, insecure: bool) -> Result<Bound, StartError> {
        match address {
            ListenAddress::Tcp { host, port } => {
                let listener = bind_tcp(address, (host, *port), insecure)?;
                // A listener that was just bound has an address; if not, the one that was asked for is as good.
                let port = listener.local_addr().map_or(*port, |bound| bound.port());
                let address = ListenAddress::Tcp {
                    host: host.clone(),
                    port,
                };
                Ok(Bound {
                    address,
                    listener: BoundListener::Tcp(listener),
                })
            }
            #[cfg(unix)]
            ListenAddress::Unix(path) => {
                let (listener, file) = bind_unix(path)?;
                Ok(Bound {
                    address: address.clone(),
                    listener: BoundListener::Unix(listener, file),
                })
            }
            #[cfg(not(unix))]
            ListenAddress::Unix(_) => Err(StartError::NoUnixSockets {
                address: address.clone(),
            }),
        }
    }

    #[cfg(unix)]
    fn into_async(self) -> io::Result<(Listener, Option<SocketFile>)> {
        Ok(match self.listener {
            BoundListener::Tcp(listener) => {
                (Listener::Tcp(tokio::net::TcpListener::from_std(listener)?), None)
            }
            BoundListener::Unix(listener, file) => (
                Listener::Unix(tokio::net::UnixListener::from_std(listener)?),
                Some(file),
            ),
        })
    }

    #[cfg(not(unix))]
    fn into_async(self) -> io::Result<(Listener, Option<std::convert::Infallible>)> {
        let BoundListener::Tcp(listener) = self.listener;
        Ok((Listener::Tcp(tokio::net::TcpListener::from_std(listener)?), None))
    }
}

fn hub(config: &Config, seed: [u8; 32], clock: Clock) -> Hub {
    let engine = Engine::new(buslane_engine::Config {
        server: concat!("buslane/", env!("CARGO_PKG_VERSION")).to_owned(),
        limits: config.limits.clone(),
        unix_ms_at_zero: clock.unix_ms_at_zero(),
        require_connect: true,
        compatibility: config.compatibility,
        ..buslane_engine::Config::new(config.node.clone(), seed)
    });
    Hub::new(Setup {
        engine,
        clock,
        limits: config.limits.clone(),
        node: config.node.clone(),
        origins: config.origins.clone(),
        page_client: config.page_client.clone(),
    })
}

fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(THREADS)
        .thread_stack_size(STACK_SIZE)
        .thread_keep_alive(KEEP_THREADS)
        .build_local(LocalOptions::default())
}

/// Asks the system for as many sockets as there may be connections; it often gives a thousand unless asked.
fn raise_socket_limit(connections: usize) {
    let wanted = connections.saturating_add(OTHER_FILES);
    // What it does not give is found out when connections cannot be accepted, and logged then.
    let _given = rlimit::increase_nofile_limit(wanted as u64);
}

/// Takes nothing new, waits for what is in flight, and ends every connection.
async fn drain(hub: &Rc<Hub>, patience: Duration) {
    info!(seconds = patience.as_secs_f64(), "draining");
    hub.start_draining();
    hub.engine().drain(hub.clock.now(), patience);
    hub.schedule_flush();
    wait_until(Instant::now() + patience, || hub.is_idle()).await;
    hub.end_all();
    wait_until(Instant::now() + LAST_WORDS, || hub.admitted() == 0).await;
    info!("ended");
}

/// Looks again and again whether something holds, until a deadline.
async fn wait_until(deadline: Instant, holds: impl Fn() -> bool) {
    let mut pulse = interval(PULSE);
    let waiting = async {
        // The first tick comes at once; what was ready before it is done by then.
        pulse.tick().await;
        tokio::task::yield_now().await;
        while !holds() {
            pulse.tick().await;
        }
    };
    // Past the deadline it does not matter any more.
    let _held = timeout_at(deadline, waiting).await;
}

/// How the system asks the process to end. From the making of this on, it does not end by itself.
#[cfg(unix)]
struct Signals(Option<[tokio::signal::unix::Signal; 2]>);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let handlers =
            signal(SignalKind::terminate()).and_then(|one| Ok([one, signal(SignalKind::interrupt())?]));
        // Without handlers the system ends the process by itself.
        Signals(handlers.ok())
    }

    async fn next(&mut self) {
        let Some([terminate, interrupt]) = &mut self.0 else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

/// How the system asks the process to end.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Signals
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Threads for compiling and validating, so that outsiders who register much leave processors to others.
const THREADS: usize = 2;
/// Open files that are no connections.
const OTHER_FILES: usize = 256;
/// How long such a thread waits for more work.
const KEEP_THREADS: Duration = Duration::from_secs(2);
/// How long the other sides may take to hear that the broker ends.
const LAST_WORDS: Duration = Duration::from_millis(250);
/// How often it is looked whether the end has come.
const PULSE: Duration = Duration::from_millis(2);
