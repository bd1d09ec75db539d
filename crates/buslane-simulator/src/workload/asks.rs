//! What peers ask each other, and how they answer.

use std::borrow::Cow;
use std::time::Duration;

use buslane_protocol::{Address, ClientMessage, Deadline, Request, Targets};
use buslane_session::RequestOptions;

use crate::content::Content;
use crate::random::Random;
use crate::world::World;

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

fn targets(count: usize, random: &mut Random) -> Targets<'static> {
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

/// Answers what nobody asked, or asked on another connection, or has an answer to.
pub(super) fn answer_wrong(world: &mut World, peer: usize) -> bool {
    if world.raw(peer).is_none() {
        return false;
    }
    // Numbers count up on each connection, so that another connection is likely to be asked under the same one. What
    // waits to be written is left alone, since nobody could know it.
    let place = world.peers[peer].connection;
    let last = place.map_or(0, |place| world.oracle.last_handed(place));
    let other = 1 + world.random.below(last);
    let other = if last == 0 { u64::MAX } else { other };
    let delivery = world.random.pick(&[0, 1 << 40, u64::MAX, other, other, other]);
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
    let (upto, id) = (world.number(), world.id());
    if let Some(behind) = world.behind(peer) {
        let number = behind.number;
        let key = behind
            .session
            .flush()
            .expect("a session that has not ended flushes");
        world.oracle.program_flushed(number, key, upto);
        return true;
    }
    if world.raw(peer).is_none() {
        return false;
    }
    world.write(peer, &ClientMessage::Ping(Some(id)));
    true
}

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
