//! Waits until the user or the system asks the program to end.

use std::io;

/// Waits for Ctrl-C or, where there is one, for SIGTERM.
#[cfg(unix)]
pub(crate) async fn requested() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn requested() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
