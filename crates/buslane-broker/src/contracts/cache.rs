//! Compiled schemas by text: registrations that bring the same schema share one validator.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::schema::{CompiledSchema, Source};

/// Compiled schemas that are in use. Holds none of them alive.
pub(super) struct Cache {
    hasher: RandomState,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_hash: HashMap<u64, Vec<Weak<CompiledSchema>>>,
    /// At how many hashes dead entries are looked for.
    purge_at: usize,
}

impl Cache {
    /// Makes an empty cache.
    pub(super) fn new() -> Self {
        Cache {
            hasher: RandomState::new(),
            entries: Mutex::default(),
        }
    }

    /// Returns the compiled schema of a source, or compiles it now.
    pub(super) fn compiled<E>(
        &self,
        source: &Source,
        compile: impl FnOnce() -> Result<CompiledSchema, E>,
    ) -> Result<Arc<CompiledSchema>, E> {
        let hash = self.hasher.hash_one(source.text().as_str());
        if let Some(found) = self.lock().find(hash, source) {
            return Ok(found);
        }
        let compiled = Arc::new(compile()?);
        let mut entries = self.lock();
        // Somebody else may have compiled it in the meantime.
        if let Some(found) = entries.find(hash, source) {
            return Ok(found);
        }
        entries.insert(hash, &compiled);
        Ok(compiled)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn find(&self, hash: u64, source: &Source) -> Option<Arc<CompiledSchema>> {
        let candidates = self.by_hash.get(&hash)?.iter().filter_map(Weak::upgrade);
        candidates
            .into_iter()
            .find(|compiled| compiled.source().same(source))
    }

    fn insert(&mut self, hash: u64, compiled: &Arc<CompiledSchema>) {
        if self.by_hash.len() >= self.purge_at {
            self.by_hash.retain(|_, compiled| {
                compiled.retain(|compiled| compiled.strong_count() > 0);
                !compiled.is_empty()
            });
            self.purge_at = (self.by_hash.len() * 2).max(SMALLEST_PURGE);
        }
        self.by_hash
            .entry(hash)
            .or_default()
            .push(Arc::downgrade(compiled));
    }
}

const SMALLEST_PURGE: usize = 64;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use buslane_protocol::Schema;

    use super::*;

    fn source(text: &str) -> Source {
        Source::new(Schema::parse(text).unwrap(), &Arc::default())
    }

    fn compiled(cache: &Cache, text: &str) -> Arc<CompiledSchema> {
        let source = source(text);
        let compile = || Ok::<_, Infallible>(CompiledSchema::compile(source.clone()).unwrap());
        cache.compiled(&source, compile).unwrap()
    }

    #[test]
    fn the_same_text_is_compiled_once_while_it_is_in_use() {
        let cache = Cache::new();
        let one = compiled(&cache, "{\"type\":\"string\"}");
        assert!(Arc::ptr_eq(&one, &compiled(&cache, "{\"type\":\"string\"}")));
        assert!(!Arc::ptr_eq(&one, &compiled(&cache, "{\"type\":\"number\"}")));
    }

    #[test]
    fn what_nobody_uses_any_more_is_forgotten() {
        let cache = Cache::new();
        for index in 0..1_000 {
            compiled(&cache, &format!("{{\"const\":{index}}}"));
        }
        assert!(cache.lock().by_hash.len() <= SMALLEST_PURGE);
    }
}
