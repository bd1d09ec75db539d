//! What peers ask of the bus.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use buslane_protocol::{
    Address, ClientMessage, Credit, Deadline, Filter, MethodDeclaration, Overflow, Publish, Register,
    Registration, Request, Retain, Subscribe, Targets, Topic, TopicDeclaration, Unregister, Unsubscribe,
};
use buslane_session::{PublishOptions, RequestOptions, SubscribeOptions};

use crate::content::Content;
use crate::peer::name;
use crate::schema::{BROKEN, WANTS_OK, schema};
use crate::world::World;

const SERVICES: &[&str] = &["alpha", "alpha", "alpha", "beta", "gamma"];
const INSTANCES: &[Option<&str>] = &[Some("one"), Some("two"), Some("three"), None];
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
const ADDRESSES: &[&str] = &[
    "alpha:echo",
    "alpha:echo",
    "alpha:echo",
    "alpha:echo",
    "alpha:echo",
    "alpha:strict",
    "beta:echo",
    "alpha:strict",
    "beta:echo",
    "gamma:echo",
    "alpha#one:echo",
    "alpha#two:echo",
    "beta#one:echo",
    "@red:echo",
    "@blue:echo",
    "@red:strict",
    "*:echo",
    "*:echo",
    "alpha:nothing",
    "nobody:echo",
    "elsewhere/alpha:echo",
    "here/alpha:echo",
    "$bus:ping",
    "$bus:services",
];

/// Registers an instance of a service, or a consumer.
pub(super) fn register(world: &mut World, peer: usize) -> bool {
    let registration = registration(world);
    let resume = None;
    ask_to_register(world, peer, registration, resume)
}

/// Registers an instance that somebody may hold, with its secret, with a wrong one, or without.
pub(super) fn take_over(world: &mut World, peer: usize) -> bool {
    if world.secrets.is_empty() {
        return false;
    }
    let (service, instance, secret) = world.secrets[world.random.index(world.secrets.len())].clone();
    let mut registration = registration(world);
    registration.name = name(&service);
    registration.instance = Some(name(&instance));
    let resume = match world.random.below(5) {
        0..=2 => Some(secret),
        3 => Some("guessed".to_owned()),
        _ => None,
    };
    ask_to_register(world, peer, registration, resume)
}

fn ask_to_register(
    world: &mut World,
    peer: usize,
    registration: Registration,
    resume: Option<String>,
) -> bool {
    let (now, id) = (world.now, world.id());
    if let Some(behind) = world.behind(peer) {
        let key = behind
            .session
            .register(now, registration)
            .expect("a session that has not ended registers");
        behind.registrations.push(key);
        return true;
    }
    if world.raw(peer).is_none() {
        return false;
    }
    let id = world.random.chance(90).then_some(id);
    let register = Register {
        id,
        resume,
        registration,
    };
    world.write(peer, &ClientMessage::Register(Box::new(register)));
    true
}

fn registration(world: &mut World) -> Registration {
    let random = &mut world.random;
    let service = random.pick(SERVICES);
    let input = match service {
        _ if random.chance(3) => Some(schema(BROKEN)),
        "alpha" => Some(schema(WANTS_OK)),
        _ => None,
    };
    let strict = MethodDeclaration {
        output: input.clone(),
        input,
        description: None,
    };
    let methods = match random.below(8) {
        0 => BTreeMap::new(),
        1 => BTreeMap::from([(name("echo"), MethodDeclaration::default())]),
        _ => BTreeMap::from([
            (name("echo"), MethodDeclaration::default()),
            (name("strict"), strict),
        ]),
    };
    let groups = [name("red"), name("blue")]
        .into_iter()
        .filter(|_| random.chance(40))
        .collect();
    Registration {
        name: name(service),
        version: random.pick(&["1.0.0", "1.1.0", "2.0.0"]).to_owned(),
        instance: random.pick(INSTANCES).map(name),
        groups,
        methods,
        topics: topics(service),
        schemas: BTreeMap::new(),
        meta: None,
    }
}

/// Returns what a service declares about topics: always the same, but not what another one declares.
fn topics(service: &str) -> BTreeMap<Topic<'static>, TopicDeclaration> {
    let declared = |retain, refuse, strict: bool| TopicDeclaration {
        schema: strict.then(|| schema(WANTS_OK)),
        retain,
        refuse,
        description: None,
    };
    match service {
        "alpha" => BTreeMap::from([
            (topic("t/strict"), declared(false, false, true)),
            (topic("t/refuse"), declared(false, true, false)),
        ]),
        "beta" => BTreeMap::from([(topic("t/keep"), declared(true, false, false))]),
        _ => BTreeMap::from([(topic("t/strict"), declared(true, false, true))]),
    }
}

