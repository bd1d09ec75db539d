//! What the broker's log says happened.

use buslane_engine::{ClientId, Notice};

use super::Oracle;

impl Oracle {
    /// Takes in a line of the broker's log.
    pub(crate) fn noticed(&mut self, notice: &Notice) {
        self.trace.note(
            || match self_client(notice).and_then(|handle| self.handles.get(&handle)) {
                Some(client) => format!("c{client} log {notice:?}"),
                None => format!("log {notice:?}"),
            },
        );
        let of = |oracle: &Oracle, handle: &ClientId| oracle.handles.get(handle).copied();
        match notice {
            Notice::Closed { client, reason } => {
                if let Some(client) = of(self, client) {
                    self.closed(client, *reason);
                }
            }
            Notice::Registered {
                client,
                service,
                instance,
                ..
            } => {
                if let Some(client) = of(self, client) {
                    self.registered(client, service.as_str(), instance.as_str());
                }
            }
            Notice::Unregistered {
                client,
                service,
                instance,
            } => {
                if let Some(client) = of(self, client) {
                    self.gone(client, service.as_str(), instance.as_str());
                }
            }
            Notice::TakenOver {
                service,
                instance,
                from,
                to,
            } => {
                if let (Some(from), Some(to)) = (of(self, from), of(self, to)) {
                    self.taken_over(service.as_str(), instance.as_str(), from, to);
                }
            }
            Notice::MemoryFull { .. } => self.starved = true,
            _ => {}
        }
    }
}

fn self_client(notice: &Notice) -> Option<ClientId> {
    match notice {
        Notice::Opened { client, .. }
        | Notice::Goodbye { client, .. }
        | Notice::Closed { client, .. }
        | Notice::Registered { client, .. }
        | Notice::Unregistered { client, .. }
        | Notice::Overflow { client, .. }
        | Notice::Refused { client, .. } => Some(*client),
        Notice::TakenOver { from, .. } => Some(*from),
        _ => None,
    }
}
