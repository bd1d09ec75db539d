//! Numbered places for records of one kind. Owns which numbers are free; what is in a record is its owner's.

use std::ops::{Index, IndexMut};

/// Records by number, in chunks: growing moves nothing, so it takes the same short time at a million records as at ten.
///
/// A record that was removed stays readable until its number is given out again: whoever holds the number of a removed
/// record is in error.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    chunks: Vec<Vec<T>>,
    free: Vec<u32>,
    length: usize,
    /// How many records were looked at.
    #[cfg(test)]
    reads: std::cell::Cell<u64>,
}

impl<T> Arena<T> {
    pub(crate) fn new() -> Arena<T> {
        Arena {
            chunks: Vec::new(),
            free: Vec::new(),
            length: 0,
            #[cfg(test)]
            reads: Default::default(),
        }
    }

    /// Returns how many records were looked at since there is none left of before.
    #[cfg(test)]
    pub(crate) fn reads(&self) -> u64 {
        self.reads.get()
    }

    /// Returns how many records there are.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Returns a record by a number that may be any.
    pub(crate) fn get(&self, id: u32) -> Option<&T> {
        #[cfg(test)]
        self.reads.set(self.reads.get() + 1);
        self.chunks.get(id as usize / CHUNK)?.get(id as usize % CHUNK)
    }

    /// Adds a record and returns its number: the one that became free last, else the next.
    pub(crate) fn insert(&mut self, record: T) -> u32 {
        self.length += 1;
        if let Some(id) = self.free.pop() {
            self[id] = record;
            return id;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks
                .push(Vec::with_capacity(if self.chunks.is_empty() { 0 } else { CHUNK }));
        }
        let full = self.chunks.len() - 1;
        let chunk = &mut self.chunks[full];
        chunk.push(record);
        u32::try_from(full * CHUNK + chunk.len() - 1).expect("memory is full long before 2^32 records")
    }

    /// Removes a record. The memory of all is given back with the last.
    pub(crate) fn remove(&mut self, id: u32) {
        self.length -= 1;
        self.free.push(id);
        if self.length == 0 {
            *self = Arena::new();
        }
    }
}

impl<T> Index<u32> for Arena<T> {
    type Output = T;

    #[inline]
    fn index(&self, id: u32) -> &T {
        #[cfg(test)]
        self.reads.set(self.reads.get() + 1);
        &self.chunks[id as usize / CHUNK][id as usize % CHUNK]
    }
}

impl<T> IndexMut<u32> for Arena<T> {
    #[inline]
    fn index_mut(&mut self, id: u32) -> &mut T {
        #[cfg(test)]
        self.reads.set(self.reads.get() + 1);
        &mut self.chunks[id as usize / CHUNK][id as usize % CHUNK]
    }
}

/// Records of a chunk.
const CHUNK: usize = 1 << 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_and_records_keep_theirs() {
        let mut arena = Arena::new();
        let ids: Vec<u32> = (0..3 * CHUNK).map(|value| arena.insert(value)).collect();
        assert!(ids.iter().enumerate().all(|(value, id)| arena[*id] == value));
        arena.remove(5);
        arena.remove(7);
        assert_eq!(
            (arena.insert(70), arena.insert(50), arena.insert(0)),
            (7, 5, ids.len() as u32)
        );
        assert_eq!((arena[7], arena[5], arena.len()), (70, 50, 3 * CHUNK + 1));
    }

    #[test]
    fn nothing_stays_of_an_empty_arena() {
        let mut arena = Arena::new();
        let ids = [1, 2].map(|value| arena.insert(value));
        ids.into_iter().for_each(|id| arena.remove(id));
        assert_eq!((arena.len(), arena.chunks.capacity(), arena.get(0)), (0, 0, None));
        assert_eq!(arena.insert(3), 0);
    }
}
