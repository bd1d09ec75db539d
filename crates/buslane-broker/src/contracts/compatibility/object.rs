//! What is asked of objects: which properties there have to be, which there may be, and what each is held against.

use std::collections::BTreeSet;

use buslane_protocol::Verdict;
use serde_json::Value;

use super::dependent::has_branches;
use super::finding::{Miss, quoted};
use super::kinds::Kinds;
use super::part::{Case, Facts, Part};
use super::scalar::Counted;
use super::search::{Outcome, Search};

/// What one schema says of a property.
struct Said<'a> {
    /// Schemas that hold for certain.
    certain: Vec<Part<'a>>,
    /// Whether the schema names the property or a pattern for it.
    named: bool,
}

impl<'a> Search<'a> {
    /// Asks the keywords of objects.
    pub(super) fn covers_object(&mut self, case: &Case<'a>, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        if !facts.may_be(Kinds::OBJECT) {
            return None;
        }
        let required = facts.required();
        let least = required.len() as u64;
        let most = self.most_properties(facts);
        let mut worst = self.covers_count(facts, whole, &PROPERTIES, least, most);
        worst = worst.max(self.covers_required(facts, whole, &required));
        worst = worst.max(self.covers_properties(facts, whole));
        worst = worst.max(self.covers_patterns(facts, whole));
        worst = worst.max(self.covers_additional(facts, whole));
        worst = worst.max(self.covers_names(facts, whole));
        worst.max(self.covers_dependents(case, facts, whole, &required))
    }

    fn covers_required(&mut self, facts: &Facts<'a>, whole: &Part<'a>, known: &BTreeSet<&str>) -> Outcome {
        let wanted = whole.keyword("required")?.as_array()?;
        let missing: Vec<_> = wanted
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| !known.contains(name))
            .collect();
        let mut worst = None;
        for name in missing {
            let name = quoted(name);
            worst = worst.max(self.miss(Miss {
                verdict: Verdict::Breaking,
                keyword: "required",
                part: whole,
                other: facts.part_with("required"),
                narrowed: format!("the property {name} is required now"),
                widened: format!("the property {name} may be missing now"),
            }));
        }
        worst
    }

    fn covers_properties(&mut self, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let mut worst = None;
        for (name, wanted) in whole.members("properties") {
            let said = self.said(facts, name);
            let case = Case::of(said.certain);
            if said.named {
                worst = worst.max(self.covers(&case, &wanted));
                continue;
            }
            // Nobody was told of the property: whoever sends it all the same does so at random.
            if self.attempt(|search| search.covers(&case, &wanted)).is_some() {
                let name = quoted(name);
                worst = worst.max(self.miss(Miss {
                    verdict: Verdict::MayBreak,
                    keyword: "",
                    part: &wanted,
                    other: None,
                    narrowed: format!("the property {name} has a schema now, and could be anything before"),
                    widened: format!("the property {name} has no schema any more, and may be anything now"),
                }));
            }
        }
        worst
    }

    fn covers_patterns(&mut self, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let mut worst = None;
        for (pattern, wanted) in whole.members("patternProperties") {
            for name in facts.names() {
                if self.matches(pattern, name) != Some(false) {
                    let case = Case::of(self.said(facts, name).certain);
                    worst = worst.max(self.covers(&case, &wanted));
                }
            }
            worst = worst.max(self.covers_unnamed(facts, &wanted, Some(pattern), &BTreeSet::new()));
        }
        worst
    }

    fn covers_additional(&mut self, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let keyword = match whole.keyword("additionalProperties") {
            Some(_) => "additionalProperties",
            None => "unevaluatedProperties",
        };
        let wanted = whole.inner(whole.keyword(keyword)?);
        if wanted.schema == &Value::Bool(true) {
            return None;
        }
        if keyword == "unevaluatedProperties" && has_branches(whole) {
            return self.covers_unevaluated(facts, whole, keyword);
        }
        let own: BTreeSet<&str> = whole
            .members("properties")
            .map(|(name, _)| name.as_str())
            .collect();
        let patterns: BTreeSet<&'a str> = whole
            .members("patternProperties")
            .map(|(pattern, _)| pattern.as_str())
            .collect();
        let mut worst = None;
        for name in facts.names() {
            if own.contains(name)
                || patterns
                    .iter()
                    .any(|pattern| self.matches(pattern, name) == Some(true))
            {
                continue;
            }
            let case = Case::of(self.said(facts, name).certain);
            worst = worst.max(self.covers_property(&case, whole, keyword, &wanted, name));
        }
        worst.max(self.covers_rest(facts, whole, keyword, &wanted, &patterns))
    }

    fn covers_property(
        &mut self,
        case: &Case<'a>,
        whole: &Part<'a>,
        keyword: &str,
        wanted: &Part<'a>,
        name: &str,
    ) -> Outcome {
        if wanted.schema != &Value::Bool(false) {
            return self.covers(case, wanted);
        }
        self.attempt(|search| search.covers(case, wanted))?;
        let name = quoted(name);
        self.miss(Miss {
            verdict: Verdict::Breaking,
            keyword,
            part: whole,
            other: None,
            narrowed: format!("the property {name} is refused now"),
            widened: format!("the property {name} may come now"),
        })
    }

    fn covers_rest(
        &mut self,
        facts: &Facts<'a>,
        whole: &Part<'a>,
        keyword: &str,
        wanted: &Part<'a>,
        patterns: &BTreeSet<&'a str>,
    ) -> Outcome {
        if wanted.schema != &Value::Bool(false) {
            return self.covers_unnamed(facts, wanted, None, patterns);
        }
        self.attempt(|search| search.covers_unnamed(facts, wanted, None, patterns))?;
        self.miss(Miss {
            verdict: Verdict::Breaking,
            keyword,
            part: whole,
            other: facts.part_with(keyword),
            narrowed: "properties that the schema does not name are refused now".to_owned(),
            widened: "properties that the schema does not name may come now".to_owned(),
        })
    }

    /// Looks at the properties that no part names: with a pattern at those that match it, else at those that match none
    /// of some patterns.
    fn covers_unnamed(
        &mut self,
        facts: &Facts<'a>,
        wanted: &Part<'a>,
        pattern: Option<&str>,
        beyond: &BTreeSet<&'a str>,
    ) -> Outcome {
        let certain = facts
            .parts
            .iter()
            .flat_map(|part| part.members("patternProperties"));
        let certain: Vec<Part<'a>> = certain
            .filter(|(known, _)| pattern == Some(known.as_str()))
            .map(|(_, schema)| schema)
            .collect();
        let open = Case::of(certain.clone());
        let mut candidates: Vec<Vec<Case<'a>>> = Vec::new();
        if !certain.is_empty() || facts.parts.is_empty() {
            candidates.push(vec![open.clone()]);
        }
        for part in &facts.parts {
            let mut cases = Vec::new();
            for (known, schema) in part.members("patternProperties") {
                if pattern != Some(known.as_str()) && !beyond.contains(known.as_str()) {
                    cases.push(open.and(&schema));
                }
            }
            let hits_own = part
                .members("patternProperties")
                .any(|(known, _)| pattern == Some(known.as_str()));
            match part.keyword("additionalProperties") {
                _ if hits_own => continue,
                Some(schema) => cases.push(open.and(&part.inner(schema))),
                None => cases.push(open.clone()),
            }
            candidates.push(cases);
        }
        if candidates.is_empty() {
            candidates.push(vec![open]);
        }
        let fits = |search: &mut Self, cases: &[Case<'a>]| {
            cases.iter().fold(None, |worst: Outcome, case| {
                worst.max(search.covers(case, wanted))
            })
        };
        if candidates
            .iter()
            .any(|cases| self.attempt(|search| fits(search, cases)).is_none())
        {
            return None;
        }
        // The one that says most is the one to be compared with.
        let best = candidates
            .iter()
            .max_by_key(|cases| cases.iter().map(|case| case.parts.len()).min())?;
        fits(self, best)
    }

    /// Returns what the parts say of a property.
    fn said(&mut self, facts: &Facts<'a>, name: &str) -> Said<'a> {
        let mut said = Said {
            certain: Vec::new(),
            named: false,
        };
        for part in &facts.parts {
            let mut hit = false;
            if let Some(schema) = part
                .keyword("properties")
                .and_then(|properties| properties.get(name))
            {
                said.certain.push(part.inner(schema));
                hit = true;
            }
            for (pattern, schema) in part.members("patternProperties") {
                let matches = self.matches(pattern, name);
                if matches == Some(true) {
                    said.certain.push(schema);
                }
                hit |= matches != Some(false);
            }
            said.named |= hit;
            if let Some(schema) = part.keyword("additionalProperties").filter(|_| !hit) {
                said.named |= schema != &Value::Bool(true);
                said.certain.push(part.inner(schema));
            }
        }
        said
    }

    /// Returns the schemas that hold for a property.
    pub(super) fn schemas_of(&mut self, facts: &Facts<'a>, name: &str) -> Vec<Part<'a>> {
        self.said(facts, name).certain
    }

    /// Returns how many properties there can be at most, where all are named.
    pub(super) fn most_properties(&mut self, facts: &Facts<'a>) -> Option<u64> {
        let closed = |part: &&Part<'a>| {
            part.keyword("additionalProperties") == Some(&Value::Bool(false))
                && part.members("patternProperties").next().is_none()
        };
        let counts = facts.parts.iter().filter(closed);
        counts.map(|part| part.members("properties").count() as u64).min()
    }
}

impl<'a> Facts<'a> {
    /// Returns the names of properties that have to be there.
    pub(super) fn required(&self) -> BTreeSet<&'a str> {
        let names = self.each("required").filter_map(|(_, names)| names.as_array());
        names.flatten().filter_map(Value::as_str).collect()
    }

    /// Returns every name that some part has a schema for.
    pub(super) fn names(&self) -> BTreeSet<&'a str> {
        let named = self.parts.iter().flat_map(|part| part.members("properties"));
        named.map(|(name, _)| name.as_str()).collect()
    }
}

const PROPERTIES: Counted = Counted {
    least: "minProperties",
    most: "maxProperties",
    what: "properties",
};
