//! Tells on stderr how the connection of a command that watches stands, when that changes.

use buslane_client::{Client, ConnectionState, States};

use crate::output::notice;

/// Watches the connection of a client.
pub(crate) struct Standing {
    states: States,
    lost: bool,
}

impl Standing {
    /// Begins to watch.
    pub(crate) fn of(bus: &Client) -> Standing {
        Standing {
            states: bus.states(),
            lost: false,
        }
    }

    /// Tells each change, for as long as it is polled.
    pub(crate) async fn tell(&mut self) {
        while let Some(state) = self.states.next().await {
            if let Some(text) = self.change(&state) {
                notice(text);
            }
        }
        // Whoever waits for messages learns of the end by them.
        std::future::pending().await
    }

    /// Says what is new, if something is.
    fn change(&mut self, state: &ConnectionState) -> Option<String> {
        match state {
            ConnectionState::Connected { node, .. } if self.lost => {
                self.lost = false;
                Some(format!("connected again, to {node}; messages may be missing"))
            }
            ConnectionState::Disconnected { problem, .. } if !self.lost => {
                self.lost = true;
                Some(format!("connection lost: {problem}; trying again until Ctrl-C"))
            }
            ConnectionState::Draining { closes_in } => {
                Some(format!("the broker shuts down, within {} s", closes_in.as_secs()))
            }
            ConnectionState::Refused { problem } => {
                Some(format!("the broker refuses the connection: {problem}"))
            }
            _ => None,
        }
    }
}
