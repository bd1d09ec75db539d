//! How a run ends: everything heals and comes to rest, newcomers look at what is there, and everybody leaves.

use std::time::Duration;

use buslane_protocol::{ClientMessage, Credit, Filter, Framing, Payload, Publish, Retain, Subscribe, Topic};

use crate::content::Content;
use crate::peer::{Program, name};
use crate::settings::{FRAMINGS, Kind};
use crate::world::World;

impl World {
    /// Heals everything, lets it come to rest, and looks at what is then.
    pub(crate) fn rest(&mut self) {
        self.reachable = true;
        let lost = |place: &usize| {
            let connection = &self.connections[*place];
            !connection.over && (connection.up.lossy || connection.down.lossy)
        };
        let broken: Vec<usize> = (0..self.connections.len()).filter(lost).collect();
        for place in broken {
            self.cut(place);
        }
        self.settings.window = AMPLE_WINDOW;
        self.settings.upward = AMPLE_WINDOW;
        for connection in &mut self.connections {
            connection.down.capacity = AMPLE_WINDOW;
            connection.up.stalled_until = self.now;
            connection.down.stalled_until = self.now;
        }
        for peer in &mut self.peers {
            peer.frozen_until = self.now;
        }
        self.pass_for(REST);
        self.give_ample_credit();
        self.pass_for(LOOK);
        if self.oracle.broken.is_some() {
            return;
        }
        for place in 0..self.connections.len() {
            if self.connections[place].client.is_some() {
                self.oracle.check_credited(place);
            }
        }
        let ample = self.oracle.has_ample_memory();
        for peer in 0..self.peers.len() {
            if let Program::Session(behind) = &self.peers[peer].program {
                let connected = behind.session.state() == buslane_session::State::Connected;
                self.oracle.check_program(behind.number, connected);
                if let Some(place) = self.peers[peer].connection.filter(|_| connected) {
                    self.oracle.check_standing(behind.number, place);
                }
            }
            if let Some(place) = self.peers[peer]
                .connection
                .filter(|place| ample && self.connections[*place].client.is_some())
            {
                self.oracle.check_view(place);
            }
        }
        self.watch();
    }

    /// Allows every subscription more than anybody published.
    fn give_ample_credit(&mut self) {
        for peer in 0..self.peers.len() {
            if let Some(behind) = self.behind(peer) {
                for (key, _) in behind.subscriptions.clone() {
                    behind.session.credit(key, AMPLE_CREDIT);
                }
                self.run_session(peer);
            }
            let raw = self.raw(peer).map(|raw| raw.subscriptions.clone());
            for (filter, shared) in raw.unwrap_or_default() {
                let credit = Credit {
                    id: None,
                    filter: Filter::parse(filter).ok(),
                    shared: shared.as_deref().map(name),
                    count: AMPLE_CREDIT,
                };
                self.write(peer, &ClientMessage::Credit(credit));
            }
        }
    }

    /// Has newcomers look at what is there.
    fn watch(&mut self) {
        let limits = &self.settings.limits;
        if !self.oracle.has_ample_memory()
            || self.connections.iter().filter(|known| !known.over).count() + 1 >= limits.connections
        {
            return;
        }
        let kind = Kind {
            session: false,
            framing: self.random.pick(&FRAMINGS),
            principal: 0,
        };
        let watcher = self.add_peer(kind);
        for filter in ["#", "$bus/service/#"] {
            let id = self.id();
            let subscribe = Subscribe {
                id: Some(id),
                filter: Filter::parse(filter).expect("the simulator's filters are good"),
                shared: None,
                overflow: Default::default(),
                credit: None,
            };
            self.write(watcher, &ClientMessage::Subscribe(subscribe));
        }
        self.pass_for(LOOK);
        if let Some(place) = self.peers[watcher].connection {
            self.oracle.check_view(place);
            self.oracle.check_retained(place);
        }
    }

    /// Has everybody leave, and looks at what is left.
    pub(crate) fn disband(&mut self) {
        for peer in 0..self.peers.len() {
            self.hang_up(peer);
            self.peers[peer].program = Program::Away;
        }
        self.pass_for(LOOK);
        self.clear_retained();
        let counters = self.engine.counters().clone();
        let gauges = self.engine.gauges();
        if self.oracle.broken.is_none() {
            self.oracle.check_empty(&counters, &gauges);
        }
    }

    /// Has one more come and clear every retained value.
    fn clear_retained(&mut self) {
        let kind = Kind {
            session: false,
            framing: Framing::JsonLines,
            principal: 0,
        };
        let janitor = self.add_peer(kind);
        for topic in self.oracle.kept_topics() {
            let number = self.number();
            let message = Publish {
                id: None,
                topic: Topic::parse(topic).expect("a topic that is kept is one"),
                headers: Content {
                    number,
                    payload: Payload::absent(),
                }
                .headers(),
                payload: Payload::absent(),
                ack: false,
                retain: Retain::Clear,
                retain_ms: None,
                exclude_self: false,
            };
            self.write(janitor, &ClientMessage::Publish(message));
        }
        self.pass_for(LOOK);
        self.hang_up(janitor);
        self.peers[janitor].program = Program::Away;
        self.pass_for(LOOK);
    }
}

/// Time for everything to come to rest: longer than any deadline and any silence that is borne.
const REST: Duration = Duration::from_secs(100);
/// Time for a newcomer to see everything.
const LOOK: Duration = Duration::from_secs(3);
/// Credit that nobody uses up.
const AMPLE_CREDIT: u32 = 1_000_000;
/// Bytes that a connection takes when everything is healed.
const AMPLE_WINDOW: usize = 1 << 20;
