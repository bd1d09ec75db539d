//! What the client's handles and the driver share: the session and those who wait for it, under one lock. User code
//! never runs under that lock.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use buslane_protocol::Instant;
use buslane_session::{Session, State as SessionState};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::Url;
use crate::driver::Driver;
use crate::waiters::Waiters;

/// What the handles of one client and its driver share.
pub(crate) struct Shared {
    pub(crate) url: Url,
    pub(crate) settings: Settings,
    /// Where handlers run.
    pub(crate) handlers: Handle,
    /// The origin of the session's clock.
    origin: tokio::time::Instant,
    state: Mutex<State>,
    /// Whether something was asked of the session that nothing may wait behind.
    hurried: AtomicBool,
    /// Absent before the client's task begins and after it has ended.
    driver: Mutex<Option<Driver>>,
    /// Handles that keep the client open.
    handles: AtomicUsize,
    /// Whether the driver is gone.
    finished: watch::Sender<bool>,
}

/// What the builder decided beside the session's own configuration.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) queue_bytes: usize,
    pub(crate) request_timeout: Option<Duration>,
}

/// What the lock guards.
pub(crate) struct State {
    pub(crate) session: Session,
    pub(crate) waiters: Waiters,
    /// The driver, while it sleeps.
    driver: Option<Waker>,
    /// Those who wait until the session has fewer bytes to send.
    crowd: Vec<Waker>,
}

impl Shared {
    pub(crate) fn new(url: Url, settings: Settings, session: Session, handlers: Handle) -> Shared {
        let state = State {
            session,
            waiters: Waiters::default(),
            driver: None,
            crowd: Vec::new(),
        };
        Shared {
            url,
            settings,
            handlers,
            origin: tokio::time::Instant::now(),
            state: Mutex::new(state),
            hurried: AtomicBool::new(false),
            driver: Mutex::new(None),
            handles: AtomicUsize::new(0),
            finished: watch::Sender::new(false),
        }
    }

    /// Lets the program ask something of the session, and wakes the driver if it sleeps.
    pub(crate) fn act<T>(&self, action: impl FnOnce(&mut State, Instant) -> T) -> T {
        let now = self.now();
        self.act_untimed(|state| action(state, now))
    }

