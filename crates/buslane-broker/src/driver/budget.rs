//! One cap over what the engine and the driver hold together. Owns the two sums; whoever holds the bytes says how many
//! they are.

use std::cell::{Cell, RefCell, RefMut};
use std::ops::{Deref, DerefMut};

use buslane_engine::Engine;

/// The bytes of the engine and those of the driver, under one cap.
#[derive(Debug)]
pub(crate) struct Budget {
    cap: usize,
    engine: Cell<usize>,
    driver: Cell<usize>,
}

impl Budget {
    /// Makes a budget with a cap, in bytes.
    pub(crate) fn new(cap: usize) -> Self {
        Budget {
            cap,
            engine: Cell::new(0),
            driver: Cell::new(0),
        }
    }

    /// Tells whether the driver may hold this many more bytes: never more than its share, so that strangers leave room
    /// for the bus.
    pub(super) fn fits(&self, bytes: usize) -> bool {
        let driver = self.driver.get().saturating_add(bytes);
        driver <= self.cap / DRIVER_SHARE && driver.saturating_add(self.engine.get()) <= self.cap
    }

    /// Notes that what the driver held as `before` bytes has `after` now.
    pub(super) fn resized(&self, before: usize, after: usize) {
        self.driver.set(self.driver.get() + after - before);
    }

    /// Borrows the engine, which then knows what the driver holds.
    #[inline]
    pub(super) fn open<'a>(&'a self, engine: &'a RefCell<Engine>) -> OpenEngine<'a> {
        let mut engine = engine.borrow_mut();
        engine.set_transport_bytes(self.driver.get());
        OpenEngine { engine, budget: self }
    }
}

/// The engine, borrowed. Given back, the budget knows what it holds.
pub(crate) struct OpenEngine<'a> {
    engine: RefMut<'a, Engine>,
    budget: &'a Budget,
}

impl Deref for OpenEngine<'_> {
    type Target = Engine;

    #[inline]
    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl DerefMut for OpenEngine<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }
}

impl Drop for OpenEngine<'_> {
    #[inline]
    fn drop(&mut self) {
        self.budget.engine.set(self.engine.own_bytes());
    }
}

/// Which part of the cap the driver may have.
const DRIVER_SHARE: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_has_half_at_the_most_and_what_the_engine_leaves() {
        let budget = Budget::new(100);
        assert!(budget.fits(50) && !budget.fits(51));
        budget.resized(0, 30);
        assert!(budget.fits(20) && !budget.fits(21));
        budget.engine.set(65);
        assert!(budget.fits(5) && !budget.fits(6));
        assert!(!budget.fits(usize::MAX));
    }
}
