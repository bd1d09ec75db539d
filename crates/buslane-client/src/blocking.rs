//! Waits on a thread of its own kind: for programs, and for other languages, that have threads and no runtime.
//!
//! Everything that a [`Client`](crate::Client) begins is a future that any executor can poll. These functions are the
//! smallest executor there is: they park the calling thread until the future is done.
//!
//! ```no_run
//! use buslane_client::{Client, blocking};
//! # fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let bus = Client::builder().connect_blocking()?; // lives on a thread of its own
//! let found: String = blocking::wait(bus.request("attic:get", &"colour"))?;
//! blocking::wait(bus.publish("host/attic/cpu", &0.25))?;
//! blocking::wait(bus.close());
//! # Ok(()) }
//! ```
//!
//! Not for use within asynchronous code: a thread that is parked runs no tasks.

use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// Where a thread sleeps until it is woken. Its own rather than `std::thread::park`, which does not work any more while a
/// thread's local data is destroyed: in other languages, that is when clients that are global variables end.
#[derive(Default)]
struct Bed {
    woken: Mutex<bool>,
    changed: Condvar,
}

thread_local! {
    static BED: (Arc<Bed>, Waker) = Bed::with_waker();
}

/// Waits until a future is done.
pub fn wait<F: IntoFuture>(work: F) -> F::Output {
    let mut work = pin!(work.into_future());
    in_bed(|bed, context| {
        loop {
            match work.as_mut().poll(context) {
                Poll::Ready(output) => return output,
                Poll::Pending => bed.sleep(None),
            }
        }
    })
}

/// Waits until a future is done, or until the time is over: then it is dropped, which takes back what it asked for, and
/// there is no output.
pub fn wait_for<F: IntoFuture>(work: F, time: Duration) -> Option<F::Output> {
    let deadline = Instant::now() + time;
    let mut work = pin!(work.into_future());
    in_bed(|bed, context| {
        loop {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Some(output);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            bed.sleep(Some(left));
        }
    })
}

/// Hands out the thread's bed, or one of its own once the thread's local data is gone.
fn in_bed<R>(mut work: impl FnMut(&Bed, &mut Context<'_>) -> R) -> R {
    let mut with = |(bed, waker): &(Arc<Bed>, Waker)| work(bed, &mut Context::from_waker(waker));
    match BED.try_with(&mut with) {
        Ok(result) => result,
        Err(_) => with(&Bed::with_waker()),
    }
}

impl Bed {
    fn with_waker() -> (Arc<Bed>, Waker) {
        let bed = Arc::<Bed>::default();
        let waker = Waker::from(bed.clone());
        (bed, waker)
    }

    /// Returns once the thread was woken since the last time, or the time is over, or for no reason at all.
    fn sleep(&self, time: Option<Duration>) {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        if !*woken {
            woken = match time {
                Some(time) => {
                    let waited = self.changed.wait_timeout(woken, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(woken).unwrap_or_else(PoisonError::into_inner),
            };
        }
        *woken = false;
    }
}

impl Wake for Bed {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_thread_waits_for_what_another_one_does() {
        let (done, work) = oneshot::channel();
        let other = thread::spawn(move || done.send(7).unwrap());
        assert_eq!(wait(work).unwrap(), 7);
        other.join().unwrap();
    }

    #[test]
    fn a_thread_waits_while_its_local_data_is_destroyed() {
        struct AtTheEnd(Option<oneshot::Receiver<u8>>, std::sync::mpsc::Sender<u8>);
        impl Drop for AtTheEnd {
            fn drop(&mut self) {
                let received = wait(self.0.take().unwrap()).unwrap();
                self.1.send(received).unwrap();
            }
        }
        thread_local! {
            static LAST: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) };
        }
        let (done, work) = oneshot::channel();
        let (told, waited) = std::sync::mpsc::channel();
        let ending = thread::spawn(move || {
            LAST.with(|last| last.replace(Some(AtTheEnd(Some(work), told))));
            // Made after it, and so destroyed before it.
            BED.with(|_| ());
        });
        done.send(7).unwrap();
        assert_eq!(waited.recv().unwrap(), 7);
        ending.join().unwrap();
    }

    #[test]
    fn a_wait_that_takes_too_long_drops_its_work() {
        let (done, work) = oneshot::channel::<u8>();
        assert!(wait_for(work, Duration::from_millis(1)).is_none());
        assert!(done.is_closed());
    }
}
