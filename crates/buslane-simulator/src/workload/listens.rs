//! What peers publish and listen to.

use std::time::Duration;

use buslane_protocol::{
    ClientMessage, Credit, Filter, Overflow, Publish, Retain, Subscribe, Topic, Unsubscribe,
};
use buslane_session::{PublishOptions, SubscribeOptions};

use crate::content::Content;
use crate::peer::name;
use crate::workload::offers::register;
use crate::world::World;

/// Subscribes, or changes a subscription.
pub(super) fn subscribe(world: &mut World, peer: usize) -> bool {
    let random = &mut world.random;
    let filter = random.pick(FILTERS);
    let options = SubscribeOptions {
        shared: random
            .chance(20)
            .then(|| random.pick(&["crew", "band"]))
            .map(name),
        overflow: random.pick(&[
            Overflow::DropOldest,
            Overflow::DropOldest,
            Overflow::DropNewest,
            Overflow::Disconnect,
        ]),
        credit: random.chance(30).then(|| random.pick(&[0, 1, 2, 5, 1_000])),
    };
    subscribe_to(world, peer, filter, options)
}

fn subscribe_to(world: &mut World, peer: usize, filter: &str, options: SubscribeOptions) -> bool {
    let id = world.id();
    let shared = options.shared.as_ref().map(ToString::to_string);
    if let Some(behind) = world.behind(peer) {
        let credited = options.credit.is_some();
        let key = behind
            .session
            .subscribe(filter_of(filter), options)
            .expect("a session that has not ended subscribes");
        behind.subscriptions.push((key, credited));
        let number = behind.number;
        world
            .oracle
            .program_subscribed(number, key, filter, shared.as_deref());
        return true;
    }
    let Some(raw) = world.raw(peer) else { return false };
    raw.subscriptions.push((filter.to_owned(), shared));
    let SubscribeOptions {
        shared,
        overflow,
        credit,
    } = options;
    let message = Subscribe {
        id: Some(id),
        filter: filter_of(filter),
        shared,
        overflow,
        credit,
    };
    world.write(peer, &ClientMessage::Subscribe(message));
    true
}

/// Asks who is there, and reads the answer slowly.
pub(super) fn watch_slowly(world: &mut World, peer: usize) -> bool {
    let Some(place) = world.peers[peer].connection.filter(|_| world.raw(peer).is_some()) else {
        return false;
    };
    let id = world.id();
    world.connections[place].down.capacity = NARROW;
    world.connections[place].down.stalled_until = world.now + Duration::from_secs(3);
    let message = Subscribe {
        id: Some(id),
        filter: filter_of("$bus/service/#"),
        shared: None,
        overflow: Overflow::DropOldest,
        credit: None,
    };
    world.write(peer, &ClientMessage::Subscribe(message));
    world.pass_for(Duration::from_millis(200));
    for other in 0..world.peers.len() {
        if other != peer && !world.peers[other].is_frozen(world.now) {
            register(world, other);
            if world.behind(other).is_some() {
                world.run_session(other);
            }
        }
    }
    true
}

/// Ends a subscription.
pub(super) fn unsubscribe(world: &mut World, peer: usize) -> bool {
    let (id, draw) = (world.id(), world.random.next() as usize);
    if let Some(behind) = world
        .behind(peer)
        .filter(|behind| !behind.subscriptions.is_empty())
    {
        let (key, _) = behind
            .subscriptions
            .swap_remove(draw % behind.subscriptions.len());
        let number = behind.number;
        behind.session.unsubscribe(key);
        world.oracle.program_unsubscribed(number, key);
        return true;
    }
    let Some(raw) = world.raw(peer).filter(|raw| !raw.subscriptions.is_empty()) else {
        return false;
    };
    let (filter, shared) = raw.subscriptions.swap_remove(draw % raw.subscriptions.len());
    let message = Unsubscribe {
        id: Some(id),
        filter: filter_of(&filter),
        shared: shared.as_deref().map(name),
    };
    world.write(peer, &ClientMessage::Unsubscribe(message));
    true
}

/// Allows more deliveries, or more chunks.
pub(super) fn credit(world: &mut World, peer: usize) -> bool {
    let (draw, count) = (world.random.next() as usize, world.random.within(0, 4) as u32);
    if let Some(behind) = world.behind(peer) {
        let credited: Vec<_> = behind
            .subscriptions
            .iter()
            .filter(|(_, credited)| *credited)
            .collect();
        let Some((key, _)) = credited.get(draw % credited.len().max(1)).copied().copied() else {
            return false;
        };
        behind.session.credit(key, count);
        return true;
    }
    let Some(raw) = world.raw(peer) else { return false };
    let of_request = draw % 2 == 0;
    let id = raw
        .requests
        .get(draw % raw.requests.len().max(1))
        .copied()
        .filter(|_| of_request);
    let subscription = raw
        .subscriptions
        .get(draw % raw.subscriptions.len().max(1))
        .cloned();
    let Some((filter, shared)) = subscription
        .filter(|_| !of_request)
        .or(id.map(|_| Default::default()))
    else {
        return false;
    };
    let message = Credit {
        filter: id.is_none().then(|| filter_of(&filter)),
        id,
        shared: shared.as_deref().map(name),
        count,
    };
    world.write(peer, &ClientMessage::Credit(message));
    true
}

