//! What is asked of arrays: how many items there are, what each is held against, what has to be among them.

use buslane_protocol::Verdict;
use jsonschema::Draft;
use serde_json::Value;

use super::dependent::has_branches;
use super::finding::Miss;
use super::kinds::Kinds;
use super::part::{Case, Facts, Part};
use super::scalar::{Counted, count};
use super::search::{Outcome, Search};

/// What a schema says of the items of an array.
struct Items<'a> {
    /// Of each of the first ones.
    first: Vec<Part<'a>>,
    /// Of all that follow.
    rest: Option<Part<'a>>,
}

impl<'a> Search<'a> {
    /// Asks the keywords of arrays.
    pub(super) fn covers_array(&mut self, _: &Case<'a>, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        if !facts.may_be(Kinds::ARRAY) {
            return None;
        }
        let least = facts
            .each("contains")
            .map(|(part, _)| least_contained(part))
            .max();
        let most = facts
            .parts
            .iter()
            .map(Items::of)
            .filter_map(|items| items.most())
            .min();
        let mut worst = self.covers_count(facts, whole, &ITEMS, least.unwrap_or(0), most);
        worst = worst.max(self.covers_items(facts, whole));
        worst = worst.max(self.covers_unique(facts, whole));
        worst = worst.max(self.covers_contains(facts, whole));
        if let Some(rest) = whole
            .keyword("unevaluatedItems")
            .filter(|rest| **rest != Value::Bool(true))
        {
            worst = worst.max(self.covers_left_items(facts, whole, rest));
        }
        worst
    }

    fn covers_items(&mut self, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let wanted = Items::of(whole);
        self.covers_each(facts, &wanted.first, wanted.rest.as_ref())
    }

    /// Holds each item against the schema of its place.
    fn covers_each(&mut self, facts: &Facts<'a>, first: &[Part<'a>], rest: Option<&Part<'a>>) -> Outcome {
        let known: Vec<Items<'a>> = facts.parts.iter().map(Items::of).collect();
        let most = known
            .iter()
            .filter_map(Items::most)
            .chain(facts.most("maxItems"))
            .min()
            .unwrap_or(u64::MAX);
        let at = |index: usize| Case::of(known.iter().filter_map(|items| items.at(index)).collect());
        let different = known.iter().map(|items| items.first.len()).max().unwrap_or(0);
        let mut worst = None;
        for index in 0..first.len().max(different) {
            let wanted = first.get(index).or(rest).filter(|_| (index as u64) < most);
            if let Some(wanted) = wanted {
                worst = worst.max(self.covers(&at(index), wanted));
            }
        }
        let index = first.len().max(different);
        match rest.filter(|_| (index as u64) < most) {
            Some(rest) => worst.max(self.covers(&at(index), rest)),
            None => worst,
        }
    }

    fn covers_left_items(&mut self, facts: &Facts<'a>, whole: &Part<'a>, rest: &'a Value) -> Outcome {
        let own = Items::of(whole);
        if has_branches(whole) || whole.keyword("contains").is_some() {
            return self.covers_unevaluated(facts, whole, "unevaluatedItems");
        }
        if own.rest.is_some() {
            return None;
        }
        self.covers_each(facts, &own.first, Some(&whole.inner(rest)))
    }

    fn covers_unique(&mut self, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let unique = |value: &Value| value == &Value::Bool(true);
        whole.keyword("uniqueItems").filter(|value| unique(value))?;
        let few = facts.most("maxItems").is_some_and(|most| most <= 1);
        if few || facts.each("uniqueItems").any(|(_, value)| unique(value)) {
            return None;
        }
        self.miss(Miss {
            verdict: Verdict::Breaking,
            keyword: "uniqueItems",
            part: whole,
            other: facts.parts.first(),
            narrowed: "arrays with two equal items are refused now".to_owned(),
            widened: "arrays with two equal items may come now".to_owned(),
        })
    }

    fn covers_contains(&mut self, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let wanted = whole.inner(whole.keyword("contains")?);
        let least = least_contained(whole);
        let mut worst = None;
        if least > 0 && !self.contains_enough(facts, &wanted, least) {
            let other = facts.each("contains").next().map(|(part, _)| part);
            let counted = whole.keyword("minContains").is_some();
            worst = self.miss(Miss {
                verdict: if other.is_none() {
                    Verdict::Breaking
                } else {
                    Verdict::MayBreak
                },
                keyword: if counted { "minContains" } else { "contains" },
                part: whole,
                other: other.or(facts.parts.first()),
                narrowed: "arrays have to contain other or more items now".to_owned(),
                widened: "arrays need not contain the same items any more".to_owned(),
            });
        }
        let Some(most) = whole.keyword("maxContains").and_then(count) else {
            return worst;
        };
        let fewer = facts.each("contains").any(|(part, schema)| {
            let limited = part
                .keyword("maxContains")
                .and_then(count)
                .is_some_and(|known| known <= most);
            let known = part.inner(schema);
            limited
                && self
                    .attempt(|search| search.covers(&Case::of(vec![wanted.clone()]), &known))
                    .is_none()
        });
        if fewer || facts.most("maxItems").is_some_and(|items| items <= most) {
            return worst;
        }
        worst.max(self.miss(Miss {
            verdict: Verdict::MayBreak,
            keyword: "maxContains",
            part: whole,
            other: facts.part_with("maxContains"),
            narrowed: format!("arrays may contain only {most} of certain items now"),
            widened: format!("arrays may contain more than {most} of certain items now"),
        }))
    }

    /// Tells whether enough items of a kind are certain to be there.
    fn contains_enough(&mut self, facts: &Facts<'a>, wanted: &Part<'a>, least: u64) -> bool {
        let known: Vec<_> = facts
            .each("contains")
            .filter(|(part, _)| least_contained(part) >= least)
            .map(|(part, schema)| part.inner(schema))
            .collect();
        let among = known.into_iter().any(|known| {
            self.attempt(|search| search.covers(&Case::of(vec![known]), wanted))
                .is_none()
        });
        among
            || (facts.least("minItems").is_some_and(|items| items >= least)
                && self
                    .attempt(|search| search.covers_each(facts, &[], Some(wanted)))
                    .is_none())
    }
}

impl<'a> Items<'a> {
    fn of(part: &Part<'a>) -> Items<'a> {
        if part.draft >= Draft::Draft202012 {
            return Items {
                first: part.items("prefixItems"),
                rest: part.keyword("items").map(|schema| part.inner(schema)),
            };
        }
        match part.keyword("items") {
            Some(Value::Array(_)) => Items {
                first: part.items("items"),
                rest: part.keyword("additionalItems").map(|schema| part.inner(schema)),
            },
            schema => Items {
                first: Vec::new(),
                rest: schema.map(|schema| part.inner(schema)),
            },
        }
    }

    /// Returns what an item has to match.
    fn at(&self, index: usize) -> Option<Part<'a>> {
        self.first.get(index).or(self.rest.as_ref()).cloned()
    }

    /// Returns how many items there can be at most.
    fn most(&self) -> Option<u64> {
        let closed = self
            .rest
            .as_ref()
            .is_some_and(|rest| rest.schema == &Value::Bool(false));
        closed.then_some(self.first.len() as u64)
    }
}

/// Returns how many items `contains` demands.
fn least_contained(part: &Part<'_>) -> u64 {
    part.keyword("minContains").and_then(count).unwrap_or(1)
}

const ITEMS: Counted = Counted {
    least: "minItems",
    most: "maxItems",
    what: "items",
};
