//! The configuration's file: TOML, each value applied with the line it stands on.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::draft::Draft;
use super::error::Place;
use super::value::Value;
use super::{ConfigError, keys};

/// Applies every value of a file.
pub(super) fn apply(draft: &mut Draft, path: &Path) {
    match std::fs::read_to_string(path) {
        Ok(text) => File { path, text: &text }.apply(draft),
        Err(source) => draft.refuse(ConfigError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn apply(&self, draft: &mut Draft) {
        match DeTable::parse(self.text) {
            Ok(table) => self.apply_table(draft, "", table.get_ref()),
            Err(error) => draft.refuse(ConfigError::Syntax {
                path: self.path.to_owned(),
                line: self.line(error.span().map_or(0, |span| span.start)),
                reason: error.message().to_owned(),
            }),
        }
    }

    fn apply_table(&self, draft: &mut Draft, section: &str, table: &DeTable<'_>) {
        // The table is sorted by name; whoever reads the first error expects the first line.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name = match section {
                "" => key.get_ref().to_string(),
                section => format!("{section}.{}", key.get_ref()),
            };
            let place = self.place(key);
            match value.get_ref() {
                DeValue::Table(table) if keys::is_section(&name) => self.apply_table(draft, &name, table),
                other => draft.set(place, &name, plain(other)),
            }
        }
    }

    fn place<T>(&self, spanned: &Spanned<T>) -> Place {
        Place::File {
            path: self.path.to_owned(),
            line: self.line(spanned.span().start),
        }
    }

    fn line(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        self.text.as_bytes()[..end]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1
    }
}

/// Makes a value that keys can read of what TOML has.
fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Integer(integer) => match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Other(integer.to_string()),
        },
        DeValue::Array(items) => {
            let texts = items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned));
            texts
                .collect::<Option<_>>()
                .map_or_else(|| Value::Other("a mixed list".to_owned()), Value::List)
        }
        DeValue::Float(number) => Value::Other(number.to_string()),
        DeValue::Datetime(time) => Value::Other(time.to_string()),
        DeValue::Table(_) => Value::Other("a table".to_owned()),
    }
}
