//! Filters as paths of levels. Owns the shape of the trie; what hangs on its nodes are numbers to it.

use std::hash::{BuildHasher, Hasher};

use buslane_protocol::{Filter, Topic};

use super::NONE;
use super::levels::{Level, Levels};
use crate::arena::Arena;
use crate::entropy::HashState;
use crate::index::Index;

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
/// `+`, `#` and an only child are found by a field of their parent, several children under texts in one hash table for
/// the whole trie, by parent and text. No node stays that nothing hangs on.
#[derive(Debug)]
pub(super) struct Trie {
    hash: HashState,
    root: Node,
    nodes: Arena<Node>,
    edges: Index,
    levels: Levels,
}

/// A node: numbers, [`NONE`] where there is nothing. It has the size of half a cache line.
#[derive(Debug)]
pub(super) struct Node {
    parent: NodeId,
    level: Level,
    /// Half the hash of the level's text: most texts that are not meant are told apart by it.
    hash: u32,
    plus: NodeId,
    rest: NodeId,
    children: Children,
    /// The first subscription of this filter that is not shared.
    pub(super) members: u32,
    /// The first shared subscription of this filter.
    pub(super) groups: u32,
}

/// The children under a text: an only one, or how many there are in the table of edges, marked by the highest bit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Children(u32);

/// The nodes to go on from while a topic is matched, kept for their capacity.
#[derive(Debug, Default)]
pub(super) struct Frontier {
    here: Vec<NodeId>,
    next: Vec<NodeId>,
}

impl Trie {
    pub(super) fn new(hash: HashState) -> Trie {
        let root = Node::new(NONE, NONE, 0);
        Trie {
            hash,
            root,
            nodes: Arena::new(),
            edges: Index::default(),
            levels: Levels::new(),
        }
    }

    /// Returns the accounted bytes.
    pub(super) fn bytes(&self) -> usize {
        self.nodes.len() * size_of::<Node>() + self.edges.bytes() + self.levels.bytes()
    }

    #[cfg(test)]
    pub(super) fn reads(&self) -> u64 {
        self.nodes.reads() + self.levels.reads()
    }

    #[inline]
    pub(super) fn node(&self, node: NodeId) -> &Node {
        if node == ROOT {
            &self.root
        } else {
            &self.nodes[node]
        }
    }

    pub(super) fn node_mut(&mut self, node: NodeId) -> &mut Node {
        if node == ROOT {
            &mut self.root
        } else {
            &mut self.nodes[node]
        }
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
        while node != ROOT && self.nodes[node].is_bare() {
            let Node {
                parent, level, hash, ..
            } = self.nodes[node];
            match level {
                PLUS => self.node_mut(parent).plus = NONE,
                REST => self.node_mut(parent).rest = NONE,
                _ => {
                    self.remove_edge(parent, hash, node);
                    let Trie { hash, levels, .. } = self;
                    levels.release(level, |text| text_hash(hash, text));
                }
            }
            self.nodes.remove(node);
            node = parent;
        }
    }

