//! Measures what the broker confirms one by one: values retained, subscriptions and registrations that come and go. One
//! connection sends a round of such messages, waits for all that answers them, and goes on with the next.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::measurement::{Measured, Period, Target};
use super::progress::Progress;
use super::wire::{Event, Frames, Wire, closed};

/// Messages that are sent at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    /// The messages.
    pub(crate) bytes: Vec<u8>,
    /// Confirmations and deliveries that answer them.
    pub(crate) answers: usize,
    /// What they count for in the figures.
    pub(crate) operations: u64,
}

impl Round {
    /// Adds a message.
    pub(crate) fn push(&mut self, append: impl FnOnce(&mut Vec<u8>), answers: usize, operations: u64) {
        append(&mut self.bytes);
        self.answers += answers;
        self.operations += operations;
    }
}

/// Sends each round once.
pub(crate) async fn send<W: Wire>(socket: &mut TcpStream, rounds: &[Round]) -> io::Result<()> {
    let mut frames = Frames::with_capacity(BUFFER);
    for round in rounds {
        send_round::<W>(socket, &mut frames, round).await?;
    }
    Ok(())
}

/// Sends the rounds one after the other for a period, again and again, and counts what was confirmed.
pub(crate) async fn measure<W: Wire>(
    target: Target,
    period: Period,
    mut socket: TcpStream,
    rounds: &[Round],
    progress: &Progress,
) -> io::Result<Measured> {
    let done = AtomicU64::new(0);
    let sending = async {
        let mut frames = Frames::with_capacity(BUFFER);
        for round in rounds.iter().cycle() {
            send_round::<W>(&mut socket, &mut frames, round).await?;
            done.fetch_add(round.operations, Ordering::Relaxed);
        }
        Err(io::Error::other("there is nothing to send"))
    };
    tokio::select! {
        measured = period.observe(target.pid, || done.load(Ordering::Relaxed), progress) => Ok(measured),
        ended = sending => ended,
    }
}

async fn send_round<W: Wire>(socket: &mut TcpStream, frames: &mut Frames, round: &Round) -> io::Result<()> {
    socket.write_all(&round.bytes).await?;
    let (mut answers, mut out) = (0, Vec::new());
    while answers < round.answers {
        let open = frames.read::<W, _>(socket, |event| match event {
            Event::Ready | Event::Message => answers += 1,
            Event::Ping => W::pong(&mut out),
            _ => {}
        });
        if !open.await? {
            return Err(closed("that sends in rounds"));
        }
        socket.write_all(&out).await?;
        out.clear();
    }
    Ok(())
}

/// Bytes of a receive buffer.
const BUFFER: usize = 64 << 10;
