//! Shared subscriptions: members that share the messages of one filter under one name. Owns the groups and whose turn
//! it is in each.

use std::cell::Cell;
use std::hash::BuildHasher;

use buslane_protocol::Name;

use super::NONE;
use crate::arena::Arena;
use crate::entropy::HashState;
use crate::index::Index;

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
    index: Index,
    groups: Arena<Option<Group>>,
    text_bytes: usize,
}

impl Groups {
    pub(super) fn new(hash: HashState) -> Groups {
        Groups {
            hash,
            index: Index::default(),
            groups: Arena::new(),
            text_bytes: 0,
        }
    }

    /// Returns the accounted bytes.
    pub(super) fn bytes(&self) -> usize {
        self.groups.len() * size_of::<Option<Group>>() + self.index.bytes() + self.text_bytes
    }

    pub(super) fn find(&self, node: u32, name: &Name) -> Option<u32> {
        let is_meant = |id| self.group(id).node == node && self.group(id).name == *name;
        self.index.find(self.hash.hash_one((node, name)), is_meant)
    }

    #[inline]
    pub(super) fn group(&self, id: u32) -> &Group {
        self.groups[id]
            .as_ref()
            .expect("a group lives as long as it has members")
    }

    fn group_mut(&mut self, id: u32) -> &mut Group {
        self.groups[id]
            .as_mut()
            .expect("a group lives as long as it has members")
    }

    /// Adds a group without members before the others of its filter, of which `head` is the first.
    pub(super) fn insert(&mut self, node: u32, name: &Name, filter: &str, head: u32) -> u32 {
        let label = format!("{name}/{filter}").into_boxed_str();
        let turn = Cell::new(NONE);
        let group = Group {
            name: name.clone(),
            label,
            node,
            turn,
            previous: NONE,
            next: head,
        };
        self.text_bytes += group.text_bytes();
        let id = self.groups.insert(Some(group));
        if head != NONE {
            self.group_mut(head).previous = id;
        }
        self.index.insert(self.hash.hash_one((node, name)), id);
        id
    }

    /// Removes a group; returns the first of its filter then, of which `head` was the first.
    pub(super) fn remove(&mut self, id: u32, head: u32) -> u32 {
        let Some(group) = self.groups[id].take() else {
            return head;
        };
        self.groups.remove(id);
        self.index
            .remove(self.hash.hash_one((group.node, &group.name)), id);
        self.text_bytes -= group.text_bytes();
        if group.next != NONE {
            self.group_mut(group.next).previous = group.previous;
        }
        if group.previous != NONE {
            self.group_mut(group.previous).next = group.next;
        }
        if head == id { group.next } else { head }
    }

    /// Walks the groups of a filter, of which `head` is the first.
    pub(super) fn list(&self, head: u32) -> impl Iterator<Item = u32> {
        let follow = |id: &u32| Some(self.group(*id).next).filter(|next| *next != NONE);
        std::iter::successors(Some(head).filter(|head| *head != NONE), follow)
    }
}

impl Group {
    fn text_bytes(&self) -> usize {
        self.label.len() + self.name.as_str().len() + HEAP_BYTES
    }
}

/// What the two texts of a group take beside their characters.
const HEAP_BYTES: usize = 48;
