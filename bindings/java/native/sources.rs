//! What yields more than one thing: subscriptions, streams, gathered replies, presence. Each is pumped only as far as
//! Java has asked for, which is how its back-pressure reaches the bus.

use std::sync::Arc;

use buslane_client::{
    Client, ConnectionState, Gap, Gather, Message, Overflow, Presence, PresenceEvent, Problem, Reply,
    ReplyStream, Report, Subscribe, Subscription, SubscriptionEvent,
};
use tokio::sync::Semaphore;

use crate::bridge::{Bridge, Undertaking, Work};
use crate::events::{Events, Kind, begin};
use crate::reading::{Read, Reader};
use crate::telling::Telling;

/// A source under way: its number, what it may yield, and whether it goes on.
struct Flow {
    number: u64,
    demand: Arc<Semaphore>,
    stop: Arc<Semaphore>,
    events: Arc<Events>,
    work: Work,
}

/// Subscribes. That it is accepted is told as the end of the operation that has the source's number.
pub(crate) fn subscribe(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<(), Problem> {
    let number = reader.number()?;
    let subscribe = read_subscribe(bridge.client()?, reader)?;
    open(bridge, number, move |flow| async move {
        tokio::select! {
            made = subscribe.into_future() => match made {
                Ok(subscription) => {
                    flow.events.done(flow.number, 0);
                    flow.deliver(subscription).await;
                }
                Err(error) => flow.events.failed(flow.number, error.problem()),
            },
            () = flow.stopped() => {}
        }
    });
    Ok(())
}

/// Ends a subscription, and tells when the broker has confirmed it.
pub(crate) fn unsubscribe(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<(), Problem> {
    let source = reader.number()?;
    bridge.work.cancel(source);
    // The task that holds the subscription comes to its end first: tasks run in the order in which they are woken.
    let operation = reader.number()?;
    let (client, events) = (bridge.client()?.clone(), bridge.events.clone());
    bridge.runtime().spawn(async move {
        tokio::task::yield_now().await;
        match client.flush().await {
            Ok(()) => events.done(operation, 0),
            Err(error) => events.failed(operation, error.problem()),
        }
    });
    Ok(())
}

/// Watches services come and go.
pub(crate) fn presence(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<(), Problem> {
    let number = reader.number()?;
    let client = bridge.client()?.clone();
    open(bridge, number, move |flow| async move {
        tokio::select! {
            made = client.presence() => match made {
                Ok(presence) => {
                    flow.events.done(flow.number, 0);
                    flow.announce(presence).await;
                }
                Err(error) => flow.events.failed(flow.number, error.problem()),
            },
            () = flow.stopped() => {}
        }
    });
    Ok(())
}

/// Passes on the parts of a stream.
pub(crate) fn stream(bridge: &Arc<Bridge>, number: u64, mut parts: ReplyStream<Reply>) {
    open(bridge, number, move |flow| async move {
        // Asked for at once, whether anybody takes parts yet or not.
        let mut first = Some(parts.next().await);
        while flow.may_yield().await {
            let next = match first.take() {
                Some(first) => first,
                None => tokio::select! {
                    next = parts.next() => next,
                    () = flow.stopped() => return,
                },
            };
            match next {
                Some(Ok(part)) => flow
                    .events
                    .push(Kind::Part, flow.number, |bytes| tell_reply(bytes, &part)),
                Some(Err(error)) => return flow.events.failed(flow.number, error.problem()),
                None => return flow.events.push(Kind::End, flow.number, |_| {}),
            }
        }
    });
}

/// Passes on the replies of several instances.
pub(crate) fn gather(bridge: &Arc<Bridge>, number: u64, mut replies: Gather<Reply>) {
    open(bridge, number, move |flow| async move {
        while let Some(gathered) = replies.next().await {
            match gathered.result {
                Ok(reply) => flow
                    .events
                    .push(Kind::Part, flow.number, |bytes| tell_reply(bytes, &reply)),
                Err(error) if gathered.from.is_empty() => {
                    return flow.events.failed(flow.number, error.problem());
                }
                Err(error) => flow.events.push(Kind::Failure, flow.number, |bytes| {
                    bytes.tell_text(&gathered.from);
                    bytes.tell_problem(error.problem());
                }),
            }
        }
        if let Some(summary) = replies.summary() {
            flow.events.push(Kind::Summary, flow.number, |bytes| {
                bytes.tell_int(summary.expected as i32);
                bytes.tell_int(summary.replied as i32);
                bytes.tell_int(summary.failed as i32);
            });
        }
    });
}

/// Passes on the present state of the connection.
pub(crate) fn tell_present(client: &Client, events: &Events) {
    let state = client.state();
    events.push(Kind::State, 0, |bytes| tell_state(bytes, &state));
}

/// Passes on the states of the connection, and what goes wrong outside any call, for as long as the client is there.
pub(crate) fn watch(client: &Client, events: &Arc<Events>) {
    let (mut states, told) = (client.states(), events.clone());
    tokio::spawn(async move {
        while let Some(state) = states.next().await {
            told.push(Kind::State, 0, |bytes| tell_state(bytes, &state));
        }
    });
    let (mut reports, told) = (client.reports(), events.clone());
    tokio::spawn(async move {
        while let Some(report) = reports.next().await {
            told.push(Kind::Report, 0, |bytes| tell_report(bytes, &report));
        }
    });
}

/// Starts a source.
fn open<F>(bridge: &Arc<Bridge>, number: u64, run: impl FnOnce(Arc<Flow>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let flow = Arc::new(Flow {
        number,
        demand: Arc::new(Semaphore::new(0)),
        stop: Arc::new(Semaphore::new(0)),
        events: bridge.events.clone(),
        work: bridge.work.clone(),
    });
    let running = run(flow.clone());
    bridge.work.begin(number, || {
        let (demand, stop) = (flow.demand.clone(), flow.stop.clone());
        bridge.runtime().spawn(async move {
            tokio::select! {
                () = running => {}
                () = flow.stopped() => {}
            }
            flow.work.end(flow.number);
        });
        Undertaking::Source { demand, stop }
    });
}

impl Flow {
    /// Waits until Java does not want it any more.
    async fn stopped(&self) {
        // Nothing ever adds a permit: the wait ends when it is closed.
        let _ = self.stop.acquire().await;
    }

    /// Waits until Java takes one more.
    async fn may_yield(&self) -> bool {
        match self.demand.acquire().await {
            Ok(permit) => {
                permit.forget();
                true
            }
            Err(_) => false,
        }
    }

    /// Passes on messages in batches, as many as Java takes, with the gaps in their places.
    async fn deliver(&self, mut subscription: Subscription) {
        let mut batch = Vec::new();
        while self.may_yield().await {
            let most = 1 + self.demand.forget_permits(BATCH - 1);
            let count = subscription.next_batch(&mut batch, most).await;
            if count == 0 {
                return self.events.push(Kind::End, self.number, |_| {});
            }
            let mut messages = 0;
            self.events.append(|bytes| {
                for event in batch.drain(..) {
                    messages += usize::from(tell_event(bytes, self.number, &event));
                }
            });
            self.demand.add_permits(most - messages);
        }
    }

    async fn announce(&self, mut presence: Presence) {
        while self.may_yield().await {
            match presence.next().await {
                Some(event) => self
                    .events
                    .push(Kind::Presence, self.number, |bytes| tell_presence(bytes, &event)),
                None => return self.events.push(Kind::End, self.number, |_| {}),
            }
        }
    }
}

fn read_subscribe(client: &Client, reader: &mut Reader<'_>) -> Read<Subscribe> {
    let mut subscribe = client.subscribe(reader.text()?);
    if let Some(shared) = reader.optional_text()? {
        subscribe = subscribe.shared(shared);
    }
    subscribe = subscribe.overflow(match reader.byte()? {
        0 => Overflow::DropOldest,
        1 => Overflow::DropNewest,
        _ => Overflow::Disconnect,
    });
    if let Ok(credit @ 1..) = u32::try_from(reader.int()?) {
        subscribe = subscribe.credit(credit);
    }
    if let Ok(bytes) = usize::try_from(reader.long()?) {
        subscribe = subscribe.queue_bytes(bytes);
    }
    Ok(subscribe)
}

/// Writes an event of a subscription. Returns whether it is a message, which uses up demand.
fn tell_event(bytes: &mut Vec<u8>, source: u64, event: &SubscriptionEvent) -> bool {
    match event {
        SubscriptionEvent::Message(message) => {
            begin(bytes, Kind::Message, source);
            tell_message(bytes, message);
            true
        }
        SubscriptionEvent::Gap(gap) => {
            begin(bytes, Kind::Gap, source);
            tell_gap(bytes, gap);
            false
        }
        _ => false,
    }
}

fn tell_message(bytes: &mut Vec<u8>, message: &Message) {
    bytes.tell_text(message.topic());
    bytes.tell_optional(message.id());
    bytes.tell_byte(u8::from(message.is_retained()) | u8::from(message.is_snapshot()) << 1);
    bytes.tell_optional(message.shared());
    bytes.tell_parcel(message.from(), message.headers(), message.payload());
}

fn tell_gap(bytes: &mut Vec<u8>, gap: &Gap) {
    bytes.tell_long(gap.count);
    bytes.tell_long(gap.bytes);
    bytes.tell_flag(gap.unknown);
}

fn tell_reply(bytes: &mut Vec<u8>, reply: &Reply) {
    bytes.tell_parcel(reply.from(), reply.headers(), reply.payload());
}

fn tell_presence(bytes: &mut Vec<u8>, event: &PresenceEvent) {
    let (kind, service, snapshot) = match event {
        PresenceEvent::Connect(instance) => (0, instance.service.as_str(), instance.snapshot),
        PresenceEvent::Disconnect(instance) => (1, instance.service.as_str(), instance.snapshot),
        PresenceEvent::Online { service, snapshot } => (2, service.as_str(), *snapshot),
        PresenceEvent::Offline { service } => (3, service.as_str(), false),
        _ => (4, "", true),
    };
    bytes.tell_byte(kind);
    bytes.tell_text(service);
    bytes.tell_flag(snapshot);
    if let PresenceEvent::Connect(instance) | PresenceEvent::Disconnect(instance) = event {
        bytes.tell_text(&instance.instance);
        bytes.tell_text(&instance.version);
        bytes.tell_texts(&instance.groups);
        bytes.tell_texts(&instance.methods);
        bytes.tell_text(&instance.node);
        bytes.tell_optional(instance.reason.as_deref());
    }
}

fn tell_state(bytes: &mut Vec<u8>, state: &ConnectionState) {
    match state {
        ConnectionState::Connecting => bytes.tell_byte(0),
        ConnectionState::Connected { client, node, server } => {
            bytes.tell_byte(1);
            [client, node, server]
                .iter()
                .for_each(|text| bytes.tell_text(text));
        }
        ConnectionState::Disconnected { problem, retry_in } => {
            bytes.tell_byte(2);
            bytes.tell_problem(problem);
            bytes.tell_long(retry_in.as_millis() as u64);
        }
        ConnectionState::Draining { closes_in } => {
            bytes.tell_byte(3);
            bytes.tell_long(closes_in.as_millis() as u64);
        }
        ConnectionState::TakenOver => bytes.tell_byte(4),
        ConnectionState::Refused { problem } => {
            bytes.tell_byte(6);
            bytes.tell_problem(problem);
        }
        _ => bytes.tell_byte(5),
    }
}

fn tell_report(bytes: &mut Vec<u8>, report: &Report) {
    let (kind, subject, problem, retries) = match report {
        Report::Refused { problem } => (0, None, problem, false),
        Report::AnswerRefused { problem } => (1, None, problem, false),
        Report::RegistrationFailed {
            service,
            problem,
            retries,
        } => (2, Some(service.as_str()), problem, *retries),
        Report::SubscriptionFailed { filter, problem } => (3, Some(filter.as_str()), problem, false),
        _ => return bytes.tell_byte(u8::MAX),
    };
    bytes.tell_byte(kind);
    bytes.tell_optional(subject);
    bytes.tell_flag(retries);
    bytes.tell_problem(problem);
}

/// Messages that cross to Java at a time, at most.
const BATCH: usize = 1024;
