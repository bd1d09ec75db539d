//! The tree of filter levels. Owns where each filter ends and which ends a topic reaches; who subscribed there is kept
//! elsewhere.
//!
//! Level texts are interned, and all edges stand in one hash map, so that a node costs a few words however many
//! neighbours it has.

use std::collections::HashMap;

use buslane_protocol::{Filter, Topic};

use super::TooManyMatches;
use crate::entropy::HashState;

/// A node: the end of a filter, or a level on the way to one.
pub(super) type NodeId = u32;
/// The text of a level, interned.
type LevelId = u32;

#[derive(Debug)]
struct Node {
    parent: NodeId,
    level: LevelId,
    /// Edges below, and the owner's holds on the node itself.
    uses: u32,
}

#[derive(Debug)]
struct Level {
    text: Box<str>,
    uses: u32,
}

/// The tree. Every node leads to a filter that is held.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    free_nodes: Vec<NodeId>,
    edges: HashMap<(NodeId, LevelId), NodeId, HashState>,
    levels: Vec<Level>,
    free_levels: Vec<LevelId>,
    interned: HashMap<Box<str>, LevelId, HashState>,
    level_bytes: usize,
    frontier: Vec<NodeId>,
    next: Vec<NodeId>,
}

impl Trie {
    /// Makes a tree without filters.
    pub(super) fn new(hash: HashState) -> Trie {
        let wildcard = |text: &str| Level { text: text.into(), uses: 1 };
        let mut interned = HashMap::with_hasher(hash.clone());
        interned.extend([(Box::from("+"), ANY), (Box::from("#"), REST)]);
        Trie {
            nodes: vec![Node { parent: ROOT, level: ANY, uses: 1 }],
            free_nodes: Vec::new(),
            edges: HashMap::with_hasher(hash),
            levels: vec![wildcard("+"), wildcard("#")],
            free_levels: Vec::new(),
            interned,
            level_bytes: 0,
            frontier: Vec::new(),
            next: Vec::new(),
        }
    }

    /// Returns the accounted bytes.
    pub(super) fn bytes(&self) -> usize {
        (self.nodes.len() - 1) * NODE_BYTES + self.level_bytes
    }

    /// Returns how many nodes lead to a filter.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.edges.len()
    }

    /// Finds where a filter ends.
    pub(super) fn find(&self, filter: &Filter<'_>) -> Option<NodeId> {
        let mut node = ROOT;
        for level in filter.as_str().split('/') {
            node = *self.edges.get(&(node, *self.interned.get(level)?))?;
        }
        Some(node)
    }

    /// Finds or makes the end of a filter, and holds it once more.
    pub(super) fn hold(&mut self, filter: &Filter<'_>) -> NodeId {
        let mut node = ROOT;
        for level in filter.as_str().split('/') {
            node = self.step(node, level);
        }
        self.nodes[node as usize].uses += 1;
        node
    }

    /// Lets go of the end of a filter once; what leads nowhere any more is removed.
    pub(super) fn release(&mut self, mut node: NodeId) {
        while node != ROOT {
            let entry = &mut self.nodes[node as usize];
            entry.uses -= 1;
            if entry.uses > 0 {
                return;
            }
            let (parent, level) = (entry.parent, entry.level);
            self.edges.remove(&(parent, level));
            self.free_nodes.push(node);
            self.forget(level);
            node = parent;
        }
    }

    /// Returns the filter that ends at a node.
    pub(super) fn filter(&self, mut node: NodeId) -> Filter<'static> {
        let mut levels = Vec::new();
        while node != ROOT {
            let entry = &self.nodes[node as usize];
            levels.push(&*self.levels[entry.level as usize].text);
            node = entry.parent;
        }
        levels.reverse();
        Filter::parse(levels.join("/")).expect("the levels of a filter make that filter")
    }

    /// Calls `reached` with each node at which a filter that selects the topic may end. Nodes examined are counted
    /// against `limit`.
    pub(super) fn walk(
        &mut self,
        topic: &Topic<'_>,
        limit: usize,
        mut reached: impl FnMut(NodeId),
    ) -> Result<(), TooManyMatches> {
        let (mut frontier, mut next) = (std::mem::take(&mut self.frontier), std::mem::take(&mut self.next));
        frontier.clear();
        frontier.push(ROOT);
        let mut examined = 0;
        let mut open = !topic.is_reserved();
        for level in topic.as_str().split('/') {
            let level = self.interned.get(level).copied();
            next.clear();
            for node in &frontier {
                let named = level.and_then(|level| self.edges.get(&(*node, level)));
                let any = self.edges.get(&(*node, ANY)).filter(|_| open);
                next.extend(named.into_iter().chain(any));
                if let Some(rest) = self.edges.get(&(*node, REST)).filter(|_| open) {
                    reached(*rest);
                }
            }
            examined += frontier.len();
            open = true;
            std::mem::swap(&mut frontier, &mut next);
            if frontier.is_empty() || examined > limit {
                break;
            }
        }
        for node in &frontier {
            reached(*node);
            if let Some(rest) = self.edges.get(&(*node, REST)) {
                reached(*rest);
            }
        }
        (self.frontier, self.next) = (frontier, next);
        if examined > limit { Err(TooManyMatches { limit }) } else { Ok(()) }
    }

    /// Goes one level down, making the way if there is none.
    fn step(&mut self, parent: NodeId, text: &str) -> NodeId {
        let level = self.intern(text);
        if let Some(node) = self.edges.get(&(parent, level)) {
            return *node;
        }
        self.levels[level as usize].uses += 1;
        self.nodes[parent as usize].uses += 1;
        let node = Node { parent, level, uses: 0 };
        let id = match self.free_nodes.pop() {
            Some(id) => {
                self.nodes[id as usize] = node;
                id
            }
            None => {
                self.nodes.push(node);
                u32::try_from(self.nodes.len() - 1).expect("the memory cap admits fewer than 2^32 nodes")
            }
        };
        self.edges.insert((parent, level), id);
        id
    }

    fn intern(&mut self, text: &str) -> LevelId {
        if let Some(level) = self.interned.get(text) {
            return *level;
        }
        let level = Level { text: text.into(), uses: 0 };
        let id = match self.free_levels.pop() {
            Some(id) => {
                self.levels[id as usize] = level;
                id
            }
            None => {
                self.levels.push(level);
                u32::try_from(self.levels.len() - 1).expect("the memory cap admits fewer than 2^32 levels")
            }
        };
        self.level_bytes += LEVEL_BYTES + 2 * text.len();
        self.interned.insert(text.into(), id);
        id
    }

    fn forget(&mut self, id: LevelId) {
        let level = &mut self.levels[id as usize];
        level.uses -= 1;
        if level.uses == 0 {
            let text = std::mem::take(&mut level.text);
            self.level_bytes -= LEVEL_BYTES + 2 * text.len();
            self.interned.remove(&text);
            self.free_levels.push(id);
        }
    }
}

const ROOT: NodeId = 0;
const ANY: LevelId = 0;
const REST: LevelId = 1;
/// What a node is accounted for: itself, its edge and the free room of both tables.
const NODE_BYTES: usize = 2 * (size_of::<Node>() + size_of::<((NodeId, LevelId), NodeId)>()) + 8;
/// What a level is accounted for beside its text.
const LEVEL_BYTES: usize = 2 * (size_of::<Level>() + size_of::<(Box<str>, LevelId)>());
