//! What is asked of kinds, numbers and texts.

use std::cmp::Ordering;

use buslane_protocol::Verdict;
use jsonschema::Draft;
use serde_json::{Number, Value};

use super::finding::Miss;
use super::kinds::Kinds;
use super::number::{compare, whole as whole_number};
use super::part::{Facts, Part};
use super::search::{Outcome, Search};

/// A bound of numbers.
#[derive(Clone)]
struct Bound {
    number: Number,
    exclusive: bool,
    keyword: &'static str,
}

/// Which end a bound is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Lower,
    Upper,
}

/// A pair of keywords that count something.
pub(super) struct Counted {
    pub(super) least: &'static str,
    pub(super) most: &'static str,
    /// What is counted, for people.
    pub(super) what: &'static str,
}

impl<'a> Search<'a> {
    /// Asks `type`.
    pub(super) fn covers_kinds(&mut self, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let allowed = Kinds::of_keyword(whole.keyword("type")?, whole.draft);
        let left_out = facts.kinds.without(allowed);
        if left_out.is_empty() {
            return None;
        }
        // Draft 4 tells 1.0 from 1, which hardly anybody means.
        let verdict = match left_out.without(Kinds::WHOLE).is_empty() {
            true => Verdict::MayBreak,
            false => Verdict::Breaking,
        };
        let shown = left_out.shown();
        self.miss(Miss {
            verdict,
            keyword: "type",
            part: whole,
            other: facts.each("type").next().map(|(part, _)| part),
            narrowed: format!("values of type {shown} are refused now"),
            widened: format!("values of type {shown} may come now"),
        })
    }

    /// Asks `minimum`, `maximum`, their exclusive kin and `multipleOf`.
    pub(super) fn covers_numbers(&mut self, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        if !facts.may_be(Kinds::NUMBER) {
            return None;
        }
        let mut worst = None;
        for end in [End::Lower, End::Upper] {
            for bound in bounds(whole, end) {
                worst = worst.max(self.covers_bound(facts, whole, end, &bound));
            }
        }
        worst.max(self.covers_multiple(facts, whole))
    }

    fn covers_bound(&mut self, facts: &Facts<'a>, whole: &Part<'a>, end: End, bound: &Bound) -> Outcome {
        let integral = !facts.may_be(Kinds::FRACTION);
        let known: Vec<_> = facts
            .parts
            .iter()
            .flat_map(|part| bounds(part, end).into_iter().map(move |bound| (part, bound)))
            .collect();
        if known.iter().any(|(_, known)| known.implies(bound, end, integral)) {
            return None;
        }
        let same =
            |(part, known): &(&Part<'a>, Bound)| (known.keyword == bound.keyword).then(|| (*part).clone());
        let other = known.iter().find_map(same);
        let (number, beyond) = (
            &bound.number,
            match (end, bound.exclusive) {
                (End::Lower, false) => "below",
                (End::Lower, true) => "not above",
                (End::Upper, false) => "above",
                (End::Upper, true) => "not below",
            },
        );
        self.miss(Miss {
            verdict: Verdict::Breaking,
            keyword: bound.keyword,
            part: whole,
            other: other.as_ref().or(facts.parts.first()),
            narrowed: format!("numbers {beyond} {number} are refused now"),
            widened: format!("numbers {beyond} {number} may come now"),
        })
    }

    fn covers_multiple(&mut self, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let of = whole.keyword("multipleOf")?.as_number()?;
        let divides = |known: &Number| match (whole_number(known), whole_number(of)) {
            (Some(known), Some(of)) => of != 0 && known % of == 0,
            _ => known == of,
        };
        let known = facts
            .each("multipleOf")
            .find(|(_, known)| known.as_number().is_some_and(divides));
        let one = whole_number(of) == Some(1) && !facts.may_be(Kinds::FRACTION);
        if known.is_some() || one {
            return None;
        }
        let fractions = whole_number(of).is_none()
            || facts
                .each("multipleOf")
                .any(|(_, known)| known.as_number().and_then(whole_number).is_none());
        self.miss(Miss {
            verdict: if fractions {
                Verdict::MayBreak
            } else {
                Verdict::Breaking
            },
            keyword: "multipleOf",
            part: whole,
            other: facts.part_with("multipleOf"),
            narrowed: format!("numbers that are no multiple of {of} are refused now"),
            widened: format!("numbers that are no multiple of {of} may come now"),
        })
    }

    /// Asks the keywords of strings.
    pub(super) fn covers_texts(&mut self, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        if !facts.may_be(Kinds::STRING) {
            return None;
        }
        let mut worst = self.covers_count(facts, whole, &LENGTH, 0, None);
        let asserts = asserts_format(whole.draft);
        for (keyword, asserted) in [
            ("pattern", true),
            ("format", asserts),
            ("contentEncoding", asserts),
            ("contentMediaType", asserts),
        ] {
            let Some(wanted) = whole.keyword(keyword).filter(|_| asserted) else {
                continue;
            };
            let holds = |(part, known): (&Part<'a>, &Value)| {
                known == wanted && (keyword == "pattern" || part.draft == whole.draft)
            };
            if !facts.each(keyword).any(holds) {
                worst = worst.max(self.miss_of_text(facts, whole, keyword, wanted));
            }
        }
        worst
    }

    fn miss_of_text(
        &mut self,
        facts: &Facts<'a>,
        whole: &Part<'a>,
        keyword: &str,
        wanted: &Value,
    ) -> Outcome {
        let other = facts.each(keyword).next().map(|(part, _)| part);
        let verdict = match (keyword, other) {
            ("pattern", None) => Verdict::Breaking,
            _ => Verdict::MayBreak,
        };
        let means = match other {
            Some(_) => "which cannot be compared with what was there",
            None => "which nothing demanded",
        };
        let (other, changed) = (other.or(facts.parts.first()), other.is_some());
        self.miss(Miss {
            verdict,
            keyword,
            part: whole,
            other,
            narrowed: format!("texts have to match the {keyword} {wanted} now, {means} before"),
            widened: match changed {
                true => {
                    format!("texts that do not match the {keyword} {wanted} may come now: it was changed")
                }
                false => format!("texts that do not match the {keyword} {wanted} may come now"),
            },
        })
    }

    /// Asks two keywords that count. `least` and `most` are what is known from elsewhere.
    pub(super) fn covers_count(
        &mut self,
        facts: &Facts<'a>,
        whole: &Part<'a>,
        counted: &Counted,
        least: u64,
        most: Option<u64>,
    ) -> Outcome {
        let least = facts.least(counted.least).unwrap_or(0).max(least);
        let most = facts.most(counted.most).into_iter().chain(most).min();
        let wanted_least = whole.keyword(counted.least).and_then(count);
        let wanted_most = whole.keyword(counted.most).and_then(count);
        let mut worst = None;
        let other = |keyword| facts.part_with(keyword);
        if let Some(wanted) = wanted_least.filter(|wanted| *wanted > least) {
            worst = worst.max(self.miss(Miss {
                verdict: Verdict::Breaking,
                keyword: counted.least,
                part: whole,
                other: other(counted.least),
                narrowed: format!("fewer than {wanted} {} are refused now", counted.what),
                widened: format!("fewer than {wanted} {} may come now", counted.what),
            }));
        }
        if let Some(wanted) = wanted_most.filter(|wanted| most.is_none_or(|most| *wanted < most)) {
            worst = worst.max(self.miss(Miss {
                verdict: Verdict::Breaking,
                keyword: counted.most,
                part: whole,
                other: other(counted.most),
                narrowed: format!("more than {wanted} {} are refused now", counted.what),
                widened: format!("more than {wanted} {} may come now", counted.what),
            }));
        }
        worst
    }
}

impl<'a> Facts<'a> {
    /// Returns the largest value of a keyword that counts.
    pub(super) fn least(&self, keyword: &str) -> Option<u64> {
        self.each(keyword).filter_map(|(_, value)| count(value)).max()
    }

