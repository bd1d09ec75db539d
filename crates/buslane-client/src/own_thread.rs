//! The thread that clients without a runtime of their own live on: one for the process, begun by the first of them.

use std::sync::{Mutex, PoisonError};
use std::{io, thread};

use tokio::runtime::{Builder, Handle};

/// The thread's runtime, and the process that the thread lives in: a forked child has to start its own.
struct OwnThread {
    process: u32,
    runtime: Handle,
}

static OWN_THREAD: Mutex<Option<OwnThread>> = Mutex::new(None);

/// Returns the runtime of the thread, which is begun if there is none.
pub(crate) fn runtime() -> io::Result<Handle> {
    let mut thread = OWN_THREAD.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some(thread) = thread.as_ref().filter(|thread| thread.process == process) {
        return Ok(thread.runtime.clone());
    }
    let runtime = start()?;
    *thread = Some(OwnThread {
        process,
        runtime: runtime.clone(),
    });
    Ok(runtime)
}

fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let thread = thread::Builder::new().name("buslane".into());
    // The process ends it: clients come and go, and the thread is cheap while there is none.
    thread.spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}
