//! What is asked of combinations: all, any, one, none, and conditions.

use super::finding::Miss;
use super::kinds::Kinds;
use super::part::{Case, Facts, Part};
use super::search::{Outcome, Search};
use buslane_protocol::Verdict;

impl<'a> Search<'a> {
    /// Divides a case along the alternatives of its own, then asks every keyword of each.
    pub(super) fn covers_divided(&mut self, case: &Case<'a>, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let Some(cases) = self.divided(case, facts, Some(whole)) else {
            return self.covers_keywords(case, facts, whole);
        };
        cases
            .iter()
            .fold(None, |worst, case| worst.max(self.covers(case, whole)))
    }

    /// Divides a case along the first alternatives that were not chosen from yet, unless the whole has the same.
    fn divided(
        &mut self,
        case: &Case<'a>,
        facts: &Facts<'a>,
        whole: Option<&Part<'a>>,
    ) -> Option<Vec<Case<'a>>> {
        for part in &facts.parts {
            for keyword in ["anyOf", "oneOf"] {
                let branches = part.items(keyword);
                let chosen = |branch: &Part<'a>| case.parts.iter().any(|part| part.place() == branch.place());
                if branches.len() < 2 || branches.iter().any(chosen) {
                    continue;
                }
                let same = whole.is_some_and(|whole| self.same_at(keyword, part, whole));
                if !same {
                    return Some(branches.iter().map(|branch| case.and(branch)).collect());
                }
            }
        }
        None
    }

    /// Asks the keywords that combine schemas.
    pub(super) fn covers_branches(
        &mut self,
        case: &Case<'a>,
        facts: &Facts<'a>,
        whole: &Part<'a>,
    ) -> Outcome {
        let mut worst = None;
        for branch in whole.items("allOf") {
            worst = worst.max(self.covers(case, &branch));
        }
        for keyword in ["anyOf", "oneOf", "not"] {
            if whole.keyword(keyword).is_none() || self.said_by_any(facts, whole, &[keyword]) {
                continue;
            }
            worst = worst.max(match keyword {
                "anyOf" => self.covers_alternatives(case, facts, whole, keyword),
                "oneOf" => self.covers_alternatives(case, facts, whole, keyword),
                _ => self.covers_exclusion(case, facts, whole),
            });
        }
        worst.max(self.covers_condition(case, facts, whole))
    }

    /// Tells whether some part says the same by these keywords.
    fn said_by_any(&mut self, facts: &Facts<'a>, whole: &Part<'a>, keywords: &[&str]) -> bool {
        facts
            .parts
            .iter()
            .any(|part| keywords.iter().all(|keyword| self.same_at(keyword, part, whole)))
    }

    fn covers_alternatives(
        &mut self,
        case: &Case<'a>,
        facts: &Facts<'a>,
        whole: &Part<'a>,
        keyword: &'static str,
    ) -> Outcome {
        let branches = whole.items(keyword);
        let outcomes: Vec<Outcome> = branches
            .iter()
            .enumerate()
            .map(|(index, _)| self.covers_alternative(case, facts, &branches, index, keyword))
            .collect();
        if outcomes.iter().any(Option::is_none) {
            return None;
        }
        let kinds: Vec<_> = facts.kinds.divided().collect();
        if kinds.len() > 1 {
            let all = kinds.iter().all(|kinds| {
                let case = case.only(*kinds);
                let question =
                    |search: &mut Self| search.covers_alternatives(&case, &case.facts(), whole, keyword);
                self.attempt(question).is_none()
            });
            if all {
                return None;
            }
        }
        self.miss_alternatives(case, facts, whole, &branches, &outcomes, keyword)
    }

    /// Tries one alternative: it has to accept everything, and of `oneOf` no other may accept anything.
    fn covers_alternative(
        &mut self,
        case: &Case<'a>,
        facts: &Facts<'a>,
        branches: &[Part<'a>],
        index: usize,
        keyword: &str,
    ) -> Outcome {
        let covered = self.attempt(|search| search.covers(case, &branches[index]));
        if covered.is_some() || keyword == "anyOf" {
            return covered;
        }
        let others = branches.iter().enumerate().filter(|(other, _)| *other != index);
        for (_, other) in others {
            if !self.excludes(case, facts, other) {
                return Some(Verdict::MayBreak);
            }
        }
        None
    }

    /// Tells whether nothing of a case matches a schema.
    fn excludes(&mut self, case: &Case<'a>, facts: &Facts<'a>, other: &Part<'a>) -> bool {
        let both = case.and(other);
        if self.is_empty(&both, &both.facts(), 0) {
            return true;
        }
        // What matches one alternative of a `oneOf` matches no other one, nor anything narrower.
        for part in &facts.parts {
            let branches = part.items("oneOf");
            let chosen = |branch: &Part<'a>| case.parts.iter().any(|part| part.place() == branch.place());
            if !branches.iter().any(chosen) {
                continue;
            }
            for branch in branches.iter().filter(|branch| !chosen(branch)) {
                let narrower = Case::of(vec![other.clone()]);
                if self.attempt(|search| search.covers(&narrower, branch)).is_none() {
                    return true;
                }
            }
        }
        false
    }

    /// Reports that no alternative accepts everything, by what the nearest one lacks.
    fn miss_alternatives(
        &mut self,
        case: &Case<'a>,
        facts: &Facts<'a>,
        whole: &Part<'a>,
        branches: &[Part<'a>],
        outcomes: &[Outcome],
        keyword: &'static str,
    ) -> Outcome {
        let certain = outcomes.iter().all(|outcome| *outcome == Some(Verdict::Breaking));
        let possible: Vec<_> = branches
            .iter()
            .filter(|branch| {
                let both = case.and(branch);
                !self.is_empty(&both, &both.facts(), 0)
            })
            .collect();
        // Where only one alternative comes into question, what it lacks is the answer.
        if let ([nearest], true) = (&possible[..], certain)
            && let Some(verdict) = self.covers(case, nearest)
        {
            return Some(verdict);
        }
        self.miss(Miss {
            verdict: if certain {
                Verdict::Breaking
            } else {
                Verdict::MayBreak
            },
            keyword,
            part: whole,
            other: facts.part_with(keyword),
            narrowed: match keyword {
                "oneOf" => {
                    "what was accepted may now match none of the alternatives, or more than one".to_owned()
                }
                _ => "what was accepted may now match none of the alternatives".to_owned(),
            },
            widened: "what matches none of the former alternatives may come now".to_owned(),
        })
    }

    fn covers_exclusion(&mut self, case: &Case<'a>, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let excluded = whole.inner(whole.keyword("not")?);
        if self.excludes(case, facts, &excluded) {
            return None;
        }
        let known: Vec<_> = facts
            .each("not")
            .map(|(part, schema)| part.inner(schema))
            .collect();
        let narrower = Case::of(vec![excluded]);
        if known
            .iter()
            .any(|known| self.attempt(|search| search.covers(&narrower, known)).is_none())
        {
            return None;
        }
        let other = facts.each("not").next().map(|(part, _)| part);
        self.miss(Miss {
            verdict: Verdict::MayBreak,
            keyword: "not",
            part: whole,
            other: other.or(facts.parts.first()),
            narrowed: "more may be excluded now than before".to_owned(),
            widened: "less may be excluded now than before".to_owned(),
        })
    }

    fn covers_condition(&mut self, case: &Case<'a>, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let condition = whole.inner(whole.keyword("if")?);
        if self.said_by_any(facts, whole, &["if", "then", "else"]) {
            return None;
        }
        let mut holds = |keyword: &str, case: &Case<'a>| match whole.keyword(keyword) {
            Some(schema) => self
                .attempt(|search| search.covers(case, &whole.inner(schema)))
                .is_none(),
            None => true,
        };
        if holds("then", &case.and(&condition)) && holds("else", case) {
            return None;
        }
        self.miss(Miss {
            verdict: Verdict::MayBreak,
            keyword: "if",
            part: whole,
            other: facts.part_with("if"),
            narrowed: "what a condition demands changed, and cannot be compared".to_owned(),
            widened: "what a condition promised changed, and cannot be compared".to_owned(),
        })
    }

    /// Tells whether a case has no value at all, as far as that can be shown.
    pub(super) fn is_empty(&mut self, case: &Case<'a>, facts: &Facts<'a>, level: u32) -> bool {
        if facts.is_never || facts.kinds.is_empty() {
            return true;
        }
        if level > MOST_EMPTY_LEVELS || !self.spend(1) {
            return false;
        }
        if self.has_no_candidate(facts) || facts.kinds.divided().all(|kind| self.lacks(facts, kind, level)) {
            return true;
        }
        match self.divided(case, facts, None) {
            Some(cases) => cases
                .iter()
                .all(|case| self.is_empty(case, &case.facts(), level + 1)),
            None => false,
        }
    }

    /// Tells whether a case has no value of a kind.
    fn lacks(&mut self, facts: &Facts<'a>, kind: Kinds, level: u32) -> bool {
        let contradict = |least: &str, most: &str| match (facts.least(least), facts.most(most)) {
            (Some(least), Some(most)) => least > most,
            _ => false,
        };
        if kind.meets(Kinds::NUMBER) {
            facts.excludes_numbers()
        } else if kind == Kinds::STRING {
            contradict("minLength", "maxLength")
        } else if kind == Kinds::ARRAY {
            contradict("minItems", "maxItems")
        } else if kind == Kinds::OBJECT {
            let required = facts.required();
            contradict("minProperties", "maxProperties")
                || required.into_iter().any(|name| {
                    let property = Case::of(self.schemas_of(facts, name));
                    self.is_empty(&property, &property.facts(), level + 1)
                })
        } else {
            false
        }
    }
}

/// How deeply it is looked for the reason why there is no value.
const MOST_EMPTY_LEVELS: u32 = 4;
