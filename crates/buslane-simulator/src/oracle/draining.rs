//! A broker that shuts down: it tells everybody who is there, and ends in time.

use super::{Oracle, Subject};

impl Oracle {
    /// Takes in that the broker begins to shut down.
    pub(crate) fn drained(&mut self) {
        self.draining = Some(self.said);
        for shadow in self.clients.iter_mut().filter(|shadow| shadow.open) {
            shadow.drain = Some(false);
        }
    }

    /// Takes in that a client was told that the broker shuts down.
    pub(super) fn told_of_drain(&mut self, client: usize) {
        self.coverage.count("told of the end");
        if self.clients[client].drain.replace(true) != Some(false) {
            let promise = "those who are there are told once that the broker shuts down, and nobody else";
            self.broken(promise, &[Subject::Client(client)]);
        }
    }

    /// Looks whether a client was told that the broker shuts down, now that nothing is queued.
    pub(super) fn check_draining(&mut self, client: usize) {
        let ample = self.has_ample_memory();
        let shadow = &self.clients[client];
        if ample && shadow.open && shadow.drain == Some(false) {
            let promise = "a broker that shuts down says so to everybody";
            self.broken(promise, &[Subject::Client(client)]);
        }
    }

    /// Looks whether everybody is gone, now that the time is up that was given to finish.
    pub(crate) fn check_shut(&mut self, clients: u64) {
        if clients > 0 {
            self.broken(
                format!("a drain ends in time, but {clients} clients are there"),
                &[],
            );
        }
    }
}
