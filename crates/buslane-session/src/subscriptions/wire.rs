//! What the broker knows as one subscription, and those of the program that it stands for.

use buslane_protocol::{Credit, Filter, Name, Overflow, Subscribe};

use crate::SubscriptionKey;
use crate::ids::Control;

/// One subscription at the broker.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) filter: Filter<'static>,
    pub(super) shared: Option<Name>,
    overflow: Overflow,
    members: Vec<Member>,
    /// Counts how often it was asked for.
    round: u64,
    /// Deliveries that came for it on this connection. Allowances count on the same scale.
    delivered: u64,
    /// What the broker may deliver, if it was told a limit.
    granted: Option<u64>,
}

/// One of the program's subscriptions.
#[derive(Debug)]
struct Member {
    key: SubscriptionKey,
    /// The round that it was asked for with; absent until then.
    round: Option<u64>,
    /// Whether the broker accepted it, on this connection or an earlier one.
    accepted: bool,
    /// Whether something is missing for it when the broker accepts it again.
    interrupted: bool,
    /// Whether it knows who is there.
    informed: bool,
    /// Up to which delivery it allows; absent for any number.
    allowance: Option<u64>,
    /// How many may be on their way, as the program said at first.
    credit: Option<u32>,
    /// What the program has taken since the allowance was last raised for it.
    taken: u32,
}

/// What an acceptance means to the program's subscriptions.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    /// Those that are in place for the first time.
    pub(super) new: Vec<SubscriptionKey>,
    /// Those that are in place again, and may have missed something.
    pub(super) interrupted: Vec<SubscriptionKey>,
}

impl Wire {
    /// Makes one without members.
    pub(super) fn new(filter: Filter<'static>, shared: Option<Name>, overflow: Overflow) -> Self {
        Wire {
            filter,
            shared,
            overflow,
            members: Vec::new(),
            round: 0,
            delivered: 0,
            granted: None,
        }
    }

    /// Tells whether no subscription of the program is left.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns the program's subscriptions.
    pub(super) fn keys(&self) -> impl Iterator<Item = SubscriptionKey> + '_ {
        self.members.iter().map(|member| member.key)
    }

    /// Adds one of the program's.
    pub(super) fn join(&mut self, key: SubscriptionKey, credit: Option<u32>) {
        let allowance = credit.map(|credit| self.delivered + u64::from(credit));
        let member = Member {
            key,
            round: None,
            accepted: false,
            interrupted: false,
            informed: false,
            allowance,
            credit,
            taken: 0,
        };
        self.members.push(member);
    }

    /// Takes one of the program's out.
    pub(super) fn leave(&mut self, key: SubscriptionKey) {
        // Keys ascend, and each new member comes last.
        if let Ok(index) = self.members.binary_search_by_key(&key, |member| member.key) {
            self.members.remove(index);
        }
    }

    /// Returns the message that subscribes, for those that no message asked for yet.
    pub(super) fn ask(&mut self, number: u64) -> Subscribe {
        self.round += 1;
        // The broker drops what waits for credit when it subscribes anew.
        let loses = self.granted.is_some();
        for member in &mut self.members {
            member.interrupted |= loses && member.round.is_some();
            member.round.get_or_insert(self.round);
        }
        self.granted = self.allowance();
        let credit = self
            .granted
            .map(|granted| saturate(granted.saturating_sub(self.delivered)));
        Subscribe {
            id: Some(
                Control::Subscribe {
                    wire: number,
                    round: self.round,
                }
                .id(),
            ),
            filter: self.filter.clone(),
            shared: self.shared.clone(),
            overflow: self.overflow,
            credit,
        }
    }

    /// Returns the message that subscribes on a new connection, for all.
    pub(super) fn reopen(&mut self, number: u64) -> Subscribe {
        for member in &mut self.members {
            member.round = None;
            member.interrupted = member.accepted;
            member.informed = false;
            member.allowance = member
                .allowance
                .map(|allowance| allowance.saturating_sub(self.delivered));
        }
        self.delivered = 0;
        self.granted = None;
        self.ask(number)
    }

    /// Takes note that the broker accepted a round.
    pub(super) fn accept(&mut self, round: u64) -> Accepted {
        let mut accepted = Accepted::default();
        for member in &mut self.members {
            if !member.accepted && member.round == Some(round) {
                member.accepted = true;
                accepted.new.push(member.key);
            } else if member.interrupted && round == self.round {
                member.interrupted = false;
                accepted.interrupted.push(member.key);
            }
        }
        accepted
    }

    /// Takes those out that a refused round asked for.
    pub(super) fn refuse(&mut self, round: u64) -> Vec<SubscriptionKey> {
        let refused = self.members.extract_if(.., |member| member.round == Some(round));
        refused.map(|member| member.key).collect()
    }

    /// Tells whether one of the program's has credit.
    pub(super) fn is_limited(&self) -> bool {
        self.members.iter().any(|member| member.allowance.is_some())
    }

    /// Counts a delivery.
    pub(super) fn delivered(&mut self) {
        self.delivered += 1;
    }

    /// Counts what one of the program's has taken. Returns how much to allow in its place: nothing until it is half of
    /// its credit, so that a message is not sent for each.
    pub(super) fn take(&mut self, key: SubscriptionKey, count: u32) -> Option<u32> {
        let member = self.members.iter_mut().find(|member| member.key == key)?;
        let credit = member.credit?;
        member.taken = member.taken.saturating_add(count);
        let worth = member.taken >= credit.div_ceil(2).max(1);
        worth.then(|| std::mem::take(&mut member.taken))
    }

    /// Adds to what one of the program's allows, if it limits anything.
    pub(super) fn allow(&mut self, key: SubscriptionKey, count: u32) {
        let member = self.members.iter_mut().find(|member| member.key == key);
        if let Some(allowance) = member.and_then(|member| member.allowance.as_mut()) {
            *allowance = allowance.saturating_add(u64::from(count));
        }
    }

    /// Returns the credit that the broker is to be given on top of what it has, if any.
    pub(super) fn grant(&mut self) -> Option<Credit> {
        let granted = self.granted?;
        let allowed = self.allowance().unwrap_or(u64::MAX);
        if allowed <= granted {
            return None;
        }
        let count = saturate(allowed - granted);
        self.granted = Some(granted + u64::from(count));
        Some(Credit {
            id: None,
            filter: Some(self.filter.clone()),
            shared: self.shared.clone(),
            count,
        })
    }

    /// Returns the program's subscriptions that do not know who is there.
    pub(super) fn uninformed(&self) -> Vec<SubscriptionKey> {
        self.members
            .iter()
            .filter(|member| !member.informed)
            .map(|member| member.key)
            .collect()
    }

    /// Takes note that all know who is there. Returns those that did not.
    pub(super) fn inform(&mut self) -> Vec<SubscriptionKey> {
        let uninformed = self.uninformed();
        self.members.iter_mut().for_each(|member| member.informed = true);
        uninformed
    }

    /// Returns up to which delivery all that limit anything allow.
    fn allowance(&self) -> Option<u64> {
        self.members.iter().filter_map(|member| member.allowance).min()
    }
}

fn saturate(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
