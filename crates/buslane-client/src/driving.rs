//! Who polls the driver: the client's own task, and in its place the guard when that task's runtime is held up.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::direct::standing_in;
use crate::driver::{Driver, Progress, Work};
use crate::guard::{self, Visit};
use crate::shared::Shared;

/// The one task of a client. It alone calls the program, and holds no lock then.
pub(crate) struct Driving {
    shared: Arc<Shared>,
    work: Work,
}

impl Driving {
    /// Puts the driver in its place, under guard.
    pub(crate) fn new(driver: Driver, shared: Arc<Shared>, ping_after: Duration) -> Driving {
        *lock(shared.driver()) = Some(driver);
        guard::watch(&shared, ping_after);
        Driving {
            shared,
            work: Work::default(),
        }
    }
}

impl Future for Driving {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Driving { shared, work } = self.get_mut();
        let mut place = match shared.driver().try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                // Who writes in place of this task is done in a moment, and would have to wake a thread that sleeps for it.
                std::thread::yield_now();
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        };
        let Some(driver) = &mut *place else {
            return Poll::Ready(());
        };
        let polled = driver.poll(context);
        driver.exchange_work(work);
        drop(place);
        work.run();
        polled
    }
}

impl Drop for Driving {
    /// The task is done, or its runtime is: either way the client has ended.
    fn drop(&mut self) {
        let driver = lock(self.shared.driver()).take();
        self.work.run();
        if let Some(driver) = driver {
            driver.end().run();
        }
    }
}

impl Shared {
    /// Writes in place of the client's own task, unless that is at work. Returns whether nothing is left to be done.
    pub(crate) fn send_from_here(&self) -> bool {
        let mut place = match self.driver().try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        place.as_mut().is_some_and(Driver::send_in_place)
    }

    /// Does the work of the client's own task, if that has not been polled since the last visit and there is any.
    pub(crate) fn visit(&self, polls: &mut u64) -> Visit {
        let mut place = match self.driver().try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Visit::Idle,
        };
        let Some(driver) = &mut *place else {
            return Visit::Gone;
        };
        if std::mem::replace(polls, driver.polls()) != driver.polls() {
            return Visit::Idle;
        }
        match standing_in(|| driver.stand_in()) {
            Progress::Still { moved: false } => Visit::Idle,
            Progress::Still { moved: true } | Progress::More => Visit::StoodIn,
            // The task is awake by then, and ends.
            Progress::Ended => {
                self.finish();
                Visit::Gone
            }
        }
    }
}

fn lock(place: &Mutex<Option<Driver>>) -> MutexGuard<'_, Option<Driver>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}