/// Ends a registration.
pub(super) fn unregister(world: &mut World, peer: usize) -> bool {
    end_registration(world, peer, false)
}

/// Ends a registration when its requests are finished.
pub(super) fn unregister_drain(world: &mut World, peer: usize) -> bool {
    end_registration(world, peer, true)
}

fn end_registration(world: &mut World, peer: usize, drain: bool) -> bool {
    let (id, draw) = (world.id(), world.random.next() as usize);
    if let Some(behind) = world
        .behind(peer)
        .filter(|behind| !behind.registrations.is_empty())
    {
        let place = draw % behind.registrations.len();
        let key = behind.registrations.swap_remove(place);
        behind.session.unregister(key, drain);
        return true;
    }
    let Some(raw) = world.raw(peer).filter(|raw| !raw.registrations.is_empty()) else {
        return false;
    };
    let (service, instance) = raw.registrations.swap_remove(draw % raw.registrations.len());
    let message = Unregister {
        id: (draw % 10 > 0).then_some(id),
        name: name(&service),
        instance: (draw % 7 > 0).then(|| name(&instance)),
        drain,
    };
    world.write(peer, &ClientMessage::Unregister(message));
    true
}

/// Subscribes, or changes a subscription.
pub(super) fn subscribe(world: &mut World, peer: usize) -> bool {
    let id = world.id();
    let random = &mut world.random;
    let filter = random.pick(FILTERS);
    let shared = random.chance(20).then(|| random.pick(&["crew", "band"]));
    let overflow = random.pick(&[
        Overflow::DropOldest,
        Overflow::DropOldest,
        Overflow::DropNewest,
        Overflow::Disconnect,
    ]);
    let credit = random.chance(30).then(|| random.pick(&[0, 1, 2, 5, 1_000]));
    let parsed = Filter::parse(filter).expect("the simulator's filters are good");
    let options = SubscribeOptions {
        shared: shared.map(name),
        overflow,
        credit,
    };
    if let Some(behind) = world.behind(peer) {
        let key = behind
            .session
            .subscribe(parsed, options)
            .expect("a session that has not ended subscribes");
        behind.subscriptions.push((key, credit.is_some()));
        let number = behind.number;
        world.oracle.program_subscribed(number, key, filter, shared);
        return true;
    }
    let Some(raw) = world.raw(peer) else { return false };
    raw.subscriptions
        .push((filter.to_owned(), shared.map(str::to_owned)));
    let message = Subscribe {
        id: Some(id),
        filter: parsed.into_owned(),
        shared: options.shared,
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
    publish_to(world, peer, chosen)
}

/// Publishes many times.
pub(super) fn publish_many(world: &mut World, peer: usize) -> bool {
    let chosen = world.random.pick(TOPICS);
    (0..world.random.within(5, 40)).fold(false, |_, _| publish_to(world, peer, chosen))
}

fn publish_to(world: &mut World, peer: usize, chosen: &'static str) -> bool {
    let (now, number, id) = (world.now, world.number(), world.id());
    let valid = chosen != "t/strict" || world.random.chance(80);
    let content = Content::random(
        number,
        valid && world.random.chance(80),
        world.settings.largest,
        &mut world.random,
    );
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
            behind.publishes.push(key);
            world.oracle.program_published(program, key);
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

/// Calls a method, of one or several.
pub(super) fn request(world: &mut World, peer: usize) -> bool {
    let (now, number, id) = (world.now, world.number(), world.id());
    let valid = world.random.chance(85);
    let content = Content::random(number, valid, world.settings.largest, &mut world.random);
    let random = &mut world.random;
    let targets = targets(random.pick(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3]), random);
    let stream = random.chance(40);
    let deadline = match random.below(10) {
        0 => Deadline::Default,
        1 => Deadline::Never,
        2..=4 => Deadline::After(random.within(1, 30) as u32),
        5..=7 => Deadline::After(random.within(100, 3_000) as u32),
        _ => Deadline::After(random.pick(&[10_000, 30_000])),
    };
    let options = RequestOptions {
        headers: content.headers(),
        deadline,
        stream,
        credit: if stream { random.pick(&[0, 1, 2, 8]) } else { 0 },
    };
    let reused = random.chance(12);
    if let Some(behind) = world.behind(peer) {
        let program = behind.number;
        // Refused where the parts do not go together: then nothing was sent.
        if let Ok(key) = behind.session.request(now, targets, content.payload, options) {
            behind.requests.push(key);
            world.oracle.program_asked(program, key, number, span(deadline));
        }
        return true;
    }
    let Some(raw) = world.raw(peer) else { return false };
    let id = raw.requests.last().copied().filter(|_| reused).unwrap_or(id);
    raw.requests.push(id);
    let message = Request {
        id,
        to: targets,
        headers: options.headers,
        payload: content.payload,
        deadline,
        stream,
        credit: options.credit,
    };
    world.write(peer, &ClientMessage::Request(message));
    true
}

fn targets(count: usize, random: &mut crate::random::Random) -> Targets<'static> {
    let mut address =
        || Address::parse(Cow::Borrowed(random.pick(ADDRESSES))).expect("the simulator's addresses are good");
    if count == 1 {
        return Targets::One(address());
    }
    let several = (0..count).map(|_| address());
    Targets::Several(
        several
            .filter(|address| !address.as_str().starts_with('$'))
            .chain(extra())
            .take(count)
            .collect(),
    )
}