/// Publishes.
pub(super) fn publish(world: &mut World, peer: usize) -> bool {
    let chosen = world.random.pick(TOPICS);
    publish_anything(world, peer, chosen)
}

/// Publishes many times.
pub(super) fn publish_many(world: &mut World, peer: usize) -> bool {
    let chosen = world.random.pick(TOPICS);
    (0..world.random.within(5, 40)).fold(false, |_, _| publish_anything(world, peer, chosen))
}

/// Publishes more than a queue takes to somebody who allows nothing.
pub(super) fn flood(world: &mut World, peer: usize) -> bool {
    let listener = world.random.index(world.peers.len());
    let outbox = world.settings.limits.outbox;
    if outbox > LARGEST_FLOODED || world.peers[listener].is_frozen(world.now) {
        return false;
    }
    let random = &mut world.random;
    let options = SubscribeOptions {
        shared: None,
        overflow: random.pick(&[Overflow::DropOldest, Overflow::DropOldest, Overflow::DropNewest]),
        credit: Some(0),
    };
    let chosen = random.pick(&["a/b", "x", "x/y"]);
    if !subscribe_to(world, listener, chosen, options) {
        return false;
    }
    if world.behind(listener).is_some() {
        world.run_session(listener);
    }
    world.pass_for(Duration::from_millis(200));
    (0..world.random.within(20, 60)).fold(false, |_, _| {
        let number = world.number();
        let content = Content::sized(number, world.random.index(outbox / 8));
        publish_to(world, peer, chosen, content)
    })
}

fn publish_anything(world: &mut World, peer: usize, chosen: &'static str) -> bool {
    let number = world.number();
    let valid = chosen != "t/strict" || world.random.chance(80);
    let content = Content::random(
        number,
        valid && world.random.chance(80),
        world.settings.largest,
        &mut world.random,
    );
    publish_to(world, peer, chosen, content)
}

fn publish_to(world: &mut World, peer: usize, chosen: &'static str, content: Content) -> bool {
    let (now, number, id) = (world.now, content.number, world.id());
    let random = &mut world.random;
    let retain = random.pick(&[
        Retain::Keep,
        Retain::Keep,
        Retain::Keep,
        Retain::Set,
        Retain::Set,
        Retain::Clear,
    ]);
    let lifetime =
        (retain == Retain::Set && random.chance(50)).then(|| random.pick(&[1, 200, 5_000, 600_000]));
    let options = PublishOptions {
        headers: content.headers(),
        ack: random.chance(50),
        retain,
        retain_ms: lifetime,
        exclude_self: random.chance(25),
    };
    if let Some(behind) = world.behind(peer) {
        let program = behind.number;
        // Refused when too much waits for a connection, or the payload is too long: then nothing was sent.
        if let Ok(Some(key)) = behind
            .session
            .publish(now, &topic(chosen), content.payload, options)
        {
            world.oracle.program_published(program, key, number);
        }
        return true;
    }
    if world.raw(peer).is_none() {
        return false;
    }
    let message = Publish {
        id: (options.ack || number % 3 == 0).then_some(id),
        topic: topic(chosen),
        headers: options.headers,
        payload: content.payload,
        ack: options.ack,
        retain,
        retain_ms: lifetime,
        exclude_self: options.exclude_self,
    };
    world.write(peer, &ClientMessage::Publish(message));
    true
}

/// Makes a topic.
pub(super) fn topic(text: &'static str) -> Topic<'static> {
    Topic::parse(text).expect("the simulator's topics are good")
}

fn filter_of(text: &str) -> Filter<'static> {
    Filter::parse(text)
        .expect("the simulator's filters are good")
        .into_owned()
}

const TOPICS: &[&str] = &[
    "a/b",
    "a/b",
    "a/c",
    "a/b/c",
    "x",
    "x/y",
    "t/strict",
    "t/refuse",
    "t/keep",
    "$bus/broadcast/all",
    "$bus/own",
];
const FILTERS: &[&str] = &[
    "#",
    "a/+",
    "a/#",
    "+/b",
    "a/b",
    "a/b",
    "x",
    "+/+/+",
    "t/#",
    "t/refuse",
    "$bus/broadcast/#",
    "$bus/service/#",
    "$bus/#",
    "x/#",
];
/// Bytes that a slow reader's connection takes.
const NARROW: usize = 100;
/// Bytes of the longest queue that is filled several times over.
const LARGEST_FLOODED: usize = 20_000;
