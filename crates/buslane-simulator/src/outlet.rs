//! What the simulated broker writes: as much as each connection takes, and all of it under the eyes of the oracle.

use std::io;
use std::time::Duration;

use buslane_engine::Transmit;

use crate::connection::decode_broker;
use crate::world::World;

impl World {
    /// Writes every outbox that got bytes, and those that may go on.
    pub(crate) fn flush(&mut self) {
        while let Some(client) = self.engine.poll_dirty() {
            if let Some(place) = self.place_of(client)
                && !self.connections[place].blocked
            {
                self.transmit(place);
            }
        }
        for place in 0..self.connections.len() {
            let connection = &self.connections[place];
            let may_go_on = connection.blocked
                && connection.down.room() > 0
                && connection.retry_at.is_none_or(|retry| retry <= self.now);
            if may_go_on {
                self.transmit(place);
            }
        }
        for place in 0..self.connections.len() {
            if self.connections[place].client.is_some() && !self.connections[place].blocked {
                self.oracle.emptied(place);
            }
        }
    }

    /// Writes what the engine has for a connection, as far as the pipe takes it.
    pub(crate) fn transmit(&mut self, place: usize) {
        let Some(client) = self.connections[place].client else {
            return;
        };
        let whole = !self.random.chance(10);
        let World {
            engine,
            connections,
            random,
            now,
            ..
        } = self;
        let connection = &mut connections[place];
        let mut written = Vec::new();
        let result = engine.transmit(*now, client, |slices| {
            let offered = slices.iter().fold(Vec::new(), |mut offered, slice| {
                offered.extend_from_slice(slice);
                offered
            });
            let wanted = if whole {
                offered.len()
            } else {
                1 + random.index(offered.len().max(1))
            };
            let taken = connection
                .down
                .write(*now, &offered[..wanted.min(offered.len())], random);
            written.extend_from_slice(&offered[..taken]);
            if taken == 0 && !offered.is_empty() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(taken)
        });
        let blocked = result.expect("a simulated pipe takes bytes or blocks") == Transmit::Blocked;
        connection.blocked = blocked;
        connection.retry_at = (blocked && connection.down.room() > 0).then(|| *now + PAUSE);
        self.oracle.trace.mix_number(place as u64);
        self.oracle.trace.mix(&written);
        connection.tap.extend(&written);
        self.look(place);
        if blocked {
            self.oracle.blocked(place);
        } else if self.connections[place].client.is_some() {
            self.oracle.emptied(place);
        }
        self.follow(None);
    }

    /// Shows the oracle what was written.
    fn look(&mut self, place: usize) {
        loop {
            let framing = self.connections[place].framing;
            let frame = match self.connections[place].tap.take(usize::MAX) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(problem) => {
                    return self
                        .oracle
                        .broken(format!("the broker wrote no frame: {problem:?}"), &[]);
                }
            };
            match decode_broker(framing, &frame.bytes) {
                Ok(message) => self.oracle.wrote(place, &message, frame.wire),
                Err(error) => self
                    .oracle
                    .broken(format!("the broker wrote no message: {error}"), &[]),
            }
        }
    }
}

/// How long a socket that took only a part waits.
const PAUSE: Duration = Duration::from_micros(7);
