//! Attacks as a table: what is sent, and what comes of it, beside a bystander.

use buslane_broker::Config;

use crate::attacker::{Attacker, End, Fate, Way};
use crate::bystander::Bystander;
use crate::figures::{Figures, expect_blame};
use crate::support::start;

/// What is sent, and what comes of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Done to the broker over one of the ways.
    pub(crate) attack: fn(&mut Attacker),
    /// The error that is told, if one is.
    pub(crate) error: &'static str,
    /// Whether the connection goes on; else the status with which a WebSocket is closed.
    pub(crate) end: Result<(), u16>,
    /// Whether what came was no message at all.
    pub(crate) is_malformed: bool,
}

/// Plays cases over some ways beside a bystander.
#[track_caller]
pub(crate) fn play(ways: &[Way], cases: &[Case]) {
    play_under(|_| {}, ways, cases);
}

/// Plays cases under a configuration.
#[track_caller]
pub(crate) fn play_under(change: fn(&mut Config), ways: &[Way], cases: &[Case]) {
    let broker = start(|config| {
        config.limits.memory = 16 << 20;
        change(config);
    });
    let bystander = Bystander::join(&broker);
    for way in ways {
        for case in cases {
            let name = format!("{} over {way:?}", case.name);
            let mut attacker = Attacker::join(&broker, *way);
            let before = Figures::of(&broker);
            (case.attack)(&mut attacker);
            let end = case.end.map_or_else(|status| way.ended(status), |()| End::Open);
            let errors: &[&str] = if case.error.is_empty() { &[] } else { &[case.error] };
            assert_eq!(attacker.fate(), Fate::of(errors, end), "{name}");
            let refused = format!("refused_total{{code=\"{}\"}}", case.error);
            let mut blame = Vec::new();
            if !errors.is_empty() {
                blame.push((refused.as_str(), 1.0));
            }
            if case.is_malformed {
                blame.push(("malformed_total", 1.0));
            }
            if end != End::Open {
                blame.push(("connections_closed_total{reason=\"framing\"}", 1.0));
            }
            expect_blame(&broker, &before, &blame, &name);
        }
    }
    bystander.ends_well();
}

/// A message that is refused, after which the connection goes on.
pub(crate) const fn refused(name: &'static str, error: &'static str, attack: fn(&mut Attacker)) -> Case {
    Case {
        name,
        attack,
        error,
        end: Ok(()),
        is_malformed: false,
    }
}

/// Something that is no message, after which the connection goes on.
pub(crate) const fn broken(name: &'static str, error: &'static str, attack: fn(&mut Attacker)) -> Case {
    Case {
        is_malformed: true,
        ..refused(name, error, attack)
    }
}

/// Something behind which no next message can be found.
pub(crate) const fn lost(
    name: &'static str,
    error: &'static str,
    status: u16,
    attack: fn(&mut Attacker),
) -> Case {
    Case {
        end: Err(status),
        ..broken(name, error, attack)
    }
}
