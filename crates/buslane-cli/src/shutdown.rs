//! Notices when the user or the system asks the program to end.

use std::io;

/// Hears Ctrl-C and, where there is one, SIGTERM. From the making of this on, they do not end the program by
/// themselves.
#[cfg(unix)]
pub(crate) struct Shutdown {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Shutdown {
    /// Begins to listen.
    pub(crate) fn listen() -> io::Result<Shutdown> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Shutdown {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits until the program is asked to end.
    pub(crate) async fn requested(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Hears Ctrl-C. From the making of this on, it does not end the program by itself.
#[cfg(windows)]
pub(crate) struct Shutdown(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Shutdown {
    /// Begins to listen.
    pub(crate) fn listen() -> io::Result<Shutdown> {
        tokio::signal::windows::ctrl_c().map(Shutdown)
    }

    /// Waits until the program is asked to end.
    pub(crate) async fn requested(&mut self) {
        self.0.recv().await;
    }
}