/// Addresses that make up for those that are left out.
fn extra() -> impl Iterator<Item = Address<'static>> {
    let parse = |text: &'static str| Address::parse(text).expect("the simulator's addresses are good");
    ["beta:echo", "gamma:echo", "alpha:strict"].into_iter().map(parse)
}

fn span(deadline: Deadline) -> Option<Duration> {
    match deadline {
        Deadline::Default => Some(Duration::from_secs(5)),
        Deadline::After(ms) => Some(Duration::from_millis(u64::from(ms))),
        Deadline::Never => None,
    }
}

/// Withdraws a request, also one that has ended.
pub(super) fn cancel(world: &mut World, peer: usize) -> bool {
    let draw = world.random.next() as usize;
    if let Some(behind) = world.behind(peer).filter(|behind| !behind.requests.is_empty()) {
        let key = behind.requests.swap_remove(draw % behind.requests.len());
        let number = behind.number;
        behind.session.cancel(key);
        world.oracle.program_cancelled(number, key);
        return true;
    }
    let Some(raw) = world.raw(peer).filter(|raw| !raw.requests.is_empty()) else {
        return false;
    };
    let recent = raw.requests.len().min(3);
    let id = raw.requests[raw.requests.len() - 1 - draw % recent];
    world.write(peer, &ClientMessage::Cancel(id));
    true
}

/// Answers one of the requests that wait, perhaps too late.
pub(super) fn answer(world: &mut World, peer: usize) -> bool {
    let draw = world.random.next() as usize;
    if let Some(behind) = world.behind(peer).filter(|behind| !behind.invocations.is_empty()) {
        let open = behind.invocations[draw % behind.invocations.len()].clone();
        world.answer_as_session(peer, &open);
        return true;
    }
    let Some(raw) = world.raw(peer).filter(|raw| !raw.invocations.is_empty()) else {
        return false;
    };
    let (delivery, stream) = raw.invocations[draw % raw.invocations.len()];
    world.answer_as_raw(peer, delivery, stream);
    true
}

/// Answers what nobody asked.
pub(super) fn answer_wrong(world: &mut World, peer: usize) -> bool {
    if world.raw(peer).is_none() {
        return false;
    }
    let delivery = world.random.pick(&[0, 1 << 40, u64::MAX]);
    let stream = world.random.chance(50);
    world.answer_as_raw(peer, delivery, stream);
    true
}

/// Is done with chunks of a stream, so that more may come.
pub(super) fn consume(world: &mut World, peer: usize) -> bool {
    let (draw, count) = (world.random.next() as usize, world.random.within(1, 3) as u32);
    let Some(behind) = world.behind(peer).filter(|behind| !behind.requests.is_empty()) else {
        return false;
    };
    let key = behind.requests[draw % behind.requests.len()];
    behind.session.consumed(key, count);
    true
}

/// Asks whether the broker has processed everything.
pub(super) fn ping(world: &mut World, peer: usize) -> bool {
    let id = world.id();
    if let Some(behind) = world.behind(peer) {
        let number = behind.number;
        let key = behind
            .session
            .flush()
            .expect("a session that has not ended flushes");
        world.oracle.program_flushed(number, key);
        return true;
    }
    if world.raw(peer).is_none() {
        return false;
    }
    world.write(peer, &ClientMessage::Ping(Some(id)));
    true
}

fn topic(text: &'static str) -> Topic<'static> {
    Topic::parse(text).expect("the simulator's topics are good")
}

fn filter_of(text: &str) -> Filter<'static> {
    Filter::parse(text)
        .expect("the simulator's filters are good")
        .into_owned()
}

/// Bytes that a slow reader's connection takes.
const NARROW: usize = 100;
