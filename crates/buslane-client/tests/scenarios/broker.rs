//! The broker of one scenario: a real one, on a thread of its own and on free addresses. It can be killed, asked to
//! end, and started again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use buslane_broker::{Config, Flags, ListenAddress};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Notify, oneshot};

use crate::relay::{BrokerPlace, Endpoint};
use crate::transport::Transport;

/// The broker of one scenario.
pub(crate) struct Broker {
    transport: Transport,
    /// Keys of the configuration, as variables of the environment.
    options: Vec<(String, String)>,
    folder: TempDir,
    place: BrokerPlace,
    running: Option<Running>,
    starts: usize,
}

struct Running {
    stop: Arc<Notify>,
    abort: Arc<Notify>,
    ended: oneshot::Receiver<Result<(), String>>,
}

impl Broker {
    /// Starts a broker.
    pub(crate) async fn new(
        transport: Transport,
        options: &BTreeMap<String, BTreeMap<String, Value>>,
    ) -> Result<Broker, String> {
        let mut broker = Broker {
            transport,
            options: variables(options),
            folder: TempDir::new().map_err(|error| error.to_string())?,
            place: BrokerPlace::default(),
            running: None,
            starts: 0,
        };
        broker.start().await?;
        Ok(broker)
    }

    /// Returns where the link of a client may listen.
    pub(crate) fn endpoint_for(&self, label: &str) -> Endpoint {
        match self.transport {
            Transport::Unix => Endpoint::Unix(self.folder.path().join(format!("{label}.link"))),
            _ => Endpoint::Tcp(([127, 0, 0, 1], 0).into()),
        }
    }

    /// Returns where the broker listens, whenever somebody asks.
    pub(crate) fn place(&self) -> BrokerPlace {
        self.place.clone()
    }

    /// Ends the broker at once.
    pub(crate) async fn kill(&mut self) -> Result<(), String> {
        self.move_to(None);
        if let Some(running) = self.running.take() {
            running.abort.notify_one();
            running.end().await?;
        }
        Ok(())
    }

    /// Asks the broker to end.
    pub(crate) fn drain(&mut self) -> Result<(), String> {
        let running = self.running.as_ref().ok_or("the broker does not run")?;
        running.stop.notify_one();
        Ok(())
    }

    /// Starts the broker, after the last one has ended.
    pub(crate) async fn start(&mut self) -> Result<(), String> {
        self.move_to(None);
        if let Some(running) = self.running.take() {
            running.end().await?;
        }
        self.starts += 1;
        let broker = buslane_broker::Broker::bind(self.config()?).map_err(|error| error.to_string())?;
        let endpoint = match broker.local_addresses().first() {
            Some(ListenAddress::Tcp { port, .. }) => Endpoint::Tcp(([127, 0, 0, 1], *port).into()),
            Some(ListenAddress::Unix(path)) => Endpoint::Unix(path.clone()),
            None => return Err("the broker listens nowhere".to_owned()),
        };
        self.running = Some(Running::start(broker));
        self.move_to(Some(endpoint));
        Ok(())
    }

    fn config(&self) -> Result<Config, String> {
        let listen = match self.transport {
            // A socket file that a killed broker left behind is not in the way of the next.
            Transport::Unix => format!(
                "unix:{}",
                self.folder
                    .path()
                    .join(format!("broker-{}", self.starts))
                    .display()
            ),
            _ => "127.0.0.1:0".to_owned(),
        };
        let flags = Flags {
            listen: vec![listen],
            ..Flags::default()
        };
        Config::load(&flags, self.options.clone()).map_err(|error| error.to_string())
    }

    fn move_to(&self, endpoint: Option<Endpoint>) {
        *self.place.lock().expect("no holder of the lock panics") = endpoint;
    }
}

impl Running {
    fn start(broker: buslane_broker::Broker) -> Running {
        let (stop, abort) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (sender, ended) = oneshot::channel();
        let (stopped, aborted) = (stop.clone(), abort.clone());
        thread::spawn(move || {
            let ended = broker.run(async move { stopped.notified().await }, async move {
                aborted.notified().await
            });
            let _ = sender.send(ended.map_err(|error| error.to_string()));
        });
        Running { stop, abort, ended }
    }

    async fn end(self) -> Result<(), String> {
        self.ended
            .await
            .unwrap_or_else(|_| Err("the broker panicked".to_owned()))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort.notify_one();
        }
    }
}

fn variables(options: &BTreeMap<String, BTreeMap<String, Value>>) -> Vec<(String, String)> {
    let named = options
        .iter()
        .flat_map(|(section, keys)| keys.iter().map(move |(key, value)| (section, key, value)));
    named
        .map(|(section, key, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (format!("BUSLANE_{section}_{key}").to_uppercase(), value)
        })
        .collect()
}
