//! What the programs behind sessions are promised: everything that they ask for ends once, in time, and nothing comes
//! twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use buslane_protocol::{Delivery, Instant};
use buslane_session::{Event, FlushKey, PublishKey, RegistrationKey, RequestKey, SubscriptionKey};

use super::standing::{Offer, Wish};
use super::topics::selects;
use super::{Oracle, Subject};
use crate::content::number_of;

/// The programs behind sessions, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Programs(pub(super) Vec<Program>);

#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) requests: BTreeMap<RequestKey, Ask>,
    pub(super) publishes: BTreeMap<PublishKey, Post>,
    pub(super) flushes: BTreeMap<FlushKey, Flush>,
    pub(super) subscriptions: BTreeMap<SubscriptionKey, Wish>,
    pub(super) offers: BTreeMap<RegistrationKey, Offer>,
    seen: BTreeSet<(u64, Option<String>)>,
    /// Numbers of the messages that its session handed to the present connection.
    pub(super) sent: BTreeSet<u64>,
    /// Services and instances that its session asked for on the present connection.
    pub(super) registered: BTreeSet<(String, String)>,
    /// Whether it was told of a lost connection, or of its end, and may yet be told what that means.
    pub(super) lost: bool,
    pub(super) over: bool,
}

/// A request of a program.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) number: u64,
    span: Option<Duration>,
    pub(super) deadline: Option<Instant>,
    pub(super) ends: u32,
}

/// A publish of a program that is to be acknowledged.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) number: u64,
    pub(super) ends: u32,
}

/// A flush of a program.
#[derive(Debug)]
pub(super) struct Flush {
    /// Messages with numbers up to this were asked for before it.
    pub(super) upto: u64,
    pub(super) ends: u32,
}

impl Oracle {
    /// Takes in a program.
    pub(crate) fn program(&mut self) -> usize {
        self.programs.0.push(Program::default());
        self.programs.0.len() - 1
    }

    /// Takes in a request of a program.
    pub(crate) fn program_asked(
        &mut self,
        program: usize,
        key: RequestKey,
        number: u64,
        span: Option<Duration>,
    ) {
        self.trace
            .note(|| format!("p{program} asks {key:?} (n{number}) within {span:?}"));
        let deadline = span.map(|span| self.clock + span);
        let ask = Ask {
            number,
            span,
            deadline,
            ends: 0,
        };
        self.programs.0[program].requests.insert(key, ask);
    }

    /// Takes in that a program gave a request up: nothing of it may follow.
    pub(crate) fn program_cancelled(&mut self, program: usize, key: RequestKey) {
        self.trace.note(|| format!("p{program} cancels {key:?}"));
        self.programs.0[program].requests.remove(&key);
    }

    /// Takes in a publish that is to be acknowledged.
    pub(crate) fn program_published(&mut self, program: usize, key: PublishKey, number: u64) {
        let post = Post { number, ends: 0 };
        self.programs.0[program].publishes.insert(key, post);
    }

    /// Takes in a flush.
    pub(crate) fn program_flushed(&mut self, program: usize, key: FlushKey, upto: u64) {
        let flush = Flush { upto, ends: 0 };
        self.programs.0[program].flushes.insert(key, flush);
    }

    /// Takes in what a session told its program.
    pub(crate) fn told(&mut self, program: usize, event: &Event<'_>) {
        self.trace.note(|| format!("p{program} is told {event:?}"));
        match event {
            Event::Reply { key, answer } => {
                self.answer_told(program, *key, number_of(&answer.headers), &answer.from);
                self.end_told(program, *key);
            }
            Event::Failed { key, problem } => {
                self.check_word(program, *key, problem);
                self.end_told(program, *key);
            }
            Event::End { key, .. } => self.end_told(program, *key),
            Event::PartialReply { key, answer } => {
                self.answer_told(program, *key, number_of(&answer.headers), &answer.from);
            }
            Event::Chunk { key, part } => {
                self.answer_told(program, *key, number_of(&part.headers), &part.from);
                self.go_on(program, *key);
            }
            Event::PartialFailure { key, .. } => self.part_told(program, *key),
            Event::Acked { key, .. } => {
                self.check_acked(program, *key);
                self.post_told(program, *key);
            }
            Event::PublishFailed { key, problem } => {
                self.check_unpublished(program, *key, problem);
                self.post_told(program, *key);
            }
            Event::Flushed { key } => {
                self.check_flushed(program, *key);
                self.flush_told(program, *key);
            }
            Event::FlushFailed { key, .. } => self.flush_told(program, *key),
            Event::Delivery { keys, delivery } => self.delivery_told(program, keys, delivery),
            other => self.standing_told(program, other),
        }
    }

    fn count_end(&mut self, program: usize, ends: Option<u32>, what: &str) {
        if ends != Some(1) {
            let promise = format!("a program's {what} ends once: {ends:?}");
            self.broken(promise, &[Subject::Program(program)]);
        }
    }