    /// Does as [`Shared::act`] for what needs no clock.
    pub(crate) fn act_untimed<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        self.act_at_leisure(|state| {
            self.hurry();
            action(state)
        })
    }

    /// Does as [`Shared::act_untimed`] for what may be written together with what follows in a moment.
    pub(crate) fn act_at_leisure<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let portions = |state: &State| state.session.queued_bytes() / WORTH_WRITING;
        let before = portions(&state);
        let result = action(&mut state);
        let driver = state.driver.take();
        let is_full = portions(&state) > before;
        let is_lone = driver.is_some() && self.is_hurried() && state.is_lone();
        drop(state);
        if driver.is_some() || is_full {
            self.move_on(driver, is_lone || is_full);
        }
        result
    }

    /// Has the bytes moved by the driver, which is handed in if it sleeps. Where a thread of the program's own waits for
    /// what follows and nothing else is under way, or where there is much to write, it moves them itself: that saves
    /// waking another thread, or waiting for it.
    fn move_on(&self, driver: Option<Waker>, from_here: bool) {
        let has_moved = from_here && Handle::try_current().is_err() && self.send_from_here();
        if !has_moved && let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Does as [`Shared::act_untimed`], but wakes the driver only if there is something to send.
    pub(crate) fn act_if_worth(&self, action: impl FnOnce(&mut State) -> bool) {
        let mut state = self.lock();
        let driver = if action(&mut state) {
            state.driver.take()
        } else {
            None
        };
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Tells whether nothing may wait.
    pub(crate) fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::Relaxed)
    }

    /// Takes note that everything is about to be written.
    pub(crate) fn calm(&self) {
        self.hurried.store(false, Ordering::Relaxed);
    }

    fn hurry(&self) {
        if !self.is_hurried() {
            self.hurried.store(true, Ordering::Relaxed);
        }
    }

    /// Lets the driver or an onlooker at the state, and wakes nobody.
    pub(crate) fn look<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        action(&mut self.lock_patiently())
    }

    /// Waits while the session is connected and has more to send than [`HIGH_WATER`].
    pub(crate) async fn room(&self) {
        poll_fn(|context| self.look(|state| state.poll_room(context))).await;
    }

    /// Returns the session's time.
    pub(crate) fn now(&self) -> Instant {
        Instant::from_micros(self.origin.elapsed().as_micros() as u64)
    }

    /// Converts the session's time.
    pub(crate) fn at(&self, instant: Instant) -> tokio::time::Instant {
        self.origin + Duration::from_micros(instant.as_micros())
    }

    /// Counts one more handle.
    pub(crate) fn retain(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one handle less, and closes the client after the last.
    pub(crate) fn release(&self) {
        if self.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.act(|state, now| state.session.close(now));
        }
    }

    /// Takes note that the driver is gone.
    pub(crate) fn finish(&self) {
        self.finished.send_replace(true);
    }

    /// Waits until the driver is gone, and with it the connection.
    pub(crate) async fn finished(&self) {
        // The sender lives in `self`, so that the wait ends only as it should.
        let _ = self.finished.subscribe().wait_for(|finished| *finished).await;
    }

    /// Returns the driver's place. The state's lock is never held when this one is taken.
    pub(crate) fn driver(&self) -> &Mutex<Option<Driver>> {
        &self.driver
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock from a program that publishes flat out, which has it half of the time and for a moment each. Who
    /// sleeps for it has every publish wake one more thread, which comes too late; so it is tried again and again, and
    /// others have the processor in between.
    fn lock_patiently(&self) -> MutexGuard<'_, State> {
        for attempt in 1..=ATTEMPTS {
            match self.state.try_lock() {
                Ok(state) => return state,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if attempt % ATTEMPTS_A_SLICE == 0 => std::thread::yield_now(),
                Err(TryLockError::WouldBlock) => (0..SPINS).for_each(|_| std::hint::spin_loop()),
            }
        }
        self.lock()
    }
}

impl State {
    /// Becomes ready when the session may take more to send. Without a connection that is at once: the session's own
    /// limit holds then.
    pub(crate) fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_crowded() {
            return Poll::Ready(());
        }
        self.crowd.push(context.waker().clone());
        Poll::Pending
    }

    /// Tells whether at most one request is under way, in whatever direction.
    fn is_lone(&self) -> bool {
        self.waiters.requests.len() + self.waiters.calls.len() <= 1
    }

    /// Tells whether so much is on its way that more has to wait.
    pub(crate) fn is_crowded(&self) -> bool {
        self.session.queued_bytes() >= HIGH_WATER && self.session.state() == SessionState::Connected
    }

    /// Lets the driver sleep until the next [`Shared::act`].
    pub(crate) fn sleep(&mut self, driver: &Waker) {
        match &self.driver {
            Some(known) if known.will_wake(driver) => {}
            _ => self.driver = Some(driver.clone()),
        }
    }

    /// Moves those who waited for room to `wakers`, if there is some now.
    pub(crate) fn take_crowd(&mut self, wakers: &mut Vec<Waker>) {
        if !self.crowd.is_empty() && !self.is_crowded() {
            wakers.append(&mut self.crowd);
        }
    }
}

/// How often the lock is tried before a thread sleeps for it, how often between letting others go first, and how long it
/// is left alone in between, so that who has it is not held up.
const ATTEMPTS: u32 = 256;
const ATTEMPTS_A_SLICE: u32 = 8;
const SPINS: u32 = 16;
/// Bytes that a thread without a runtime writes itself when so many more wait to be sent.
const WORTH_WRITING: usize = 32 << 10;
/// Bytes that wait to be sent, above which the program's own sends wait: enough for one large write, few enough to
/// stay in a processor's cache.
pub(crate) const HIGH_WATER: usize = 128 << 10;
