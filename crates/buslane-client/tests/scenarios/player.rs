//! Plays one scenario: starts the broker, connects the clients, takes the steps.

use std::collections::HashMap;
use std::time::Duration;

use buslane_client::{Client, ClientBuilder, ConnectError};
use futures_util::future::select_all;
use serde_json::Value;
use tokio::time::timeout;

use crate::actor::{self, Actor};
use crate::broker::Broker;
use crate::format::{Action, BrokerStep, Expectation, Label, Scenario, Step, Stop, Tally};
use crate::item::{self, Item};
use crate::matcher;
use crate::relay::Link;
use crate::transport::Transport;

/// Plays a scenario over a transport. The error says which step failed, and how.
pub(crate) async fn play(scenario: &Scenario, transport: Transport) -> Result<(), String> {
    let broker = Broker::new(transport, &scenario.broker).await?;
    let mut stage = Stage {
        broker,
        transport,
        links: HashMap::new(),
        actors: HashMap::new(),
    };
    for label in &scenario.clients {
        let link = Link::new(stage.broker.endpoint_for(label), stage.broker.place());
        let link = link.await.map_err(|error| error.to_string())?;
        stage.links.insert(label.clone(), link);
        if !scenario.unconnected.contains(label) {
            let connected = stage.connect(label, stage.dialling(label)).await;
            connected.map_err(|error| format!("{label} cannot connect: {error}"))?;
        }
    }
    for (index, step) in scenario.steps.iter().enumerate() {
        let parsed = Step::parse(step).map_err(|error| format!("step {}: {error}", index + 1))?;
        stage
            .take(parsed)
            .await
            .map_err(|error| failure(scenario, index, &error))?;
    }
    stage.end().await
}

fn failure(scenario: &Scenario, index: usize, error: &str) -> String {
    let (name, promise, step) = (&scenario.name, &scenario.promise, &scenario.steps[index]);
    format!(
        "{name}\n  promise: {promise}\n  step {}: {step}\n  {error}",
        index + 1
    )
}

struct Stage {
    broker: Broker,
    transport: Transport,
    /// The links of the clients that are not connected yet.
    links: HashMap<Label, Link>,
    actors: HashMap<Label, Actor>,
}

impl Stage {
    /// Begins to connect a client.
    fn dialling(&self, label: &str) -> ClientBuilder {
        Client::builder()
            .encoding(self.transport.encoding())
            .name(label)
            .backoff(Duration::from_millis(5), Duration::from_millis(50))
    }

    async fn connect(&mut self, label: &str, builder: ClientBuilder) -> Result<(), ConnectError> {
        let endpoint = &self.links[label].endpoint;
        let client = builder
            .url(self.transport.url(endpoint).as_str())
            .connect()
            .await?;
        let link = self
            .links
            .remove(label)
            .expect("a client without a connection has a link");
        self.actors.insert(label.to_owned(), Actor::new(client, link));
        Ok(())
    }

