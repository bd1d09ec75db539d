//! The bytes that the broker accounts for, by what they are for, under one cap. Owns the figures only: whoever holds
//! the bytes says how many they are.

/// What accounted bytes are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Category {
    /// Bytes queued for clients, with the room in their buffers.
    Outbox,
    /// Retained values.
    Retained,
    /// Registrations with their schemas.
    Registrations,
    /// Compiled schemas, and what is remembered of services.
    Contracts,
    /// Subscriptions.
    Subscriptions,
    /// Requests in flight.
    Requests,
    /// Messages that wait for credit or for their validation.
    Waiting,
    /// Connections.
    Clients,
    /// What the driver holds: input of which a part is there, strangers, and HTTP.
    Transport,
}

impl Category {
    /// Every category, in the order of the metrics.
    pub(crate) const ALL: [Category; 9] = [
        Category::Outbox,
        Category::Retained,
        Category::Registrations,
        Category::Contracts,
        Category::Subscriptions,
        Category::Requests,
        Category::Waiting,
        Category::Clients,
        Category::Transport,
    ];

    /// Returns the category's label in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Category::Outbox => "outbox",
            Category::Retained => "retained",
            Category::Registrations => "registrations",
            Category::Contracts => "contracts",
            Category::Subscriptions => "subscriptions",
            Category::Requests => "requests",
            Category::Waiting => "waiting",
            Category::Clients => "clients",
            Category::Transport => "transport",
        }
    }
}

/// The accounted bytes of the broker under a cap.
///
/// Owners that add and remove single things call [`Memory::reserve`] and [`Memory::release`]; owners that keep a sum of
/// their own (outboxes through [`BufferPool::lent`](crate::buffer_pool::BufferPool::lent), subscriptions, retained
/// values) ask [`Memory::fits`] before they grow and report the sum with [`Memory::set`] after.
#[derive(Debug)]
pub(crate) struct Memory {
    cap: usize,
    total: usize,
    used: [usize; Category::ALL.len()],
}

impl Memory {
    /// Makes an account with a cap, in bytes.
    pub(crate) fn new(cap: usize) -> Memory {
        Memory {
            cap,
            total: 0,
            used: [0; Category::ALL.len()],
        }
    }

    /// Tells whether this many more bytes stay under the cap.
    #[inline]
    pub(crate) fn fits(&self, bytes: usize) -> bool {
        bytes <= self.cap.saturating_sub(self.total)
    }

    /// Adds bytes if they stay under the cap; tells whether it did.
    #[must_use]
    pub(crate) fn reserve(&mut self, category: Category, bytes: usize) -> bool {
        let fits = self.fits(bytes);
        if fits {
            self.total += bytes;
            self.used[category as usize] += bytes;
        }
        fits
    }

    /// Takes bytes off that were reserved.
    pub(crate) fn release(&mut self, category: Category, bytes: usize) {
        let used = &mut self.used[category as usize];
        debug_assert!(*used >= bytes, "{category:?} releases {bytes} of {used} bytes");
        let bytes = bytes.min(*used);
        *used -= bytes;
        self.total -= bytes;
    }

    /// Sets a category to the sum that its owner keeps.
    #[inline]
    pub(crate) fn set(&mut self, category: Category, bytes: usize) {
        let used = &mut self.used[category as usize];
        self.total = self.total - *used + bytes;
        *used = bytes;
    }

    /// Tells whether a sum that was [set](Memory::set) went past the cap.
    #[inline]
    pub(crate) fn is_past_cap(&self) -> bool {
        self.total > self.cap
    }

    /// Returns the bytes of one category.
    pub(crate) fn used(&self, category: Category) -> usize {
        self.used[category as usize]
    }

    /// Returns the bytes of all categories.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Returns the cap.
    pub(crate) fn cap(&self) -> usize {
        self.cap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_past_the_cap_changes_nothing() {
        let mut memory = Memory::new(100);
        assert!(memory.reserve(Category::Requests, 60));
        assert!(!memory.reserve(Category::Registrations, 41));
        assert_eq!((memory.total(), memory.used(Category::Registrations)), (60, 0));
        assert!(memory.reserve(Category::Registrations, 40));
        assert!(!memory.fits(1) && memory.fits(0));
        assert!(!memory.fits(usize::MAX));
    }

    #[test]
    fn the_total_is_the_sum_of_the_categories() {
        let mut memory = Memory::new(1000);
        for (index, category) in Category::ALL.into_iter().enumerate() {
            assert!(memory.reserve(category, index * 10));
        }
        memory.set(Category::Outbox, 500);
        memory.release(Category::Requests, 15);
        let sum: usize = Category::ALL
            .into_iter()
            .map(|category| memory.used(category))
            .sum();
        assert_eq!((memory.total(), sum), (845, 845));
    }

    #[test]
    fn a_sum_past_the_cap_is_told_and_leaves_no_room() {
        let mut memory = Memory::new(100);
        memory.set(Category::Outbox, 120);
        assert!(!memory.fits(1));
        memory.set(Category::Outbox, 90);
        assert!(memory.fits(10));
    }
}
