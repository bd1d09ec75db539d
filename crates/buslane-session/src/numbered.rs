//! A table of things that are numbered as they come. Owns their order; gives out no number.
//!
//! New numbers are nearly always the highest so far, so that a list in the order of the numbers does: adding is an
//! append and finding a binary search. What is removed leaves an empty place, which goes when it comes to the end of the
//! list, or when most places are empty.

/// Things under numbers, in the order of the numbers.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    places: Vec<(u64, Option<T>)>,
    /// How many places are not empty.
    count: usize,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Numbered {
            places: Vec::new(),
            count: 0,
        }
    }
}

impl<T> Numbered<T> {
    /// Puts a thing in, and drops what had the number before.
    pub(crate) fn insert(&mut self, number: u64, thing: T) {
        match self.find(number) {
            Ok(index) => self.count -= usize::from(self.places[index].1.replace(thing).is_some()),
            Err(index) if index == self.places.len() => self.places.push((number, Some(thing))),
            Err(index) => self.places.insert(index, (number, Some(thing))),
        }
        self.count += 1;
    }

    /// Returns the thing of a number.
    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        let index = self.find(number).ok()?;
        self.places[index].1.as_ref()
    }

    /// Returns the thing of a number.
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let index = self.find(number).ok()?;
        self.places[index].1.as_mut()
    }

    /// Takes the thing of a number out.
    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let index = self.find(number).ok()?;
        let thing = self.places[index].1.take()?;
        self.count -= 1;
        self.tidy();
        Some(thing)
    }

    /// Tells whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Walks the things with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        let places = self.places.iter();
        places.filter_map(|(number, place)| Some((*number, place.as_ref()?)))
    }

    /// Walks the things with their numbers.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut T)> {
        let places = self.places.iter_mut();
        places.filter_map(|(number, place)| Some((*number, place.as_mut()?)))
    }

    /// Walks the things.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|(_, place)| place.as_ref())
    }

    /// Walks the things.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().filter_map(|(_, place)| place.as_mut())
    }

    /// Drops the things that `keep` does not want.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(u64, &mut T) -> bool) {
        self.places
            .retain_mut(|(number, place)| place.as_mut().is_some_and(|thing| keep(*number, thing)));
        self.count = self.places.len();
    }

    /// Takes everything out, in the order of the numbers.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (u64, T)> + use<T> {
        let places = std::mem::take(self).places.into_iter();
        places.filter_map(|(number, place)| Some((number, place?)))
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.count = 0;
    }

    fn find(&self, number: u64) -> Result<usize, usize> {
        match self.places.last() {
            Some((last, _)) if *last >= number => {
                self.places.binary_search_by_key(&number, |(number, _)| *number)
            }
            _ => Err(self.places.len()),
        }
    }

    /// Gives empty places up.
    fn tidy(&mut self) {
        while let Some((_, None)) = self.places.last() {
            self.places.pop();
        }
        if self.places.len() > 2 * self.count + SPARE_PLACES {
            self.places.retain(|(_, place)| place.is_some());
        }
    }
}

/// Empty places that are kept beside as many as there are things.
const SPARE_PLACES: usize = 32;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Random;

    #[test]
    fn it_holds_what_a_sorted_map_holds() {
        let mut random = Random::new(7);
        let (mut table, mut map) = (Numbered::default(), BTreeMap::new());
        for step in 0..20_000 {
            let highest = map.last_key_value().map_or(0, |(number, _)| *number);
            let any = random.next() % (highest + 2);
            match random.next() % 8 {
                0..3 => {
                    table.insert(highest + 1, step);
                    map.insert(highest + 1, step);
                }
                3 => {
                    table.insert(any, step);
                    map.insert(any, step);
                }
                4..7 => assert_eq!(table.remove(any), map.remove(&any)),
                _ if step % 500 == 0 => {
                    table.retain(|number, _| number % 3 > 0);
                    map.retain(|number, _| number % 3 > 0);
                }
                _ => assert_eq!(table.get(any), map.get(&any)),
            }
            assert_eq!(table.is_empty(), map.is_empty());
        }
        assert!(table.iter().eq(map.iter().map(|(number, step)| (*number, step))));
        assert!(table.drain().eq(map) && table.is_empty());
    }

    #[test]
    fn one_that_stays_keeps_no_room_for_those_that_come_and_go_behind_it() {
        let mut table = Numbered::default();
        table.insert(0, ());
        for number in 1..10_000 {
            table.insert(number, ());
            table.insert(number + 10_000, ());
            assert_eq!(table.remove(number), Some(()));
            assert_eq!(table.remove(number + 10_000), Some(()));
        }
        for number in 20_000..30_000 {
            table.insert(number, ());
            table.insert(number + 1, ());
            table.remove(number);
            assert!(table.places.len() <= 2 * table.count + SPARE_PLACES + 1);
        }
    }
}
