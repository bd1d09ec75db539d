//! A table whose keys stay unique when a place in it is used again. Owns the places and their generations, and knows
//! nothing of what is in them.

/// The key of an entry: the slot in the low half, its generation in the high half.
///
/// A key that was handed out never means another entry than the one it was handed out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SlotKey(u64);

impl SlotKey {
    /// Joins a slot and its generation.
    pub(crate) const fn new(slot: u32, generation: u32) -> SlotKey {
        SlotKey((generation as u64) << 32 | slot as u64)
    }

    /// Reads a key that [`SlotKey::as_u64`] packed.
    pub(crate) const fn from_u64(packed: u64) -> SlotKey {
        SlotKey(packed)
    }

    /// Packs the key.
    pub(crate) const fn as_u64(self) -> u64 {
        self.0
    }

    /// Returns the slot: small, and unique among the entries that are there.
    pub(crate) const fn slot(self) -> u32 {
        self.0 as u32
    }

    /// Returns how often the slot was used before.
    pub(crate) const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// A table that hands out a [`SlotKey`] for each entry. Every operation takes constant time.
///
/// A slot whose last generation is used up is not used again, so keys stay unique for ever.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    length: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots {
            slots: Vec::new(),
            free: Vec::new(),
            length: 0,
        }
    }
}

impl<T> Slots<T> {
    /// Returns how many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Returns the key that the next [`Slots::insert`] will hand out.
    pub(crate) fn next_key(&self) -> SlotKey {
        match self.free.last() {
            Some(&slot) => SlotKey::new(slot, self.slots[slot as usize].generation),
            None => SlotKey::new(u32::try_from(self.slots.len()).expect("fewer than 2^32 slots"), 0),
        }
    }

    /// Adds an entry. The slot that became free last is used first.
    pub(crate) fn insert(&mut self, value: T) -> SlotKey {
        let key = self.next_key();
        self.length += 1;
        match self.free.pop() {
            Some(slot) => self.slots[slot as usize].value = Some(value),
            None => self.slots.push(Slot {
                generation: 0,
                value: Some(value),
            }),
        }
        key
    }

    /// Finds an entry, unless it was removed.
    #[inline]
    pub(crate) fn get(&self, key: SlotKey) -> Option<&T> {
        let slot = self.slots.get(key.slot() as usize)?;
        if slot.generation == key.generation() {
            slot.value.as_ref()
        } else {
            None
        }
    }

    /// Finds an entry to change it, unless it was removed.
    #[inline]
    pub(crate) fn get_mut(&mut self, key: SlotKey) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.slot() as usize)?;
        if slot.generation == key.generation() {
            slot.value.as_mut()
        } else {
            None
        }
    }

    /// Finds two entries, the second to change it, unless one of them was removed or both are the same.
    #[inline]
    pub(crate) fn pair_mut(&mut self, first: SlotKey, second: SlotKey) -> Option<(&T, &mut T)> {
        let places = [first.slot() as usize, second.slot() as usize];
        let [one, other] = self.slots.get_disjoint_mut(places).ok()?;
        let current = one.generation == first.generation() && other.generation == second.generation();
        match (&one.value, &mut other.value) {
            (Some(one), Some(other)) if current => Some((one, other)),
            _ => None,
        }
    }

    /// Removes an entry; its key never means anything again.
    pub(crate) fn remove(&mut self, key: SlotKey) -> Option<T> {
        let slot = self.slots.get_mut(key.slot() as usize)?;
        if slot.generation != key.generation() {
            return None;
        }
        let value = slot.value.take()?;
        self.retire(key);
        Some(value)
    }

    /// Removes an entry where it lies, which spares moving a large one.
    pub(crate) fn discard(&mut self, key: SlotKey) {
        if self.get(key).is_some() {
            self.slots[key.slot() as usize].value = None;
            self.retire(key);
        }
    }

    /// Gives the slot of a removed entry to the next one, under another generation.
    fn retire(&mut self, key: SlotKey) {
        self.length -= 1;
        if let Some(next) = key.generation().checked_add(1) {
            self.slots[key.slot() as usize].generation = next;
            self.free.push(key.slot());
        }
    }

    /// Walks the entries in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SlotKey, &T)> {
        self.slots.iter().zip(0u32..).filter_map(|(slot, index)| {
            let value = slot.value.as_ref()?;
            Some((SlotKey::new(index, slot.generation), value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_key_never_finds_the_next_entry_of_its_slot() {
        let mut slots = Slots::default();
        let first = slots.insert("first");
        assert_eq!(slots.remove(first), Some("first"));
        let second = slots.insert("second");
        assert_eq!(first.slot(), second.slot());
        assert_eq!(slots.get(first), None);
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        slots.discard(first);
        assert_eq!(slots.get(second), Some(&"second"));
        slots.discard(second);
        let third = slots.insert("third");
        assert_eq!((first.slot(), slots.len()), (third.slot(), 1));
        assert_eq!((slots.get(second), slots.get(third)), (None, Some(&"third")));
    }

    #[test]
    fn entries_are_walked_in_the_order_of_their_slots() {
        let mut slots = Slots::default();
        let keys: Vec<_> = (0..5).map(|value| slots.insert(value)).collect();
        slots.remove(keys[3]);
        slots.remove(keys[1]);
        let again = slots.insert(10);
        assert_eq!(again.slot(), 1);
        assert_eq!(
            slots.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            [0, 10, 2, 4]
        );
        assert_eq!(slots.len(), 4);
    }

    #[test]
    fn the_next_key_is_the_one_that_is_handed_out() {
        let mut slots = Slots::default();
        for value in 0..4 {
            let expected = slots.next_key();
            assert_eq!(slots.insert(value), expected);
            if value % 2 == 0 {
                slots.remove(expected);
            }
        }
    }

    #[test]
    fn a_slot_without_generations_left_is_retired() {
        let mut slots = Slots::default();
        slots.slots.push(Slot {
            generation: u32::MAX,
            value: None,
        });
        slots.free.push(0);
        let last = slots.insert("last");
        assert_eq!(last.generation(), u32::MAX);
        slots.remove(last);
        assert_eq!(slots.insert("next").slot(), 1);
        assert_eq!(slots.get(last), None);
    }

    #[test]
    fn a_pair_is_of_two_entries_that_are_there() {
        let mut slots = Slots::default();
        let keys: Vec<_> = (0..3).map(|value| slots.insert(value)).collect();
        assert_eq!(slots.pair_mut(keys[2], keys[0]), Some((&2, &mut 0)));
        assert_eq!(slots.pair_mut(keys[1], keys[1]), None);
        slots.remove(keys[1]);
        assert_eq!(slots.pair_mut(keys[0], keys[1]), None);
        slots.insert(10);
        assert_eq!(slots.pair_mut(keys[1], keys[0]), None);
        assert_eq!(slots.pair_mut(keys[0], SlotKey::new(7, 0)), None);
    }

    #[test]
    fn keys_survive_packing() {
        let key = SlotKey::new(7, 9);
        assert_eq!(SlotKey::from_u64(key.as_u64()), key);
    }
}