    fn post_told(&mut self, program: usize, key: PublishKey) {
        let post = self.programs.0[program].publishes.get_mut(&key);
        let ends = post.map(|post| increment(&mut post.ends));
        self.count_end(program, ends, "publish");
    }

    fn flush_told(&mut self, program: usize, key: FlushKey) {
        let flush = self.programs.0[program].flushes.get_mut(&key);
        let ends = flush.map(|flush| increment(&mut flush.ends));
        self.count_end(program, ends, "flush");
    }

    fn end_told(&mut self, program: usize, key: RequestKey) {
        let Some(ask) = self.programs.0[program].requests.get_mut(&key) else {
            return self.broken(
                "something of a request came after it was given up",
                &[Subject::Program(program)],
            );
        };
        ask.ends += 1;
        if ask.ends > 1 {
            let subjects = [Subject::Program(program), Subject::Message(ask.number)];
            self.broken("a program's request ends once", &subjects);
        }
    }

    fn part_told(&mut self, program: usize, key: RequestKey) {
        let ask = self.programs.0[program].requests.get(&key);
        if ask.is_none_or(|ask| ask.ends > 0) {
            let promise = "nothing of a request comes after its end";
            self.broken(promise, &[Subject::Program(program)]);
        }
    }

    fn answer_told(&mut self, program: usize, key: RequestKey, answer: Option<u64>, from: &str) {
        self.part_told(program, key);
        let Some(ask) = self.programs.0[program].requests.get(&key) else {
            return;
        };
        let number = ask.number;
        if from != "$bus" && answer.and_then(|answer| self.asks_of(answer)) != Some(number) {
            let subjects = [Subject::Program(program), Subject::Message(number)];
            self.broken("a program got an answer to something else", &subjects);
        }
    }

    /// Moves the deadline of a stream, which covers each pause. A clock that was set back brings no deadline nearer.
    fn go_on(&mut self, program: usize, key: RequestKey) {
        let now = self.clock;
        if let Some(ask) = self.programs.0[program].requests.get_mut(&key) {
            let moved = ask.deadline.and(ask.span).map(|span| now + span);
            ask.deadline = ask.deadline.max(moved);
        }
    }

    fn delivery_told(&mut self, program: usize, keys: &[SubscriptionKey], delivery: &Delivery<'_>) {
        let topic = delivery.topic.as_str();
        let shared = delivery.headers.shared();
        let known = &self.programs.0[program].subscriptions;
        let fits = |key: &SubscriptionKey| {
            let label = |wish: &Wish| wish.shared.as_ref().map(|name| format!("{name}/{}", wish.filter));
            known.get(key).is_some_and(|wish| {
                (selects(&wish.filter, topic) || topic == "$bus/snapshot-end")
                    && label(wish).as_deref() == shared
            })
        };
        if !keys.iter().all(fits) {
            let promise =
                format!("a program got {topic} for a subscription that does not select it, or is over");
            return self.broken(promise, &[Subject::Program(program)]);
        }
        let Some(number) = number_of(&delivery.headers).filter(|_| !delivery.retained) else {
            return;
        };
        if !self.programs.0[program]
            .seen
            .insert((number, shared.map(str::to_owned)))
        {
            let subjects = [Subject::Program(program), Subject::Message(number)];
            self.broken("a program got a delivery twice", &subjects);
        }
    }

    /// Looks whether a session ended what is past its deadline, now that its timers have run.
    pub(crate) fn program_timed(&mut self, program: usize) {
        let now = self.clock;
        let late = |ask: &&Ask| ask.ends == 0 && ask.deadline.is_some_and(|deadline| deadline + GRACE <= now);
        if let Some(ask) = self.programs.0[program].requests.values().find(late) {
            let subjects = [Subject::Program(program), Subject::Message(ask.number)];
            self.broken("a program's request ends by its deadline and 250 ms", &subjects);
        }
    }

    /// Looks whether everything that a program asked for has ended, when everything is at rest.
    pub(crate) fn check_program(&mut self, program: usize, connected: bool) {
        let known = &self.programs.0[program];
        let asks = known
            .requests
            .values()
            .filter(|ask| ask.ends == 0 && ask.deadline.is_some())
            .count();
        let publishes = known
            .publishes
            .values()
            .filter(|post| post.ends == 0 && connected)
            .count();
        let flushes = known
            .flushes
            .values()
            .filter(|flush| flush.ends == 0 && connected)
            .count();
        let unsure = known
            .subscriptions
            .values()
            .filter(|wish| wish.unsure && connected)
            .count();
        if asks + publishes + flushes + unsure > 0 {
            let promise = format!(
                "{asks} requests, {publishes} publishes, {flushes} flushes did not end, {unsure} gaps were not told"
            );
            self.broken(promise, &[Subject::Program(program)]);
        }
    }
}

fn increment(count: &mut u32) -> u32 {
    *count += 1;
    *count
}

/// How long after a deadline a session ends a request itself.
pub(super) const GRACE: Duration = Duration::from_millis(250);
