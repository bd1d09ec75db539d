//! What peers offer: registrations, taken over and given up.

use std::collections::BTreeMap;

use buslane_protocol::{
    ClientMessage, MethodDeclaration, Register, Registration, Topic, TopicDeclaration, Unregister,
};

use crate::peer::name;
use crate::schema::{BROKEN, WANTS_OK, schema};
use crate::workload::listens::topic;
use crate::world::World;

/// Registers an instance of a service, or a consumer.
pub(super) fn register(world: &mut World, peer: usize) -> bool {
    let registration = registration(world);
    ask_to_register(world, peer, registration, None)
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
        let (number, service) = (behind.number, registration.name.clone());
        let key = behind
            .session
            .register(now, registration)
            .expect("a session that has not ended registers");
        behind.registrations.push(key);
        world.oracle.program_offers(number, key, service.as_str());
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
        let number = behind.number;
        behind.session.unregister(key, drain);
        world.oracle.program_withdraws(number, key);
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

const SERVICES: &[&str] = &["alpha", "alpha", "alpha", "beta", "gamma"];
const INSTANCES: &[Option<&str>] = &[Some("one"), Some("two"), Some("three"), None];
