//! Panics on demand, in test builds only: shows what a panic in the library looks like to C++. No header declares it.

use std::sync::atomic::{AtomicBool, Ordering};

static TOLD: AtomicBool = AtomicBool::new(false);

/// Lets the next call from C++ panic, on whatever thread it comes.
// SAFETY: no other function of the program has this name.
#[unsafe(no_mangle)]
extern "C" fn buslane_test_panic_next() {
    TOLD.store(true, Ordering::SeqCst);
}

/// Panics if it was told to, once.
pub(crate) fn panic_if_told() {
    if TOLD.swap(false, Ordering::SeqCst) {
        panic!("as the test wants it");
    }
}
