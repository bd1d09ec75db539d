//! Filters as paths of levels. Owns the shape of the trie; what hangs on its nodes are numbers to it.

use std::hash::BuildHasher;

use buslane_protocol::{Filter, Topic};
use hashbrown::HashTable;

use super::levels::{Level, Levels};
use super::{NONE, SLOT_BYTES};
use crate::entropy::HashState;

/// The number of a node.
pub(super) type NodeId = u32;

/// A trie of filter levels. A node is one filter, or the beginning of some.
///
/// ```text
/// root ──host──> ──+──> ──cpu──>     host/+/cpu
///   │      └──#──>                   host/#
///   └──#──>                          #
/// ```
///
/// Children under a text are found in one hash table for the whole trie, by parent and text; `+` and `#` by a field of
/// their parent. No node stays that nothing hangs on.
#[derive(Debug)]
pub(super) struct Trie {
    hash: HashState,
    levels: Levels,
    nodes: Vec<Node>,
    free: Vec<NodeId>,
    children: HashTable<NodeId>,
}

/// A node: seven numbers, [`NONE`] where there is nothing.
#[derive(Debug)]
pub(super) struct Node {
    parent: NodeId,
    level: Level,
    plus: NodeId,
    rest: NodeId,
    /// Children under a text.
    children: u32,
    /// The first subscription of this filter that is not shared.
    pub(super) members: u32,
    /// The first shared subscription of this filter.
    pub(super) groups: u32,
}

/// The nodes to go on from while a topic is matched, kept for their capacity.
#[derive(Debug, Default)]
pub(super) struct Frontier {
    here: Vec<NodeId>,
    next: Vec<NodeId>,
}

impl Trie {
    pub(super) fn new(hash: HashState) -> Trie {
        let root = Node::new(NONE, NONE);
        let levels = Levels::new(hash.clone());
        Trie {
            hash,
            levels,
            nodes: vec![root],
            free: Vec::new(),
            children: HashTable::new(),
        }
    }

    /// Returns the accounted bytes.
    pub(super) fn bytes(&self) -> usize {
        (self.nodes.len() - 1 - self.free.len()) * NODE_BYTES + self.levels.bytes()
    }

    #[inline]
    pub(super) fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node as usize]
    }

    pub(super) fn node_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node as usize]
    }

    /// Finds a filter's node.
    pub(super) fn find(&self, filter: &Filter<'_>) -> Option<NodeId> {
        filter
            .as_str()
            .split('/')
            .try_fold(ROOT, |node, level| self.child(node, level))
    }

    /// Finds a filter's node, or makes it. A node on which nothing is hung must be [pruned](Trie::prune).
    pub(super) fn insert(&mut self, filter: &Filter<'_>) -> NodeId {
        filter
            .as_str()
            .split('/')
            .fold(ROOT, |node, level| match self.child(node, level) {
                Some(child) => child,
                None => self.add_child(node, level),
            })
    }

    /// Removes a node and those above it on which nothing hangs any more.
    pub(super) fn prune(&mut self, mut node: NodeId) {
        while node != ROOT && self.nodes[node as usize].is_bare() {
            let Node { parent, level, .. } = self.nodes[node as usize];
            match level {
                PLUS => self.nodes[parent as usize].plus = NONE,
                REST => self.nodes[parent as usize].rest = NONE,
                _ => self.remove_edge(parent, level, node),
            }
            self.free.push(node);
            node = parent;
        }
    }

    /// Writes a node's filter out.
    pub(super) fn filter(&self, mut node: NodeId) -> String {
        let mut levels = Vec::new();
        while node != ROOT {
            let Node { parent, level, .. } = self.nodes[node as usize];
            levels.push(match level {
                PLUS => "+",
                REST => "#",
                level => self.levels.text(level),
            });
            node = parent;
        }
        levels.reverse();
        levels.join("/")
    }

    /// Calls `found` with each node whose filter selects a topic, always in the same order. Gives up with `None` after
    /// `limit` nodes were examined.
    pub(super) fn matching(
        &self,
        topic: &Topic<'_>,
        limit: usize,
        frontier: &mut Frontier,
        mut found: impl FnMut(&Node),
    ) -> Option<()> {
        let Frontier { here, next } = frontier;
        here.clear();
        here.push(ROOT);
        let mut examined = 0;
        let mut wild = !topic.is_reserved();
        for text in topic.as_str().split('/') {
            let level = self.levels.find(text);
            next.clear();
            for &node in &*here {
                examined += 1;
                self.step(node, level, wild, next, &mut found);
            }
            if examined > limit {
                return None;
            }
            wild = true;
            std::mem::swap(here, next);
        }
        for &node in &*here {
            let node = self.node(node);
            found(node);
            if node.rest != NONE {
                found(self.node(node.rest));
            }
        }
        Some(())
    }

    /// Goes from a node to those of its children that match the next level.
    #[inline]
    fn step(
        &self,
        node: NodeId,
        level: Option<Level>,
        wild: bool,
        next: &mut Vec<NodeId>,
        found: &mut impl FnMut(&Node),
    ) {
        let Node {
            plus, rest, children, ..
        } = *self.node(node);
        if wild && rest != NONE {
            found(self.node(rest));
        }
        if let Some(level) = level
            && children > 0
        {
            next.extend(self.edge(node, level));
        }
        if wild && plus != NONE {
            next.push(plus);
        }
    }

    fn child(&self, node: NodeId, level: &str) -> Option<NodeId> {
        let child = match level {
            "+" => self.node(node).plus,
            "#" => self.node(node).rest,
            text => return self.edge(node, self.levels.find(text)?),
        };
        Some(child).filter(|child| *child != NONE)
    }

    #[inline]
    fn edge(&self, parent: NodeId, level: Level) -> Option<NodeId> {
        let leads_here = |child: &NodeId| {
            let node = &self.nodes[*child as usize];
            node.parent == parent && node.level == level
        };
        self.children
            .find(edge_hash(&self.hash, parent, level), leads_here)
            .copied()
    }

    fn add_child(&mut self, parent: NodeId, text: &str) -> NodeId {
        let level = match text {
            "+" => PLUS,
            "#" => REST,
            text => self.levels.acquire(text),
        };
        let child = self.add_node(Node::new(parent, level));
        let above = &mut self.nodes[parent as usize];
        match level {
            PLUS => above.plus = child,
            REST => above.rest = child,
            _ => {
                above.children += 1;
                let Trie {
                    hash,
                    nodes,
                    children,
                    ..
                } = self;
                let rehash = |child: &NodeId| {
                    let node = &nodes[*child as usize];
                    edge_hash(hash, node.parent, node.level)
                };
                children.insert_unique(rehash(&child), child, rehash);
            }
        }
        child
    }

    fn add_node(&mut self, node: Node) -> NodeId {
        match self.free.pop() {
            Some(id) => {
                self.nodes[id as usize] = node;
                id
            }
            None => {
                let id = self.nodes.len() as NodeId;
                self.nodes.push(node);
                id
            }
        }
    }

    fn remove_edge(&mut self, parent: NodeId, level: Level, child: NodeId) {
        self.nodes[parent as usize].children -= 1;
        let hash = edge_hash(&self.hash, parent, level);
        if let Ok(found) = self.children.find_entry(hash, |known| *known == child) {
            found.remove();
        }
        self.levels.release(level);
    }
}

