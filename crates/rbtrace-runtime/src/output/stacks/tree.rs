//! Paths that begin alike, put together: what a flame graph draws.

use std::collections::BTreeMap;

use super::fold::{Kind, Paths, Step};

/// A function, called the way that leads to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// How much was seen here and in what it calls.
    pub weight: u64,
    /// What it calls, in the order of names: the same run gives the same picture.
    pub calls: BTreeMap<Step, Node>,
}

impl Node {
    /// The root of these paths.
    pub fn new(paths: Paths) -> Node {
        let mut root = Node::default();
        for (path, weight) in paths {
            root.add(path, weight);
        }
        root
    }

    /// All maps in one tree; several of them stand side by side.
    pub fn of_maps(mut maps: BTreeMap<String, Node>) -> Node {
        if maps.len() == 1
            && let Some((_, only)) = maps.pop_first()
        {
            return only;
        }
        let weight = maps.values().fold(0, |sum: u64, map| sum.saturating_add(map.weight));
        let calls = maps.into_iter().map(|(name, node)| (Step { name, kind: Kind::Label }, node)).collect();
        Node { weight, calls }
    }

    fn add(&mut self, path: Vec<Step>, weight: u64) {
        self.weight = self.weight.saturating_add(weight);
        let mut node = self;
        for step in path {
            node = node.calls.entry(step).or_default();
            node.weight = node.weight.saturating_add(weight);
        }
    }
}
