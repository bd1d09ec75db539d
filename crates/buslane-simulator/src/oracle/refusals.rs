//! Refusals: each has a reason that the page names.

use buslane_protocol::ErrorCode;

use super::{Oracle, Subject};
use crate::said::{Said, Target};

impl Oracle {
    /// Looks whether a refusal has a reason that the page names.
    pub(super) fn check_refusal(&mut self, client: usize, said: &Said, code: ErrorCode) {
        self.coverage.count("refused");
        if let Said::Answer { delivery, .. } = said {
            return self.answer_refused(client, *delivery, code);
        }
        let Said::Request(request) = said else {
            if let Said::Register { .. } = said {
                self.clients[client].registering = None;
            }
            return;
        };
        let subjects = [Subject::Client(client), Subject::Message(request.number)];
        let open = |target: &Target| !self.candidates(target).is_empty() && !target.foreign_node;
        let flight = self.in_flight(client).count();
        let unreasonable = match code {
            ErrorCode::NoInstance => request.to.iter().any(open),
            ErrorCode::DuplicateId => !self.in_flight(client).any(|asked| asked.id == request.id),
            ErrorCode::TooManyRequests => flight < self.limits.requests,
            ErrorCode::SchemaViolation => request.valid,
            ErrorCode::UnknownNode => !request.to.iter().any(|target| target.foreign_node),
            ErrorCode::Draining => self.draining.is_none() && request.to.iter().any(open),
            ErrorCode::Overloaded => !request.to.iter().any(|target| self.may_be_full(target)),
            _ => false,
        };
        if unreasonable {
            self.broken(
                format!("a request was refused with {code:?} for no reason"),
                &subjects,
            );
        }
    }

    fn may_be_full(&self, target: &Target) -> bool {
        let full = |held: &usize| self.may_be_slow(self.held[*held].client);
        self.candidates(target).iter().any(full)
    }
}
