//! The words of sessions are true: what was sent ends with its connection, what was not sent never reached the broker,
//! what is confirmed was done, and an answer goes to the request that it was given to.

use buslane_protocol::{ErrorCode, Origin, Problem};
use buslane_session::{FlushKey, PublishKey, RequestKey};

use super::programs::GRACE;
use super::{Oracle, Subject};

impl Oracle {
    /// Takes in that a session handed a message with a number to its connection.
    pub(crate) fn program_sent(&mut self, program: usize, number: u64) {
        self.trace.note(|| format!("p{program} n{number} is sent"));
        if !self.programs.0[program].sent.insert(number) || self.dealt.contains(&number) {
            let subjects = [Subject::Program(program), Subject::Message(number)];
            self.broken("a session sends nothing twice", &subjects);
        }
    }

    /// Takes in to which request a program gives an answer.
    pub(crate) fn program_answers(&mut self, answer: u64, request: u64) {
        self.meant.insert(answer, request);
    }

    /// Looks whether an answer that the broker took is for the request that its program gave it to.
    pub(super) fn check_meant(&mut self, client: usize, answer: Option<u64>, request: u64) {
        let meant = answer.and_then(|answer| self.meant.get(&answer).copied());
        if meant.is_some_and(|meant| meant != request) {
            let promise = format!(
                "an answer to n{} was taken for another request",
                meant.unwrap_or_default()
            );
            self.broken(promise, &[Subject::Client(client), Subject::Message(request)]);
        }
    }

    /// Looks whether a program knows what a lost connection means to it, now that its session has told everything.
    pub(crate) fn program_settled(&mut self, program: usize) {
        let known = &mut self.programs.0[program];
        if !std::mem::take(&mut known.lost) {
            return;
        }
        let sent = std::mem::take(&mut known.sent);
        let over = known.over;
        let asks = known.requests.values();
        let posts = known.publishes.values();
        let open = asks
            .filter(|ask| ask.ends == 0)
            .map(|ask| ask.number)
            .chain(posts.filter(|post| post.ends == 0).map(|post| post.number));
        let late = open.into_iter().find(|number| over || sent.contains(number));
        let flush = over && known.flushes.values().any(|flush| flush.ends == 0);
        if let Some(number) = late {
            let promise = "what was sent ends as soon as its connection is lost";
            self.broken(promise, &[Subject::Program(program), Subject::Message(number)]);
        } else if flush {
            let promise = "a session that ends leaves no flush open";
            self.broken(promise, &[Subject::Program(program)]);
        }
    }

    /// Looks whether the reason is true that a session itself gives for the end of a request.
    pub(super) fn check_word(&mut self, program: usize, key: RequestKey, problem: &Problem) {
        let known = &self.programs.0[program];
        let Some(ask) = known
            .requests
            .get(&key)
            .filter(|_| problem.origin == Origin::Client)
        else {
            return;
        };
        let (number, sent) = (ask.number, known.sent.contains(&ask.number));
        let early = |grace| ask.deadline.is_none_or(|deadline| self.clock < deadline + grace);
        let wrong = match problem.error_code() {
            Some(ErrorCode::NotSent) => sent || self.dealt.contains(&number) || early(Default::default()),
            Some(ErrorCode::OutcomeUnknown) => !sent,
            // What waits in the session for a connection that takes nothing may go out yet.
            Some(ErrorCode::DeadlineExceeded) => early(GRACE),
            Some(ErrorCode::Closed | ErrorCode::TakenOver | ErrorCode::Unauthenticated) => false,
            _ => !known.lost,
        };
        if wrong {
            let promise = format!(
                "a session tells the truth about a request: {:?}, sent: {sent}",
                problem.code
            );
            self.broken(promise, &[Subject::Program(program), Subject::Message(number)]);
        }
    }

    /// Looks whether a publish that a session says to have failed was not accepted.
    pub(super) fn check_unpublished(&mut self, program: usize, key: PublishKey, problem: &Problem) {
        let known = &self.programs.0[program];
        let Some(post) = known
            .publishes
            .get(&key)
            .filter(|_| problem.origin == Origin::Client)
        else {
            return;
        };
        let (number, sent) = (post.number, known.sent.contains(&post.number));
        let wrong = match problem.error_code() {
            Some(ErrorCode::OutcomeUnknown) => !sent,
            Some(ErrorCode::NotSent) => sent || self.dealt.contains(&number),
            _ => false,
        };
        if wrong {
            let promise = format!("a session tells the truth about a publish: {:?}", problem.code);
            self.broken(promise, &[Subject::Program(program), Subject::Message(number)]);
        }
    }

    /// Looks whether a publish that was confirmed was accepted.
    pub(super) fn check_acked(&mut self, program: usize, key: PublishKey) {
        let number = self.programs.0[program]
            .publishes
            .get(&key)
            .map(|post| post.number);
        if let Some(number) = number.filter(|number| !self.published.contains_key(number)) {
            let subjects = [Subject::Program(program), Subject::Message(number)];
            self.broken("a publish that is confirmed was accepted", &subjects);
        }
    }

    /// Looks whether the broker has dealt with everything that was asked for before a flush.
    pub(super) fn check_flushed(&mut self, program: usize, key: FlushKey) {
        let known = &self.programs.0[program];
        let upto = known
            .flushes
            .get(&key)
            .map(|flush| flush.upto)
            .unwrap_or_default();
        let undone = known
            .sent
            .range(..=upto)
            .find(|number| !self.dealt.contains(number));
        if let Some(number) = undone.copied() {
            let subjects = [Subject::Program(program), Subject::Message(number)];
            self.broken("a flush means that everything before it was processed", &subjects);
        }
    }
}
