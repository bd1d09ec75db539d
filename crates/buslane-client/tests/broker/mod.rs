//! A broker for a test: on a free port and on a Unix socket, on a thread of its own.

#![allow(dead_code, reason = "each test file uses the part that it needs")]

use std::time::Duration;

use buslane_broker::{Config, ListenAddress, RunningBroker};
use buslane_client::{Client, ClientBuilder};
use tempfile::TempDir;

/// A running broker. It ends when this is dropped.
pub(crate) struct Broker {
    running: Option<RunningBroker>,
    config: Config,
    url: String,
    directory: TempDir,
}

impl Broker {
    /// Starts a broker.
    pub(crate) async fn start() -> Broker {
        Broker::start_detached()
    }

    /// Starts a broker outside any runtime.
    pub(crate) fn start_detached() -> Broker {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config {
            drain: Duration::ZERO,
            ..Config::ephemeral()
        };
        if cfg!(unix) {
            config
                .listen
                .push(ListenAddress::Unix(directory.path().join("bus")));
        }
        let running = buslane_broker::Broker::spawn(config.clone()).unwrap();
        // Started again, it listens on the same port.
        config.listen = running.local_addresses().to_vec();
        Broker {
            url: running.url(),
            running: Some(running),
            config,
            directory,
        }
    }

    /// Starts a broker and connects a client.
    pub(crate) async fn with_client() -> (Broker, Client) {
        let broker = Broker::start().await;
        let client = broker.client().await;
        (broker, client)
    }

    /// Connects a client.
    pub(crate) async fn client(&self) -> Client {
        self.builder().connect().await.unwrap()
    }

    /// Begins a client that dials here.
    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder().url(self.url())
    }

    /// Returns the URL of the port.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL of the port, for WebSockets.
    pub(crate) fn web_socket_url(&self) -> String {
        format!("{}/ws", self.url.replace("buslane", "ws"))
    }

    /// Returns the URL of the Unix socket.
    pub(crate) fn unix_url(&self) -> String {
        format!("buslane+unix://{}", self.directory.path().join("bus").display())
    }

    /// Stops the broker, without keeping the test's own tasks from running.
    pub(crate) async fn stop(&mut self) {
        let running = self.running.take().unwrap();
        tokio::task::spawn_blocking(|| running.stop().unwrap())
            .await
            .unwrap();
    }

    /// Starts the broker again, at the same addresses.
    pub(crate) async fn start_again(&mut self) {
        self.running = Some(buslane_broker::Broker::spawn(self.config.clone()).unwrap());
    }
}
