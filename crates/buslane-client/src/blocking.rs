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
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    static WAKER: Waker = Waker::from(Arc::new(Unpark(thread::current())));
}

/// Waits until a future is done.
pub fn wait<F: IntoFuture>(work: F) -> F::Output {
    let mut work = pin!(work.into_future());
    WAKER.with(|waker| {
        let mut context = Context::from_waker(waker);
        loop {
            match work.as_mut().poll(&mut context) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    })
}

/// Waits until a future is done, or until the time is over: then it is dropped, which takes back what it asked for, and
/// there is no output.
pub fn wait_for<F: IntoFuture>(work: F, time: Duration) -> Option<F::Output> {
    let deadline = Instant::now() + time;
    let mut work = pin!(work.into_future());
    WAKER.with(|waker| {
        let mut context = Context::from_waker(waker);
        loop {
            if let Poll::Ready(output) = work.as_mut().poll(&mut context) {
                return Some(output);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            thread::park_timeout(left);
        }
    })
}

#[cfg(test)]
mod tests {
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
    fn a_wait_that_takes_too_long_drops_its_work() {
        let (done, work) = oneshot::channel::<u8>();
        assert!(wait_for(work, Duration::from_millis(1)).is_none());
        assert!(done.is_closed());
    }
}
