//! Numbers by hash. Owns where a number is found; what has which hash, and which of those with the same hash is meant,
//! is its owner's.

use hashbrown::HashTable;

/// A hash table of numbers. Each is kept with 32 bits of its hash, so that growing the table and passing over others
/// reads none of the records that the numbers stand for.
#[derive(Debug, Default)]
pub(crate) struct Index(HashTable<Entry>);

#[derive(Debug)]
struct Entry {
    hash: u32,
    id: u32,
}

impl Index {
    /// Returns how many numbers there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the bytes of the table.
    pub(crate) fn bytes(&self) -> usize {
        self.0.allocation_size()
    }

    /// Finds the number with a hash that `is_meant` agrees to.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is_meant: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = fold(hash);
        self.0
            .find(spread(hash), |entry| entry.hash == hash && is_meant(entry.id))
            .map(|entry| entry.id)
    }

    /// Adds a number that is not there.
    pub(crate) fn insert(&mut self, hash: u64, id: u32) {
        let hash = fold(hash);
        self.0
            .insert_unique(spread(hash), Entry { hash, id }, |entry| spread(entry.hash));
    }

    /// Removes a number. Memory is given back when most of the table is empty.
    pub(crate) fn remove(&mut self, hash: u64, id: u32) {
        if let Ok(found) = self.0.find_entry(spread(fold(hash)), |entry| entry.id == id) {
            found.remove();
        }
        if self.0.is_empty() {
            self.0 = HashTable::new();
        } else if self.0.len() < self.0.capacity() / SPARSE {
            self.0.shrink_to(2 * self.0.len(), |entry| spread(entry.hash));
        }
    }
}

#[inline]
fn fold(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}

/// Spreads 32 bits over 64: the table takes its place from the lowest bits and a tag from the highest.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash) | u64::from(hash.wrapping_mul(SPREAD)) << 32
}

/// 2^32 divided by the golden ratio: multiplying by it changes the highest bits with every bit of a hash.
const SPREAD: u32 = 0x9e37_79b1;
/// A table of which less than one place in this many is taken is made smaller.
const SPARSE: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_same_hash_are_told_apart() {
        let mut index = Index::default();
        for id in 0..100 {
            index.insert(7, id);
        }
        assert_eq!(index.find(7, |id| id == 42), Some(42));
        index.remove(7, 42);
        assert_eq!(
            (index.find(7, |id| id == 42), index.find(8, |_| true), index.len()),
            (None, None, 99)
        );
    }

    #[test]
    fn memory_is_given_back() {
        let mut index = Index::default();
        for id in 0..10_000 {
            index.insert(u64::from(id) << 3, id);
        }
        let full = index.bytes();
        for id in 10..10_000 {
            index.remove(u64::from(id) << 3, id);
        }
        assert!(index.bytes() < full / 50);
        assert!((0..10).all(|id| index.find(u64::from(id) << 3, |_| true) == Some(id)));
        for id in 0..10 {
            index.remove(u64::from(id) << 3, id);
        }
        assert_eq!((index.len(), index.bytes()), (0, 0));
    }
}
