//! Everything that there is in a run, and how time passes in it.

use std::time::Duration;

use buslane_engine::Engine;
use buslane_protocol::{Id, Instant};

use crate::broker::{Job, engine};
use crate::connection::Connection;
use crate::oracle::Oracle;
use crate::peer::Peer;
use crate::pipe::Pipe;
use crate::random::Random;
use crate::settings::{BEGINNING, Kind, Settings};
use crate::workload::settle_in;

/// Everything that there is in a run.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) random: Random,
    pub(crate) settings: Settings,
    pub(crate) engine: Engine,
    pub(crate) oracle: Oracle,
    /// Every connection that there ever was.
    pub(crate) connections: Vec<Connection>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) jobs: Vec<Job>,
    /// Whether the broker can be reached.
    pub(crate) reachable: bool,
    /// Secrets of registrations, by service and instance.
    pub(crate) secrets: Vec<(String, String, String)>,
    numbers: u64,
}

impl World {
    /// Makes the world of a seed.
    pub(crate) fn new(seed: u64, recording: bool) -> World {
        let mut random = Random::new(seed);
        let settings = Settings::random(&mut random);
        let engine = engine(&settings.limits, &mut random);
        let mut world = World {
            now: BEGINNING,
            oracle: Oracle::new(settings.limits.clone(), recording),
            engine,
            random,
            settings,
            connections: Vec::new(),
            peers: Vec::new(),
            jobs: Vec::new(),
            reachable: true,
            secrets: Vec::new(),
            numbers: 0,
        };
        world.oracle.tell_time(world.now);
        for kind in world.settings.peers.clone() {
            let peer = world.add_peer(kind);
            settle_in(&mut world, peer);
        }
        world
    }

    /// Adds a peer, which joins.
    pub(crate) fn add_peer(&mut self, kind: Kind) -> usize {
        let peer = Peer::new(kind, self.now);
        self.peers.push(peer);
        let place = self.peers.len() - 1;
        self.join(place);
        place
    }

    /// Returns a number that no other message of the run has.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Returns an id that no other message of the run has.
    pub(crate) fn id(&mut self) -> Id {
        let number = self.number();
        Id::parse(&format!("i{number}")).expect("a letter and digits make an id")
    }

    /// Makes a connection for a peer; the broker hears of it when its first bytes arrive.
    pub(crate) fn dial(&mut self, peer: usize) -> usize {
        let kind = self.peers[peer].kind;
        let latency = self.settings.latency;
        let up = Pipe::new(self.now, usize::MAX, latency);
        let down = Pipe::new(self.now, self.settings.window, latency);
        self.connections
            .push(Connection::new(peer, kind.framing, kind.principal, up, down));
        let place = self.connections.len() - 1;
        self.peers[peer].connection = Some(place);
        self.oracle.coverage.count("dialled");
        self.oracle.trace.note(|| format!("peer {peer} dials c{place}"));
        place
    }

    /// Lets a peer give up its end of its connection, after what it has written.
    pub(crate) fn hang_up(&mut self, peer: usize) {
        if let Some(place) = self.peers[peer].connection.take() {
            let connection = &mut self.connections[place];
            connection.attached = false;
            connection.up.finish(self.now, &mut self.random);
            connection.down.capacity = usize::MAX;
            connection.down.lossy = true;
        }
    }

    /// Cuts a connection at a random byte of what is under way, in each direction.
    pub(crate) fn cut(&mut self, place: usize) {
        let World {
            connections,
            random,
            now,
            ..
        } = self;
        let connection = &mut connections[place];
        for pipe in [&mut connection.up, &mut connection.down] {
            let kept = random.index(pipe.under_way() + 1);
            pipe.cut(*now, kept, random);
        }
        self.oracle.trace.note(|| format!("c{place} is cut"));
    }

    /// Replaces the broker by a new one; every connection ends.
    pub(crate) fn restart(&mut self) {
        for place in 0..self.connections.len() {
            if !self.connections[place].over {
                self.cut(place);
                let connection = &mut self.connections[place];
                connection.over = true;
                connection.client = None;
                connection.parked = None;
            }
        }
        self.jobs.clear();
        self.secrets.clear();
        self.engine = engine(&self.settings.limits, &mut self.random);
        self.oracle.restarted();
        self.oracle.trace.note(|| "the broker restarts".to_owned());
    }

    /// Does everything that is due now.
    pub(crate) fn turn(&mut self) {
        self.oracle.tell_time(self.now);
        self.drive_broker();
        for peer in 0..self.peers.len() {
            self.drive_peer(peer);
        }
        self.oracle.trace.mix_number(self.now.as_micros());
        if self.oracle.is_stirred() {
            self.check_numbers();
        }
    }

    /// Has the oracle look at the broker's numbers.
    fn check_numbers(&mut self) {
        let counters = self.engine.counters();
        let gauges = self.engine.gauges();
        self.oracle.check_numbers(counters, &gauges);
        let torn = self
            .connections
            .iter()
            .any(|known| known.client.is_some() && known.tap.is_within());
        self.oracle.check_sums(counters, &gauges, torn);
    }

    /// Returns when something is due next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let pipes = self.connections.iter().flat_map(|connection| {
            let up = connection
                .is_read()
                .then(|| connection.up.next_arrival())
                .flatten();
            let reads = connection.attached && !self.peers[connection.peer].is_frozen(self.now);
            let down = reads.then(|| connection.down.next_arrival()).flatten();
            let may_go_on = connection.blocked && connection.client.is_some() && connection.down.room() > 0;
            let retry = may_go_on.then(|| connection.retry_at.unwrap_or(self.now));
            [up, down, retry]
        });
        let peers = self.peers.iter().filter_map(|peer| peer.due(self.now));
        let jobs = self.jobs.iter().map(|job| job.due);
        let due = pipes
            .flatten()
            .chain(peers)
            .chain(jobs)
            .chain(self.engine.poll_timeout());
        due.min()
    }

    /// Lets time pass until `end`, doing everything at its time.
    pub(crate) fn pass(&mut self, end: Instant) {
        loop {
            self.turn();
            if self.oracle.broken.is_some() {
                return;
            }
            match self.next_due() {
                Some(due) if due <= end => self.now = self.now.max(due),
                _ if self.now < end => self.now = end,
                _ => return,
            }
            self.oracle.tell_time(self.now);
        }
    }

    /// Lets time pass.
    pub(crate) fn pass_for(&mut self, time: Duration) {
        self.pass(self.now + time);
    }
}
