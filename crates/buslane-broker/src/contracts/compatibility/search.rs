//! The search for a reason why a value that one schema accepts could be refused by another. Owns the order of the
//! questions and the bounds on how many are asked; what each keyword asks is in the files named after what they look at.
//!
//! To say "compatible" is to have a proof: every keyword of the schema that has to accept was shown to follow from what
//! the other one demands. Whatever cannot be shown is reported, as breaking where a counterexample is at hand, else as
//! what may break. References in circles are answered by induction over the size of the value: a question that comes
//! again while it is open is about a part of the value.

use std::collections::{BTreeSet, HashMap, HashSet};

use buslane_protocol::{SchemaChange, Verdict};
use jsonschema::Validator;
use serde_json::Value;

use super::finding::{Miss, Places};
use super::kinds::Kinds;
use super::part::{Case, Facts, Part};
use crate::contracts::schema::patterns;

/// What came of a question: nothing, or how sure it is that something breaks.
pub(super) type Outcome = Option<Verdict>;

/// Asks some keywords of the last one: whether they follow from the case, which is also given taken apart.
type Asked<'a> = fn(&mut Search<'a>, &Case<'a>, &Facts<'a>, &Part<'a>) -> Outcome;

/// A search, with what it knows so far.
pub(super) struct Search<'a> {
    /// The documents, with the names under which what is in them is reported.
    documents: Vec<(&'a str, &'a Value)>,
    /// Where everything in them stands, once something is reported.
    places: Option<Places>,
    /// What breaks, in the order in which it was found, without doubles.
    found: Vec<SchemaChange>,
    known: BTreeSet<(String, String, String)>,
    /// How many more were found than are kept.
    omitted: u64,
    /// Whether what is found is only to be counted.
    attempts: u32,
    open: HashSet<Question>,
    proven: HashSet<Question>,
    /// What was proven, in order: what was proven while a question was open that then failed is forgotten.
    proofs: Vec<Question>,
    pub(super) same: HashSet<(usize, usize)>,
    pub(super) differ: HashSet<(usize, usize)>,
    pub(super) assumed: Vec<(usize, usize)>,
    patterns: HashMap<&'a str, Option<Validator>>,
    pub(super) depth: u32,
    /// How many steps are left.
    steps: u32,
    exhausted: bool,
    reported_exhaustion: bool,
}

/// Does everything that matches these schemas match that one?
#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    case: Vec<usize>,
    kinds: Kinds,
    whole: usize,
}

impl<'a> Search<'a> {
    pub(super) const MOST_DEPTH: u32 = 200;

