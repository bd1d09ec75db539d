//! Shared subscriptions: members that share the messages of one filter under one name. Owns the groups and whose turn
//! it is in each.

use std::cell::Cell;
use std::hash::BuildHasher;

use buslane_protocol::Name;
use hashbrown::HashTable;

use super::{NONE, SLOT_BYTES};
use crate::entropy::HashState;

/// A shared subscription. Groups of one filter form a list.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: Name,
    /// The name, `/` and the filter.
    pub(super) label: Box<str>,
    pub(super) node: u32,
    /// The member whose turn is next, the entry into the ring of members.
    pub(super) turn: Cell<u32>,
    previous: u32,
    pub(super) next: u32,
}

/// All shared subscriptions, with an index by filter and name.
#[derive(Debug)]
pub(super) struct Groups {
    hash: HashState,
    index: HashTable<u32>,
    groups: Vec<Option<Group>>,
    free: Vec<u32>,
    bytes: usize,
}

impl Groups {
    pub(super) fn new(hash: HashState) -> Groups {
        Groups {
            hash,
            index: HashTable::new(),
            groups: Vec::new(),
            free: Vec::new(),
            bytes: 0,
        }
    }

    /// Returns the accounted bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn find(&self, node: u32, name: &Name) -> Option<u32> {
        let hash = self.hash.hash_one((node, name));
        self.index
            .find(hash, |id| {
                self.group(*id).node == node && self.group(*id).name == *name
            })
            .copied()
    }

    #[inline]
    pub(super) fn group(&self, id: u32) -> &Group {
        self.groups[id as usize]
            .as_ref()
            .expect("a group lives as long as it has members")
    }

    fn group_mut(&mut self, id: u32) -> &mut Group {
        self.groups[id as usize]
            .as_mut()
            .expect("a group lives as long as it has members")
    }

    /// Adds a group without members before the others of its filter, of which `head` is the first.
    pub(super) fn insert(&mut self, node: u32, name: &Name, filter: &str, head: u32) -> u32 {
        let label = format!("{name}/{filter}").into_boxed_str();
        let group = Group {
            name: name.clone(),
            label,
            node,
            turn: Cell::new(NONE),
            previous: NONE,
            next: head,
        };
        self.bytes += group.bytes();
        let id = match self.free.pop() {
            Some(id) => {
                self.groups[id as usize] = Some(group);
                id
            }
            None => {
                self.groups.push(Some(group));
                (self.groups.len() - 1) as u32
            }
        };
        if head != NONE {
            self.group_mut(head).previous = id;
        }
        let Groups {
            hash, index, groups, ..
        } = self;
        let rehash = |id: &u32| {
            groups[*id as usize]
                .as_ref()
                .map_or(0, |group| hash.hash_one((group.node, &group.name)))
        };
        index.insert_unique(rehash(&id), id, rehash);
        id
    }

    /// Removes a group; returns the first of its filter then, of which `head` was the first.
    pub(super) fn remove(&mut self, id: u32, head: u32) -> u32 {
        let hash = self.hash.hash_one((self.group(id).node, &self.group(id).name));
        if let Ok(found) = self.index.find_entry(hash, |known| *known == id) {
            found.remove();
        }
        let Some(Group { previous, next, .. }) = self.groups[id as usize].take_if(|group| {
            self.bytes -= group.bytes();
            true
        }) else {
            return head;
        };
        self.free.push(id);
        if next != NONE {
            self.group_mut(next).previous = previous;
        }
        if previous != NONE {
            self.group_mut(previous).next = next;
        }
        if head == id { next } else { head }
    }

    /// Walks the groups of a filter, of which `head` is the first.
    pub(super) fn list(&self, head: u32) -> impl Iterator<Item = u32> {
        let follow = |id: &u32| Some(self.group(*id).next).filter(|next| *next != NONE);
        std::iter::successors(Some(head).filter(|head| *head != NONE), follow)
    }
}

impl Group {
    fn bytes(&self) -> usize {
        size_of::<Option<Group>>() + SLOT_BYTES + self.label.len() + self.name.as_str().len() + HEAP_BYTES
    }
}

/// What the two texts of a group take beside their characters.
const HEAP_BYTES: usize = 48;