    /// Writes a node's filter out.
    pub(super) fn filter(&self, mut node: NodeId) -> String {
        let mut levels = Vec::new();
        while node != ROOT {
            let Node { parent, level, .. } = self.nodes[node];
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

    /// Calls `found` with each node whose filter selects a topic, always in the same order. Gives up with `None` when
    /// more than `limit` nodes were examined.
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
            examined += here.len();
            if examined > limit {
                return None;
            }
            let hash = text_hash(&self.hash, text);
            next.clear();
            for &id in &*here {
                let node = self.node(id);
                next.extend(self.text_child(id, node, text, hash));
                if wild && node.plus != NONE {
                    next.push(node.plus);
                }
                if wild && node.rest != NONE {
                    found(self.node(node.rest));
                }
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
        (examined + here.len() <= limit).then_some(())
    }

    fn child(&self, id: NodeId, level: &str) -> Option<NodeId> {
        let node = self.node(id);
        let child = match level {
            "+" => node.plus,
            "#" => node.rest,
            text => return self.text_child(id, node, text, text_hash(&self.hash, text)),
        };
        Some(child).filter(|child| *child != NONE)
    }

    #[inline]
    fn text_child(&self, id: NodeId, node: &Node, text: &str, hash: u64) -> Option<NodeId> {
        if let Some(child) = node.children.only() {
            let is_meant =
                self.nodes[child].hash == hash as u32 && self.levels.is(self.nodes[child].level, text);
            return is_meant.then_some(child);
        }
        if node.children.in_table() == 0 {
            return None;
        }
        self.edges.find(edge_hash(&self.hash, id, hash as u32), |child| {
            let child = &self.nodes[child];
            child.parent == id && child.hash == hash as u32 && self.levels.is(child.level, text)
        })
    }

    fn add_child(&mut self, parent: NodeId, text: &str) -> NodeId {
        match text {
            "+" => {
                let child = self.nodes.insert(Node::new(parent, PLUS, 0));
                self.node_mut(parent).plus = child;
                child
            }
            "#" => {
                let child = self.nodes.insert(Node::new(parent, REST, 0));
                self.node_mut(parent).rest = child;
                child
            }
            text => {
                let hash = text_hash(&self.hash, text);
                let level = self.levels.acquire(text, hash);
                let child = self.nodes.insert(Node::new(parent, level, hash as u32));
                self.add_edge(parent, child);
                child
            }
        }
    }

    fn add_edge(&mut self, parent: NodeId, child: NodeId) {
        let children = self.node(parent).children;
        if children == Children::NONE {
            self.node_mut(parent).children = Children::one(child);
            return;
        }
        let mut count = children.in_table();
        for child in children.only().into_iter().chain([child]) {
            let hash = edge_hash(&self.hash, parent, self.nodes[child].hash);
            self.edges.insert(hash, child);
            count += 1;
        }
        self.node_mut(parent).children = Children::table(count);
    }

    fn remove_edge(&mut self, parent: NodeId, hash: u32, child: NodeId) {
        let children = self.node(parent).children;
        let left = match children.in_table() {
            0 => 0,
            count => {
                self.edges.remove(edge_hash(&self.hash, parent, hash), child);
                count - 1
            }
        };
        self.node_mut(parent).children = Children::table(left);
    }
}

impl Node {
    fn new(parent: NodeId, level: Level, hash: u32) -> Node {
        let children = Children::NONE;
        Node {
            parent,
            level,
            hash,
            plus: NONE,
            rest: NONE,
            children,
            members: NONE,
            groups: NONE,
        }
    }

    fn is_bare(&self) -> bool {
        self.children == Children::NONE && [self.plus, self.rest, self.members, self.groups] == [NONE; 4]
    }
}

impl Children {
    const TABLE: u32 = 1 << 31;
    const NONE: Children = Children(Self::TABLE);

    fn one(child: NodeId) -> Children {
        debug_assert!(child < Self::TABLE);
        Children(child)
    }

    fn table(count: u32) -> Children {
        Children(Self::TABLE | count)
    }

    #[inline]
    fn only(self) -> Option<NodeId> {
        (self.0 < Self::TABLE).then_some(self.0)
    }

    #[inline]
    fn in_table(self) -> u32 {
        if self.0 < Self::TABLE {
            0
        } else {
            self.0 & !Self::TABLE
        }
    }
}

#[inline]
fn text_hash(hash: &HashState, text: &str) -> u64 {
    let mut hasher = hash.build_hasher();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[inline]
fn edge_hash(hash: &HashState, parent: NodeId, text_hash: u32) -> u64 {
    hash.hash_one(u64::from(parent) << 32 | u64::from(text_hash))
}

/// The node of no level, which lives outside the arena.
const ROOT: NodeId = NONE;
/// Stands for the level `+`.
const PLUS: Level = u32::MAX - 1;
/// Stands for the level `#`.
const REST: Level = u32::MAX - 2;

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
        for text in ["host/+/cpu", "host/a/#", "#", "other/deep/down/there", "+/x"] {
            let node = trie.insert(&filter(text));
            assert_eq!(trie.filter(node), text);
            trie.prune(node);
            assert_eq!((trie.find(&filter(text)), trie.nodes.len()), (None, 2), "{text}");
        }
        trie.node_mut(kept).members = NONE;
        trie.prune(kept);
        assert_eq!((trie.bytes(), trie.edges.len()), (0, 0));
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
    fn children_are_found_however_many_there_are() {
        let mut trie = Trie::new(HashState::with_seed(1));
        let texts: Vec<String> = (0..100).map(|number| format!("a/{number}")).collect();
        let mut nodes = Vec::new();
        for text in &texts {
            nodes.push(trie.insert(&filter(text)));
            assert!(
                nodes
                    .iter()
                    .zip(&texts)
                    .all(|(node, text)| trie.find(&filter(text)) == Some(*node))
            );
        }
        while let Some(node) = nodes.pop() {
            trie.prune(node);
            assert_eq!(trie.find(&filter(&texts[nodes.len()])), None);
            assert!(
                nodes
                    .iter()
                    .zip(&texts)
                    .all(|(node, text)| trie.find(&filter(text)) == Some(*node))
            );
        }
        assert_eq!(trie.bytes(), 0);
    }

    #[test]
    fn a_node_is_half_a_cache_line() {
        assert_eq!(size_of::<Node>(), 32);
    }
}
