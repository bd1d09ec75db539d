//! The handles under which the driver and the engine speak of the same thing. They carry no meaning of their own.

use std::fmt;

use crate::slots::SlotKey;

/// A connection, from [`Engine::open`](crate::Engine::open) to [`Engine::close`](crate::Engine::close).
///
/// Slots are used again, generations are not: the id of a connection that is gone never means another one, so a late
/// call with it does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(u64);

impl ClientId {
    /// Makes the id of an entry of the client table.
    pub(crate) const fn of(key: SlotKey) -> Self {
        ClientId(key.as_u64())
    }

    /// Returns the entry of the client table.
    pub(crate) const fn key(self) -> SlotKey {
        SlotKey::from_u64(self.0)
    }

    /// Reads an id that [`ClientId::as_u64`] packed.
    pub(crate) const fn from_u64(packed: u64) -> Self {
        ClientId(packed)
    }

    /// Packs the id.
    pub(crate) const fn as_u64(self) -> u64 {
        self.0
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
