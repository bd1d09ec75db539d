//! What the four programs share: how they notice that they are asked to end. Everything else stands in the programs.

/// Waits until Ctrl-C or, where there is one, SIGTERM asks the program to end.
pub async fn asked_to_end() {
    let interrupt = async { tokio::signal::ctrl_c().await.expect("signals can be heard") };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).expect("signals can be heard");
        tokio::select! {
            () = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    interrupt.await;
}

/// The code of `docs/concepts.md`, which has to compile.
#[doc = include_str!("../../../docs/concepts.md")]
#[cfg(doctest)]
pub struct Concepts;
