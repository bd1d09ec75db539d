//! Handlers that block the thread that they run on, which asynchronous code should not, and what goes on all the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broker;
mod scripted;

use std::future::Future;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use broker::Broker;
use buslane_client::{Client, ClientBuilder, ConnectionState, RequestError, ServiceError};
use buslane_protocol::ClientMessage;
use scripted::Scripted;
use tokio::runtime::Builder;

/// A client whose whole runtime is held up by a handler. It goes on when this is dropped.
struct HeldUp {
    client: Client,
    /// What the handler waits for.
    _stop: mpsc::Sender<()>,
    runtime: Option<JoinHandle<Result<bool, RequestError>>>,
}

impl HeldUp {
    /// Starts a client on a runtime of one thread, and a handler that blocks that thread.
    async fn start(builder: ClientBuilder) -> HeldUp {
        let (stop, stopped) = mpsc::channel::<()>();
        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let (connected, client) = tokio::sync::oneshot::channel();
        let stopped = Arc::new(Mutex::new(stopped));
        let blocks = move |_: (), _context| async move {
            started.send(()).unwrap();
            Ok::<_, ServiceError>(stopped.lock().unwrap().recv().is_err())
        };
        let runtime = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let bus = builder.connect().await.unwrap();
                let service = bus.service("sleeper", "1.0.0").method("sleep", blocks);
                service.register().await.unwrap();
                connected.send(bus.clone()).unwrap();
                bus.request("sleeper:sleep", &()).await
            })
        });
        let client = client.await.unwrap();
        starts.recv().await.unwrap();
        HeldUp {
            client,
            _stop: stop,
            runtime: Some(runtime),
        }
    }

    /// Lets the handler return, and waits until its answer has come.
    fn let_go(mut self) {
        let runtime = self.runtime.take().unwrap();
        drop(self);
        assert!(runtime.join().unwrap().unwrap());
    }
}

/// Fails instead of waiting for ever.
async fn in_the_end<T>(work: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(LONG, work).await;
    waited.expect("nothing came of it, since nobody stood in")
}

#[tokio::test]
async fn a_handler_that_blocks_its_runtime_keeps_no_byte_from_going_out_and_coming_in() {
    let broker = Broker::start().await;
    let mut urls = vec![broker.url().to_owned(), broker.web_socket_url()];
    if cfg!(unix) {
        urls.push(broker.unix_url());
    }
    for url in urls {
        let builder = Client::builder().url(url.as_str());
        let held_up = HeldUp::start(builder.heartbeat(QUICK, LONG)).await;
        for _ in 0..3 {
            in_the_end(held_up.client.flush()).await.unwrap();
        }
        assert!(matches!(
            held_up.client.state(),
            ConnectionState::Connected { .. }
        ));
        held_up.let_go();
    }
}

#[tokio::test]
async fn a_client_whose_runtime_is_blocked_asks_a_silent_broker_for_a_sign_of_life() {
    let scripted = Scripted::new().await;
    let builder = scripted.builder().heartbeat(QUICK, LONG);
    let broker = async {
        let mut peer = scripted.accept().await;
        peer.welcome().await;
        peer.accept_registration().await;
        let id = peer.receive_request().await;
        peer.send_request(1, "sleeper:sleep").await;
        (peer, id)
    };
    let (held_up, (mut peer, _)) = tokio::join!(HeldUp::start(builder), broker);
    let pings = async { while !matches!(peer.receive().await, ClientMessage::Ping(None)) {} };
    in_the_end(pings).await;
    drop(held_up);
}

#[tokio::test]
async fn a_client_whose_runtime_is_blocked_can_leave() {
    let broker = Broker::start().await;
    let held_up = HeldUp::start(broker.builder().heartbeat(QUICK, LONG)).await;
    in_the_end(held_up.client.close()).await;
    assert_eq!(held_up.client.state(), ConnectionState::Closed);
}

/// A waker of the program that panics.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("on purpose");
    }
}

#[tokio::test]
async fn a_waker_that_panics_ends_no_watch_over_blocked_runtimes() {
    let broker = Broker::start().await;
    let held_up = HeldUp::start(broker.builder().heartbeat(QUICK, LONG)).await;
    let mut flushing = Box::pin(held_up.client.flush());
    let waker = Waker::from(Arc::new(Panics));
    assert!(
        flushing
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    for _ in 0..2 {
        in_the_end(held_up.client.flush()).await.unwrap();
    }
    drop(flushing);
    held_up.let_go();
}

/// The silence after which a client asks.
const QUICK: Duration = Duration::from_millis(30);
/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(60);
