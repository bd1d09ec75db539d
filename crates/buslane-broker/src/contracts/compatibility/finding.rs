//! What was found: which keyword no longer says what it said, where it stands, and what that means.

use std::collections::HashMap;

use buslane_protocol::{SchemaChange, Verdict};
use serde_json::Value;

use super::part::{Part, Side};

/// A keyword of the side that has to accept everything, and why it does not.
pub(super) struct Miss<'m, 'a> {
    pub(super) verdict: Verdict,
    pub(super) keyword: &'m str,
    /// The schema with the keyword.
    pub(super) part: &'m Part<'a>,
    /// The schema of the other side that says something else by the same keyword, if one does.
    pub(super) other: Option<&'m Part<'a>>,
    /// What it means if the new schema accepts less.
    pub(super) narrowed: String,
    /// What it means if the new schema allows more.
    pub(super) widened: String,
}

/// Where every schema of a document stands, to say it by JSON Pointer.
#[derive(Default)]
pub(super) struct Places {
    parents: HashMap<usize, (usize, Step)>,
    roots: HashMap<usize, String>,
}

enum Step {
    Member(String),
    Item(usize),
}

impl Miss<'_, '_> {
    /// Makes the change that is reported.
    pub(super) fn change(self, places: &Places) -> SchemaChange {
        let (old, new) = match self.part.side {
            Side::Old => (Some(self.part), self.other),
            Side::New => (self.other, Some(self.part)),
        };
        let value = |part: Option<&Part<'_>>| {
            let value = match self.keyword {
                "" => part?.schema,
                keyword => part?.keyword(keyword)?,
            };
            Some(value).filter(|value| is_short(value)).cloned()
        };
        let has = |part: &&Part<'_>| self.keyword.is_empty() || part.keyword(self.keyword).is_some();
        let shown = new.filter(has).or(old).unwrap_or(self.part);
        let mut pointer = places.pointer(shown.place());
        if !self.keyword.is_empty() {
            pointer.push('/');
            pointer.push_str(self.keyword);
        }
        SchemaChange {
            verdict: self.verdict,
            pointer,
            keyword: self.keyword.to_owned(),
            old: value(old),
            new: value(new),
            detail: match self.part.side {
                Side::New => self.narrowed,
                Side::Old => self.widened,
            },
        }
    }
}

impl Places {
    /// Notes where everything in some documents stands. The name of the schema itself is empty.
    pub(super) fn of(documents: &[(&str, &Value)]) -> Places {
        let mut places = Places::default();
        documents
            .iter()
            .for_each(|(name, document)| places.add(name, document));
        places
    }

    fn add(&mut self, name: &str, document: &Value) {
        self.roots.insert(address(document), name.to_owned());
        let mut waiting = vec![document];
        while let Some(value) = waiting.pop() {
            let above = address(value);
            match value {
                Value::Object(members) => {
                    for (name, inner) in members {
                        self.parents
                            .insert(address(inner), (above, Step::Member(name.clone())));
                        waiting.push(inner);
                    }
                }
                Value::Array(items) => {
                    for (index, inner) in items.iter().enumerate() {
                        self.parents.insert(address(inner), (above, Step::Item(index)));
                        waiting.push(inner);
                    }
                }
                _ => {}
            }
        }
    }

    /// Returns where a schema stands.
    pub(super) fn pointer(&self, mut place: usize) -> String {
        let mut steps = Vec::new();
        while let Some((above, step)) = self.parents.get(&place) {
            steps.push(match step {
                Step::Member(name) => escaped(name),
                Step::Item(index) => index.to_string(),
            });
            place = *above;
        }
        let mut pointer = match self.roots.get(&place) {
            Some(name) if !name.is_empty() => format!("{name}#"),
            _ => String::new(),
        };
        for step in steps.iter().rev() {
            pointer.push('/');
            pointer.push_str(step);
        }
        pointer
    }
}

/// Writes a name as a part of a JSON Pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Writes a name of the outside world for people, shortened.
pub(super) fn quoted(name: &str) -> String {
    let mut shown: String = name.chars().take(NAME_SHOWN).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

fn address(value: &Value) -> usize {
    value as *const Value as usize
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.len() <= VALUE_SHOWN && value.to_string().len() <= VALUE_SHOWN,
        Value::Object(members) => members.len() <= VALUE_SHOWN && value.to_string().len() <= VALUE_SHOWN,
        Value::String(text) => text.len() <= VALUE_SHOWN,
        _ => true,
    }
}

/// Bytes of a keyword's value that is quoted.
const VALUE_SHOWN: usize = 256;
/// Characters of a property's name that is quoted.
const NAME_SHOWN: usize = 64;