    /// Begins a search among documents, which may take this many steps.
    pub(super) fn new(documents: Vec<(&'a str, &'a Value)>, steps: u32) -> Search<'a> {
        Search {
            documents,
            places: None,
            found: Vec::new(),
            known: BTreeSet::new(),
            omitted: 0,
            attempts: 0,
            open: HashSet::new(),
            proven: HashSet::new(),
            proofs: Vec::new(),
            same: HashSet::new(),
            differ: HashSet::new(),
            assumed: Vec::new(),
            patterns: HashMap::new(),
            depth: 0,
            steps,
            exhausted: false,
            reported_exhaustion: false,
        }
    }

    /// Returns what was found, how much more there was, and how many steps are left.
    pub(super) fn finish(self) -> (Vec<SchemaChange>, u64, u32) {
        (self.found, self.omitted, self.steps)
    }

    /// Looks for values that match all schemas of a case and not the whole.
    pub(super) fn covers(&mut self, case: &Case<'a>, whole: &Part<'a>) -> Outcome {
        if self.depth >= Self::MOST_DEPTH || !self.spend(1 + case.parts.len() as u32) {
            return self.give_up(whole);
        }
        let question = Question::of(case, whole);
        if self.open.contains(&question) || self.proven.contains(&question) {
            return None;
        }
        if case.parts.iter().any(|part| self.same(part, whole)) {
            return None;
        }
        let proofs = self.proofs.len();
        self.open.insert(question.clone());
        self.depth += 1;
        let outcome = self.covers_entered(case, whole);
        self.depth -= 1;
        self.open.remove(&question);
        if outcome.is_none() {
            self.proven.insert(question.clone());
            self.proofs.push(question);
        } else {
            for proof in self.proofs.drain(proofs..) {
                self.proven.remove(&proof);
            }
        }
        outcome
    }

    fn covers_entered(&mut self, case: &Case<'a>, whole: &Part<'a>) -> Outcome {
        let facts = case.facts();
        if self.is_empty(case, &facts, 0) {
            return None;
        }
        let Some(whole) = whole.entered() else {
            return self.give_up(whole);
        };
        match whole.schema {
            Value::Bool(true) => None,
            Value::Bool(false) => self.miss(Miss {
                verdict: Verdict::Breaking,
                keyword: "",
                part: &whole,
                other: case.parts.first(),
                narrowed: "no value is accepted here any more".to_owned(),
                widened: "values may come here where none could".to_owned(),
            }),
            Value::Object(_) => match self.covers_few(case, &facts, &whole) {
                Some(outcome) => outcome,
                None => self.covers_divided(case, &facts, &whole),
            },
            _ => None,
        }
    }

    /// Asks every keyword.
    pub(super) fn covers_keywords(
        &mut self,
        case: &Case<'a>,
        facts: &Facts<'a>,
        whole: &Part<'a>,
    ) -> Outcome {
        if whole.keyword("$ref").is_some() && whole.reference_hides() {
            return self.covers_reference(case, whole);
        }
        let questions: [Asked<'a>; 8] = [
            |search, case, _, whole| search.covers_reference(case, whole),
            |search, _, facts, whole| search.covers_kinds(facts, whole),
            |search, _, facts, whole| search.covers_values(facts, whole),
            |search, _, facts, whole| search.covers_numbers(facts, whole),
            |search, _, facts, whole| search.covers_texts(facts, whole),
            Self::covers_object,
            Self::covers_array,
            Self::covers_branches,
        ];
        let mut worst = None;
        for question in questions {
            worst = worst.max(question(self, case, facts, whole));
        }
        worst
    }

    fn covers_reference(&mut self, case: &Case<'a>, whole: &Part<'a>) -> Outcome {
        let mut worst = None;
        if let Some(reference) = whole.keyword("$ref").and_then(Value::as_str) {
            worst = match whole.referred(reference) {
                Some(target) => self.covers(case, &target),
                None => self.give_up(whole),
            };
        }
        for keyword in ["$dynamicRef", "$recursiveRef"] {
            if whole.keyword(keyword).is_some() {
                worst = worst.max(self.miss(Miss {
                    verdict: Verdict::MayBreak,
                    keyword,
                    part: whole,
                    other: None,
                    narrowed:
                        "where this leads depends on how it is reached, which is not compared".to_owned(),
                    widened:
                        "where this leads depends on how it is reached, which is not compared".to_owned(),
                }));
            }
        }
        worst
    }

    /// Reports something.
    pub(super) fn miss(&mut self, miss: Miss<'_, 'a>) -> Outcome {
        let verdict = miss.verdict;
        if self.attempts == 0 {
            let documents = &self.documents;
            let places = self.places.get_or_insert_with(|| Places::of(documents));
            let change = miss.change(places);
            let key = (
                change.pointer.clone(),
                change.keyword.clone(),
                change.detail.clone(),
            );
            if self.found.len() >= MOST_FOUND {
                self.omitted += 1;
            } else if self.known.insert(key) {
                self.found.push(change);
            }
        }
        Some(verdict)
    }

    /// Asks a question whose answer is not reported.
    pub(super) fn attempt(&mut self, question: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        self.attempts += 1;
        let outcome = question(self);
        self.attempts -= 1;
        outcome
    }

    /// Uses up steps; tells whether there were enough left.
    pub(super) fn spend(&mut self, steps: u32) -> bool {
        self.exhausted |= self.steps < steps;
        self.steps = self.steps.saturating_sub(steps);
        !self.exhausted
    }

    /// Reports that a schema could not be compared, once if that is for want of steps.
    fn give_up(&mut self, part: &Part<'a>) -> Outcome {
        if self.exhausted && self.reported_exhaustion {
            return Some(Verdict::MayBreak);
        }
        self.reported_exhaustion |= self.exhausted && self.attempts == 0;
        self.miss(Miss {
            verdict: Verdict::MayBreak,
            keyword: "",
            part,
            other: None,
            narrowed: "the schemas are too intricate to be compared from here on".to_owned(),
            widened: "the schemas are too intricate to be compared from here on".to_owned(),
        })
    }

    /// Tells whether a text matches a pattern; `None` if that cannot be told.
    pub(super) fn matches(&mut self, pattern: &'a str, text: &str) -> Option<bool> {
        if !self.patterns.contains_key(pattern) && !self.spend(PATTERN_STEPS) {
            return None;
        }
        let compile = || {
            let schema = serde_json::json!({ "pattern": pattern });
            jsonschema::options()
                .with_pattern_options(patterns())
                .build(&schema)
                .ok()
        };
        let validator = self.patterns.entry(pattern).or_insert_with(compile).as_ref()?;
        Some(validator.is_valid(&Value::from(text)))
    }
}

impl Question {
    fn of(case: &Case<'_>, whole: &Part<'_>) -> Question {
        let mut places: Vec<_> = case.parts.iter().map(|part| part.place()).collect();
        places.sort_unstable();
        places.dedup();
        Question {
            case: places,
            kinds: case.kinds,
            whole: whole.place(),
        }
    }
}

/// What compiling a pattern costs, in steps.
const PATTERN_STEPS: u32 = 100;
/// How many changes are kept.
const MOST_FOUND: usize = 100;
