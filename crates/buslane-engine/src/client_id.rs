//! The handles under which the driver and the engine speak of the same thing. They carry no meaning of their own.

use std::fmt;

/// A connection, from [`Engine::open`](crate::Engine::open) to [`Engine::close`](crate::Engine::close).
///
/// Slots are used again, generations are not: the id of a connection that is gone never means another one, so a late
/// call with it does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(u64);

impl ClientId {
    /// Joins a slot and its generation.
    pub(crate) const fn new(slot: u32, generation: u32) -> Self {
        ClientId((generation as u64) << 32 | slot as u64)
    }

    /// Returns the slot: a small number, unique among the connections that are open, fit to index a table.
    pub const fn slot(self) -> usize {
        (self.0 as u32) as usize
    }

    /// Returns how often the slot was used before.
    pub const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ClientId({}.{})", self.slot(), self.generation())
    }
}

/// Work that the engine gave out and waits for: see [`Output::Compile`](crate::Output::Compile) and
/// [`Output::Validate`](crate::Output::Validate). Counts up, and is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);
