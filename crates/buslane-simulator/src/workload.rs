//! What happens: actions drawn by weight, of peers, of the network and of the broker's operator.

mod asks;
mod listens;
mod network;
mod offers;

use crate::peer::Program;
use crate::world::World;

/// Something that happens.
#[derive(Clone, Copy)]
struct Action {
    name: &'static str,
    weight: u64,
    /// Does it, if it is possible; tells whether it was.
    act: fn(&mut World, usize) -> bool,
}

impl World {
    /// Does one thing.
    pub(crate) fn act(&mut self) {
        let action = ACTIONS[self.random.weighted(ACTIONS.iter().map(|action| action.weight))];
        let peer = self.random.index(self.peers.len());
        if self.peers[peer].is_frozen(self.now) {
            return;
        }
        self.oracle.tell_time(self.now);
        self.oracle
            .trace
            .note(|| format!("-- {} by peer {peer} at {:?}", action.name, self.now));
        if (action.act)(self, peer) {
            self.oracle.coverage.count(action.name);
        }
        if let Program::Session(_) = self.peers[peer].program {
            self.run_session(peer);
        }
    }

    /// Tells whether a peer takes part.
    fn takes_part(&mut self, peer: usize) -> bool {
        self.behind(peer).is_some() || (self.raw(peer).is_some() && self.peers[peer].connection.is_some())
    }
}

/// Does what most newcomers do first: offer something and listen.
pub(crate) fn settle_in(world: &mut World, peer: usize) {
    for act in [offers::register, listens::subscribe, listens::subscribe] {
        if world.random.chance(55) {
            act(world, peer);
        }
    }
    if world.behind(peer).is_some() {
        world.run_session(peer);
    }
}

/// Returns the names of everything that may happen.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().map(|action| action.name)
}

macro_rules! actions {
    ($($name:literal $weight:literal $act:expr,)*) => {
        &[$(Action { name: $name, weight: $weight, act: $act }),*]
    };
}

const ACTIONS: &[Action] = actions! {
    "act: join" 30 network::join,
    "act: say goodbye" 4 network::say_goodbye,
    "act: leave without a word" 4 network::leave,
    "act: cut" 6 network::cut,
    "act: lose bytes unnoticed" 2 network::lose_unnoticed,
    "act: stall reading" 8 network::stall_reader,
    "act: stall writing" 4 network::stall_writer,
    "act: freeze" 4 network::freeze,
    "act: stop the clock" 2 network::jump,
    "act: set the clock back" 1 network::set_back,
    "act: garbage" 2 network::garbage,
    "act: unreachable" 2 network::unreachable,
    "act: drain the broker" 1 network::drain,
    "act: restart the broker" 1 network::restart,
    "act: register" 30 offers::register,
    "act: take over" 8 offers::take_over,
    "act: unregister" 5 offers::unregister,
    "act: unregister when finished" 5 offers::unregister_drain,
    "act: subscribe" 40 listens::subscribe,
    "act: watch slowly" 5 listens::watch_slowly,
    "act: unsubscribe" 10 listens::unsubscribe,
    "act: give credit" 12 listens::credit,
    "act: publish" 60 listens::publish,
    "act: publish many" 8 listens::publish_many,
    "act: publish more than waits" 6 listens::flood,
    "act: request" 70 asks::request,
    "act: cancel" 10 asks::cancel,
    "act: answer" 60 asks::answer,
    "act: answer nothing that was asked" 6 asks::answer_wrong,
    "act: consume" 10 asks::consume,
    "act: ping" 8 asks::ping,
};
