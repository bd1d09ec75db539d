//! What is asked of the names of properties, of what holds only where one of them is there, and of what is left over.

use std::collections::BTreeSet;

use buslane_protocol::Verdict;
use serde_json::Value;

use super::finding::{Miss, quoted};
use super::kinds::Kinds;
use super::part::{Case, Facts, Part};
use super::search::{Outcome, Search};

impl<'a> Search<'a> {
    /// Asks `propertyNames`.
    pub(super) fn covers_names(&mut self, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let wanted = whole.inner(whole.keyword("propertyNames")?);
        let names: Vec<_> = facts
            .each("propertyNames")
            .map(|(part, schema)| part.inner(schema))
            .collect();
        let case = Case::of(names).only(Kinds::STRING);
        self.attempt(|search| search.covers(&case, &wanted))?;
        if self.most_properties(facts).is_some() {
            let all = facts.names();
            let holds = |name: &&str| self.holds(&wanted, &Value::from(*name), 0) == Some(true);
            if all.iter().all(holds) {
                return None;
            }
        }
        self.covers(&case, &wanted)
    }

    /// Asks what holds only where a certain property is there.
    pub(super) fn covers_dependents(
        &mut self,
        case: &Case<'a>,
        facts: &Facts<'a>,
        whole: &Part<'a>,
        required: &BTreeSet<&str>,
    ) -> Outcome {
        let mut worst = None;
        for keyword in ["dependentRequired", "dependencies", "dependentSchemas"] {
            let Some(all) = whole.keyword(keyword).and_then(Value::as_object) else {
                continue;
            };
            for (name, wanted) in all {
                let absent = Case::of(self.schemas_of(facts, name));
                if self.is_empty(&absent, &absent.facts(), 0) {
                    continue;
                }
                let holds = match wanted {
                    Value::Array(wanted) => facts.demands(name, wanted, required),
                    schema => {
                        let case = facts
                            .dependents(name)
                            .into_iter()
                            .fold(case.clone(), |case, part| case.and(&part));
                        self.attempt(|search| search.covers(&case, &whole.inner(schema)))
                            .is_none()
                    }
                };
                if !holds {
                    worst = worst.max(self.miss_dependent(facts, whole, keyword, name, wanted));
                }
            }
        }
        worst
    }

    fn miss_dependent(
        &mut self,
        facts: &Facts<'a>,
        whole: &Part<'a>,
        keyword: &str,
        name: &str,
        wanted: &Value,
    ) -> Outcome {
        let name = quoted(name);
        self.miss(Miss {
            verdict: if wanted.is_array() {
                Verdict::Breaking
            } else {
                Verdict::MayBreak
            },
            keyword,
            part: whole,
            other: facts.part_with(keyword),
            narrowed: format!("more is demanded now where the property {name} is there"),
            widened: format!("less is promised now where the property {name} is there"),
        })
    }

    /// Asks what is left over by others: it says the same only where all of these do.
    pub(super) fn covers_unevaluated(
        &mut self,
        facts: &Facts<'a>,
        whole: &Part<'a>,
        keyword: &str,
    ) -> Outcome {
        for part in &facts.parts {
            let same = |search: &mut Self, keyword: &&str| search.same_at(keyword, part, whole);
            if EVALUATING.iter().all(|keyword| same(self, keyword)) {
                return None;
            }
        }
        self.miss(Miss {
            verdict: Verdict::MayBreak,
            keyword,
            part: whole,
            other: facts.part_with(keyword),
            narrowed: "what is left over is judged by schemas that changed".to_owned(),
            widened: "what is left over was judged by schemas that changed".to_owned(),
        })
    }
}

impl<'a> Facts<'a> {
    /// Tells whether these properties have to be there wherever a certain one is.
    fn demands(&self, name: &str, wanted: &[Value], required: &BTreeSet<&str>) -> bool {
        let known = self.each("dependentRequired").chain(self.each("dependencies"));
        let known: Vec<&Value> = known
            .filter_map(|(_, all)| all.get(name)?.as_array())
            .flatten()
            .collect();
        wanted.iter().all(|wanted| {
            wanted.as_str().is_some_and(|name| required.contains(name)) || known.contains(&wanted)
        })
    }

    /// Returns the schemas that hold where a property is there.
    fn dependents(&self, name: &str) -> Vec<Part<'a>> {
        let known = self.each("dependentSchemas").chain(self.each("dependencies"));
        known
            .filter_map(|(part, all)| Some(part.inner(all.get(name)?)))
            .filter(|part| !part.schema.is_array())
            .collect()
    }
}

/// Tells whether something beside the schema's own properties can say which properties are described.
pub(super) fn has_branches(part: &Part<'_>) -> bool {
    BRANCHES.iter().any(|keyword| part.keyword(keyword).is_some())
}

const BRANCHES: [&str; 9] = [
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "dependentSchemas",
    "dependencies",
];
/// What says which parts of a value are described.
const EVALUATING: [&str; 21] = [
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
    "properties",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "prefixItems",
    "items",
    "additionalItems",
    "contains",
    "unevaluatedItems",
];
