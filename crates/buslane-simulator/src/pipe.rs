//! One direction of a simulated connection: bytes that arrive late, in pieces, or never. Knows nothing of messages.

use std::collections::VecDeque;
use std::time::Duration;

use buslane_protocol::Instant;

use crate::random::Random;

/// One direction of a connection.
#[derive(Debug)]
pub(crate) struct Pipe {
    pieces: VecDeque<(Instant, Vec<u8>)>,
    held: usize,
    /// Bytes that fit before the reader has to take some.
    pub(crate) capacity: usize,
    /// Time that a piece needs at least, in microseconds.
    latency: u64,
    /// Nothing arrives before this.
    pub(crate) stalled_until: Instant,
    /// Whether everything written from now on is lost, without anybody noticing.
    pub(crate) lossy: bool,
    last_arrival: Instant,
    end: Option<Instant>,
}

impl Pipe {
    /// Makes an empty pipe.
    pub(crate) fn new(now: Instant, capacity: usize, latency: u64) -> Self {
        Pipe {
            pieces: VecDeque::new(),
            held: 0,
            capacity,
            latency,
            stalled_until: now,
            lossy: false,
            last_arrival: now,
            end: None,
        }
    }

    /// Takes bytes as far as there is room, and has them arrive in pieces. Returns how many it took.
    pub(crate) fn write(&mut self, now: Instant, bytes: &[u8], random: &mut Random) -> usize {
        let taken = bytes.len().min(self.room());
        let mut rest = &bytes[..taken];
        while !rest.is_empty() {
            let length = match random.below(4) {
                0 => 1 + random.index(rest.len()),
                _ => rest.len(),
            };
            let (piece, others) = rest.split_at(length);
            rest = others;
            self.held += piece.len();
            if self.lossy || self.end.is_some() {
                continue;
            }
            let arrival = self.arrival(now, random);
            self.pieces.push_back((arrival, piece.to_vec()));
        }
        taken
    }

    /// Ends the pipe after what was written.
    pub(crate) fn finish(&mut self, now: Instant, random: &mut Random) {
        if self.end.is_none() && !self.lossy {
            self.end = Some(self.arrival(now, random));
        }
    }

    /// Cuts the pipe: of what is under way, the first `kept` bytes still arrive, then the end.
    pub(crate) fn cut(&mut self, now: Instant, kept: usize, random: &mut Random) {
        let mut left = kept;
        for (_, piece) in &mut self.pieces {
            piece.truncate(left);
            left -= piece.len();
        }
        self.pieces.retain(|(_, piece)| !piece.is_empty());
        self.lossy = false;
        self.end = None;
        self.finish(now, random);
    }

    /// Takes the next piece that has arrived.
    pub(crate) fn read(&mut self, now: Instant) -> Option<Vec<u8>> {
        let arrived = now >= self.stalled_until && self.pieces.front().is_some_and(|(at, _)| *at <= now);
        if !arrived {
            return None;
        }
        let (_, piece) = self.pieces.pop_front()?;
        self.held -= piece.len();
        Some(piece)
    }

    /// Tells whether everything was read and nothing more will come.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.pieces.is_empty() && now >= self.stalled_until && self.end.is_some_and(|end| end <= now)
    }

    /// Returns when something arrives next.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        let first = self.pieces.front().map(|(at, _)| *at);
        first.or(self.end).map(|at| at.max(self.stalled_until))
    }

    /// Returns how many bytes fit now.
    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.held)
    }

    /// Returns how many bytes are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.pieces.iter().map(|(_, piece)| piece.len()).sum()
    }

    fn arrival(&mut self, now: Instant, random: &mut Random) -> Instant {
        let wait = Duration::from_micros(1 + self.latency + random.below(1 + self.latency));
        self.last_arrival = self.last_arrival.max(now + wait);
        self.last_arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn bytes_arrive_in_order_and_not_before_their_time() {
        let (mut pipe, mut random) = (Pipe::new(at(0), 100, 10), Random::new(3));
        assert_eq!(pipe.write(at(0), &[7; 150], &mut random), 100);
        assert_eq!(pipe.read(at(9)), None);
        let mut read = 0;
        while let Some(piece) = pipe.read(at(1_000)) {
            read += piece.len();
        }
        assert_eq!((read, pipe.room()), (100, 100));
    }

    #[test]
    fn a_cut_keeps_the_first_bytes_and_then_ends() {
        let (mut pipe, mut random) = (Pipe::new(at(0), 100, 10), Random::new(3));
        pipe.write(at(0), b"abcdef", &mut random);
        pipe.cut(at(1), 4, &mut random);
        let mut read = Vec::new();
        while let Some(piece) = pipe.read(at(1_000)) {
            assert!(!pipe.is_over(at(0)));
            read.extend(piece);
        }
        assert_eq!(read, b"abcd");
        assert!(pipe.is_over(at(1_000)));
    }
}