    async fn take(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Broker(BrokerStep::StopBroker { how: Stop::Kill }) => self.broker.kill().await,
            Step::Broker(BrokerStep::StopBroker { how: Stop::Drain }) => self.broker.drain(),
            Step::Broker(BrokerStep::StartBroker) => self.broker.start().await,
            Step::Action { client, action } if self.links.contains_key(&client) => {
                let Action::Connect {
                    lazy,
                    timeout_ms,
                    fails,
                } = *action
                else {
                    return Err(format!("{client} is not connected"));
                };
                let mut builder = self.dialling(&client);
                if lazy {
                    builder = builder.lazy();
                }
                if let Some(bound) = timeout_ms {
                    builder = builder.connect_timeout(Duration::from_millis(bound));
                }
                let connected = self.connect(&client, builder).await;
                actor::check(connected.map_err(|error| item::problem_of(&error)), fails)
            }
            Step::Action { client, action } => {
                let action = self.actor(&client)?.act(*action);
                timeout(LONGEST_ACTION, action)
                    .await
                    .map_err(|_| "it did not come to an end".to_owned())?
            }
            Step::Expectation(expectation) => self.expect(vec![expectation]).await,
            Step::AnyOrder(expectations) => self.expect(expectations).await,
            Step::Tally(tally) => {
                let bound = Duration::from_millis(tally.within_ms);
                let told = timeout(bound, self.tally(tally));
                told.await.map_err(|_| "fewer came than should".to_owned())?
            }
        }
    }

    /// Meets expectations, in whatever order things come.
    async fn expect(&mut self, mut open: Vec<Expectation>) -> Result<(), String> {
        while let Some(first) = open.first() {
            let (client, queue, bound) = (first.client.clone(), first.queue.clone(), first.bound);
            let wanted = first
                .members
                .get("state")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let next = timeout(bound, self.actor(&client)?.next(&queue, &wanted)).await;
            let item = next.map_err(|_| format!("nothing came within {bound:?}"))??;
            let met = open.iter().position(|expectation| {
                expectation.client == client
                    && expectation.queue == queue
                    && differences(expectation, &item).is_empty()
            });
            match met {
                Some(met) => drop(open.remove(met)),
                None => {
                    let wrong = differences(&open[0], &item).join("; ");
                    return Err(format!(
                        "something else came: {wrong}\n  it is {}",
                        Value::Object(item)
                    ));
                }
            }
        }
        Ok(())
    }

    /// Adds up what several subscriptions yield.
    async fn tally(&mut self, tally: Tally) -> Result<(), String> {
        let (mut came, mut missing) = (Vec::new(), 0);
        while came.len() as u64 + missing < tally.total {
            let item = self.next_of_any(&tally).await?;
            match item["expect"].as_str() {
                Some("gap") => missing += item["count"].as_u64().unwrap_or_default(),
                Some("delivery") => came.push(item.get("payload").cloned()),
                _ => return Err("the subscription has ended".to_owned()),
            }
        }
        let found = Value::from(missing);
        if let Some(expected) = tally
            .missing
            .filter(|expected| !matcher::matches(expected, Some(&found)))
        {
            return Err(format!("missing: expected {expected}, found {missing}"));
        }
        let total = came.len() as u64 + missing;
        let twice = (1..came.len()).find(|&index| tally.distinct && came[..index].contains(&came[index]));
        match twice {
            Some(index) => Err(format!("{:?} came twice", came[index])),
            None if total != tally.total => Err(format!("{total} came or are missing, not {}", tally.total)),
            None => Ok(()),
        }
    }

    async fn next_of_any(&mut self, tally: &Tally) -> Result<Item, String> {
        let mut waits = Vec::new();
        for (label, actor) in &mut self.actors {
            let mut places = tally.of.iter().filter(|place| place.client == *label);
            if let Some(place) = places.next() {
                waits.push(Box::pin(actor.subscription(&place.on)?.next_event()));
            }
        }
        let (event, ..) = select_all(waits).await;
        Ok(event.map_or_else(|| item::bare("nothing more"), item::of_event))
    }

    /// Looks for what nobody expected, and leaves.
    async fn end(mut self) -> Result<(), String> {
        let mut left = Vec::new();
        for (label, actor) in &mut self.actors {
            left.extend(
                actor
                    .left_over()
                    .await
                    .into_iter()
                    .map(|what| format!("{label}: {what}")),
            );
        }
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("left over at the end:\n  {}", left.join("\n  ")))
        }
    }

    fn actor(&mut self, label: &str) -> Result<&mut Actor, String> {
        self.actors
            .get_mut(label)
            .ok_or_else(|| format!("there is no client {label}"))
    }
}

fn differences(expectation: &Expectation, item: &Item) -> Vec<String> {
    matcher::differences(&expectation.members, item)
}

/// How long an action may take before the scenario has failed.
const LONGEST_ACTION: Duration = Duration::from_secs(30);
