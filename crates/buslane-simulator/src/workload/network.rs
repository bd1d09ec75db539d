//! What happens to connections, clocks and the broker itself.

use std::time::Duration;

use buslane_protocol::{ClientMessage, Goodbye, Instant};

use crate::connection::is_websocket;
use crate::peer::Program;
use crate::settings::BEGINNING;
use crate::websocket;
use crate::workload::settle_in;
use crate::world::World;

/// Joins again.
pub(super) fn join(world: &mut World, peer: usize) -> bool {
    if world.takes_part(peer) {
        return false;
    }
    world.join(peer);
    settle_in(world, peer);
    true
}

/// Leaves in the clean way.
pub(super) fn say_goodbye(world: &mut World, peer: usize) -> bool {
    let now = world.now;
    if let Some(behind) = world.behind(peer) {
        behind.session.close(now);
        return true;
    }
    if !world.takes_part(peer) {
        return false;
    }
    if is_websocket(world.peers[peer].kind.framing) && world.random.chance(50) {
        let mut bytes = Vec::new();
        websocket::write_frame(&mut bytes, websocket::CLOSE, true, b"", &mut world.random);
        world.write_bytes(peer, &bytes);
    } else {
        world.write(peer, &ClientMessage::Goodbye(Goodbye::default()));
    }
    true
}

/// Leaves without a word.
pub(super) fn leave(world: &mut World, peer: usize) -> bool {
    let taking_part = world.takes_part(peer);
    world.hang_up(peer);
    world.peers[peer].program = Program::Away;
    taking_part
}

/// Cuts a connection at any byte.
pub(super) fn cut(world: &mut World, peer: usize) -> bool {
    let Some(place) = world.peers[peer].connection else {
        return false;
    };
    world.cut(place);
    true
}

/// Has a connection lose everything from now on without anybody noticing.
pub(super) fn lose_unnoticed(world: &mut World, peer: usize) -> bool {
    let Some(place) = world.peers[peer].connection else {
        return false;
    };
    let both = world.random.chance(70);
    world.connections[place].up.lossy = true;
    world.connections[place].down.lossy |= both;
    world.oracle.trace.note(|| format!("c{place} loses everything"));
    true
}

/// Has a reader stop for some time, or for good.
pub(super) fn stall_reader(world: &mut World, peer: usize) -> bool {
    let Some(place) = world.peers[peer].connection else {
        return false;
    };
    let time = world.random.pick(&[1, 50, 2_000, 30_000, 1_000_000]);
    world.connections[place].down.stalled_until = world.now + Duration::from_millis(time);
    world
        .oracle
        .trace
        .note(|| format!("c{place} does not read for {time} ms"));
    true
}

/// Has what a writer sends stop on the way for some time.
pub(super) fn stall_writer(world: &mut World, peer: usize) -> bool {
    let Some(place) = world.peers[peer].connection else {
        return false;
    };
    let time = world.random.pick(&[1, 50, 2_000, 30_000]);
    world.connections[place].up.stalled_until = world.now + Duration::from_millis(time);
    true
}

/// Has a program stop altogether for some time.
pub(super) fn freeze(world: &mut World, peer: usize) -> bool {
    let time = world.random.pick(&[10, 700, 4_000, 60_000]);
    world.peers[peer].frozen_until = world.now + Duration::from_millis(time);
    world.takes_part(peer)
}

/// Lets time pass in which nobody, the broker included, did anything.
pub(super) fn jump(world: &mut World, _peer: usize) -> bool {
    let time = world.random.pick(&[100, 2_000, 20_000, 100_000]);
    world.now = world.now + Duration::from_millis(time);
    world.oracle.tell_time(world.now);
    true
}

/// Sets everybody's clock back, as no good clock does.
pub(super) fn set_back(world: &mut World, _peer: usize) -> bool {
    let time = world.random.pick(&[1, 100, 2_000, 20_000]) * 1_000;
    world.look_at_clock();
    let earlier = world.now.as_micros().saturating_sub(time);
    world.now = Instant::from_micros(earlier).max(BEGINNING);
    world.oracle.tell_time(world.now);
    true
}

/// Writes what is no message.
pub(super) fn garbage(world: &mut World, peer: usize) -> bool {
    if world.raw(peer).is_none() || world.peers[peer].connection.is_none() {
        return false;
    }
    let bytes = world.random.pick(&[
        &b"\n"[..],
        b"{\"type\":\"nonsense\"}",
        b"{\"type\":\"subscribe\",\"filter\":\"a/#/b\"}",
        b"{\"type\":\"publish\",\"topic\":\"a/b\"",
        b"\x18\x00\x00\x00\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\xff\xff\xff\xff\xff",
    ]);
    if is_websocket(world.peers[peer].kind.framing) && world.random.chance(30) {
        world.write_bytes(peer, bytes);
    } else {
        world.write_message(peer, bytes);
    }
    true
}

/// Has the broker be reachable or not.
pub(super) fn unreachable(world: &mut World, _peer: usize) -> bool {
    world.reachable = !world.reachable;
    true
}

/// Has the broker begin to shut down; a new one follows.
pub(super) fn drain(world: &mut World, _peer: usize) -> bool {
    let time = world.random.pick(&[100, 2_000]);
    world.engine.drain(world.now, Duration::from_millis(time));
    world.oracle.drained();
    world.follow(None);
    world.pass(world.oracle.now + Duration::from_millis(time + 10));
    if world.oracle.broken.is_none() {
        world.oracle.check_shut(world.engine.gauges().clients);
        world.restart();
    }
    true
}

/// Has the broker die and a new one begin.
pub(super) fn restart(world: &mut World, _peer: usize) -> bool {
    world.restart();
    true
}