    /// Returns the smallest value of a keyword that counts.
    pub(super) fn most(&self, keyword: &str) -> Option<u64> {
        self.each(keyword).filter_map(|(_, value)| count(value)).min()
    }

    /// Tells whether the bounds leave no number.
    pub(super) fn excludes_numbers(&self) -> bool {
        let all = |end| self.parts.iter().flat_map(move |part| bounds(part, end));
        let contradict = |lower: &Bound, upper: &Bound| match compare(&lower.number, &upper.number) {
            Ordering::Greater => true,
            Ordering::Equal => lower.exclusive || upper.exclusive,
            Ordering::Less => false,
        };
        all(End::Lower).any(|lower| all(End::Upper).any(|upper| contradict(&lower, &upper)))
    }
}

impl Bound {
    /// Tells whether what keeps to this bound keeps to the other.
    fn implies(&self, other: &Bound, end: End, integral: bool) -> bool {
        let order = match end {
            End::Lower => compare(&self.number, &other.number),
            End::Upper => compare(&other.number, &self.number),
        };
        match order {
            Ordering::Greater => true,
            Ordering::Equal => self.exclusive || !other.exclusive,
            Ordering::Less => integral && self.next_is_within(other, end),
        }
    }

    /// Tells whether the next whole number is within the other bound.
    fn next_is_within(&self, other: &Bound, end: End) -> bool {
        let (Some(own), Some(other_number)) = (whole_number(&self.number), whole_number(&other.number))
        else {
            return false;
        };
        let next = |number: i128, exclusive: bool| match (exclusive, end) {
            (false, _) => number,
            (true, End::Lower) => number + 1,
            (true, End::Upper) => number - 1,
        };
        let (own, wanted) = (next(own, self.exclusive), next(other_number, other.exclusive));
        match end {
            End::Lower => own >= wanted,
            End::Upper => own <= wanted,
        }
    }
}

/// Returns the bounds that a schema sets at one end.
fn bounds(part: &Part<'_>, end: End) -> Vec<Bound> {
    let (inclusive, exclusive) = match end {
        End::Lower => ("minimum", "exclusiveMinimum"),
        End::Upper => ("maximum", "exclusiveMaximum"),
    };
    let bound = |keyword: &'static str, is_exclusive: bool| {
        let number = part.keyword(keyword)?.as_number()?.clone();
        Some(Bound {
            number,
            exclusive: is_exclusive,
            keyword,
        })
    };
    if part.draft == Draft::Draft4 {
        let flag = part
            .keyword(exclusive)
            .and_then(Value::as_bool)
            .unwrap_or_default();
        return bound(inclusive, flag).into_iter().collect();
    }
    bound(inclusive, false)
        .into_iter()
        .chain(bound(exclusive, true))
        .collect()
}

/// Reads a count, which may be written as a whole number with a fraction of zero.
pub(super) fn count(value: &Value) -> Option<u64> {
    let number = whole_number(value.as_number()?)?;
    Some(u64::try_from(number.max(0)).unwrap_or(u64::MAX))
}

/// Tells whether a draft holds texts against `format`, which in the later ones only describes.
pub(super) fn asserts_format(draft: Draft) -> bool {
    matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7)
}

const LENGTH: Counted = Counted {
    least: "minLength",
    most: "maxLength",
    what: "characters",
};