impl Node {
    fn new(parent: NodeId, level: Level) -> Node {
        Node {
            parent,
            level,
            plus: NONE,
            rest: NONE,
            children: 0,
            members: NONE,
            groups: NONE,
        }
    }

    fn is_bare(&self) -> bool {
        self.children == 0 && [self.plus, self.rest, self.members, self.groups] == [NONE; 4]
    }
}

#[inline]
fn edge_hash(hash: &HashState, parent: NodeId, level: Level) -> u64 {
    hash.hash_one(u64::from(parent) << 32 | u64::from(level))
}

/// The node of no level.
const ROOT: NodeId = 0;
/// Stands for the level `+`.
const PLUS: Level = u32::MAX - 1;
/// Stands for the level `#`.
const REST: Level = u32::MAX - 2;
/// What a node is accounted for, in bytes, with its place among its parent's children.
const NODE_BYTES: usize = size_of::<Node>() + SLOT_BYTES;

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Filter<'_> {
        Filter::parse(text).unwrap()
    }

    #[test]
    fn pruning_leaves_the_trie_as_it_was() {
        let mut trie = Trie::new(HashState::with_seed(1));
        let kept = trie.insert(&filter("host/+"));
        trie.node_mut(kept).members = 7;
        let bytes = trie.bytes();
        for text in ["host/+/cpu", "host/a/#", "#", "other/deep/down/there", "+/x"] {
            let node = trie.insert(&filter(text));
            assert_eq!(trie.filter(node), text);
            trie.prune(node);
            assert_eq!((trie.find(&filter(text)), trie.bytes()), (None, bytes), "{text}");
        }
        trie.node_mut(kept).members = NONE;
        trie.prune(kept);
        assert_eq!((trie.bytes(), trie.children.len()), (0, 0));
    }

    #[test]
    fn a_node_in_use_is_not_pruned() {
        let mut trie = Trie::new(HashState::with_seed(1));
        let deep = trie.insert(&filter("a/b/c"));
        let upper = trie.insert(&filter("a/b"));
        trie.prune(upper);
        assert_eq!(trie.find(&filter("a/b/c")), Some(deep));
    }

    #[test]
    fn a_node_is_small() {
        assert_eq!(size_of::<Node>(), 28);
    }
}
