//! Makes the rules of a plan fewer and quicker: finds those that a walk can hold alone, and lets those that say the same
//! be one.

use std::collections::HashMap;

use super::{ArrayRule, Condition, Demands, InPlace, ObjectRule, ROOT, Rule, RuleId, Types};

/// Leaves out rules that only stand for another, and those that allow the same types as another and say nothing else.
pub(super) fn compact(rules: Vec<Rule>) -> Box<[Rule]> {
    let targets = targets(&rules);
    let mut numbers: Vec<Option<RuleId>> = vec![None; rules.len()];
    for id in [ROOT].iter().chain(&targets) {
        numbers[*id as usize] = Some(ROOT);
    }
    for (number, next) in numbers.iter_mut().flatten().zip(0..) {
        *number = next;
    }
    let mut kept = Vec::new();
    for (index, mut rule) in rules.into_iter().enumerate() {
        if numbers[index].is_some() {
            rule.demands.for_each_part(&mut |part| {
                let target = targets[*part as usize];
                *part = numbers[target as usize].expect("every target is kept");
            });
            kept.push(rule);
        }
    }
    kept.into()
}

/// Returns by which rule each can be replaced, which may be itself.
fn targets(rules: &[Rule]) -> Vec<RuleId> {
    let mut bare: HashMap<Types, RuleId> = HashMap::new();
    let target = |start: RuleId| {
        let mut id = start;
        for _ in 0..LONGEST_CHAIN {
            let Some(next) = rules[id as usize].stands_for() else {
                break;
            };
            id = next;
        }
        let rule = &rules[id as usize];
        match rule.demands.are_nothing() {
            true => *bare.entry(rule.types).or_insert(id),
            false => id,
        }
    };
    (0..rules.len() as RuleId).map(target).collect()
}

impl Rule {
    /// Returns the only rule that it applies, if it does nothing else.
    fn stands_for(&self) -> Option<RuleId> {
        match &self.demands {
            Demands::InPlace(only) if self.types == Types::ALL && only.is_plain() => match only.all[..] {
                [only] => Some(only),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Demands {
    /// Tells whether a value needs to be looked at only once, and nothing but its parts one after another.
    pub(super) fn are_straight(&self) -> bool {
        self.in_place().is_none()
            && self.array().is_none_or(ArrayRule::is_straight)
            && self.object().is_none_or(ObjectRule::is_straight)
    }

    /// Shows all rules that are applied.
    fn for_each_part(&mut self, show: &mut impl FnMut(&mut RuleId)) {
        if let Some(array) = self.array_mut() {
            let contained = array.contains.as_mut().map(|contains| &mut contains.rule);
            let items = array.first.iter_mut().chain(&mut array.others);
            items.chain(contained).for_each(&mut *show);
        }
        if let Some(object) = self.object_mut() {
            object.for_each_part(show);
        }
        if let Some(in_place) = self.in_place_mut() {
            in_place.for_each_part(show);
        }
    }
}

impl ArrayRule {
    fn is_straight(&self) -> bool {
        !self.unique && self.contains.is_none()
    }
}

impl ObjectRule {
    /// Tells whether the name of a member decides what its value is held against. Where no name is known, the tape is
    /// better at finding two of one name.
    fn is_straight(&self) -> bool {
        self.plain && self.dependents.is_empty() && (1..=MOST_WALKED).contains(&self.properties.len())
    }

    fn for_each_part(&mut self, show: &mut impl FnMut(&mut RuleId)) {
        let properties = self.properties.iter_mut();
        let properties = properties.filter_map(|property| property.rule.as_mut());
        let patterns = self.patterns.iter_mut().map(|(_, rule)| rule);
        let dependents = self.dependents.iter_mut();
        let dependents = dependents.filter_map(|dependent| dependent.rule.as_mut());
        let members = properties.chain(patterns).chain(dependents);
        members
            .chain(&mut self.others)
            .chain(&mut self.naming)
            .for_each(show);
    }
}

impl InPlace {
    /// Tells whether there is nothing but what has to hold in any case.
    fn is_plain(&self) -> bool {
        self.any.is_empty() && self.one.is_empty() && self.not.is_none() && self.condition.is_none()
    }

    fn for_each_part(&mut self, show: &mut impl FnMut(&mut RuleId)) {
        let choices = self.any.iter_mut().chain(&mut self.one).flatten();
        self.all
            .iter_mut()
            .chain(choices)
            .chain(&mut self.not)
            .for_each(&mut *show);
        if let Some(Condition {
            holds,
            then,
            otherwise,
        }) = &mut self.condition
        {
            [holds].into_iter().chain(then).chain(otherwise).for_each(show);
        }
    }
}

/// Properties of an object that a walk can tell apart by one bit each.
pub(super) const MOST_WALKED: usize = u64::BITS as usize;
/// References that lead to references, in a row.
const LONGEST_CHAIN: usize = 8;
