//! Turns the signals that ask a command to end into a flag, so that it ends with its summary. Knows nothing of seeds.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Raises the flag when the system or the user asks the process to end. A signal that comes later than at once after it
/// ends the process without more words.
pub(crate) fn watch(stop: Arc<AtomicBool>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            if runtime.block_on(asked_to_end()).is_ok() {
                stop.store(true, Ordering::Relaxed);
            }
            // Some send a signal to the process and to its group.
            std::thread::sleep(TOGETHER);
            if runtime.block_on(asked_to_end()).is_ok() {
                std::process::exit(INTERRUPTED);
            }
        })?;
    Ok(())
}

#[cfg(unix)]
async fn asked_to_end() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn asked_to_end() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Signals within this time are one.
const TOGETHER: Duration = Duration::from_secs(1);
/// The exit status of a command that was told twice to end.
const INTERRUPTED: i32 = 130;
