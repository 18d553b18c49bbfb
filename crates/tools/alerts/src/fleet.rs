//! The chains of all nodes, side by side: what one node alone cannot show.

use std::sync::Arc;

use model::NodeState;
use model::text::Hash;
use model::{Blocks, Liveness};
use smol_str::SmolStr;

use crate::facts::Facts;

/// The chain of a node, as far as it matters to the other nodes.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub node: Arc<str>,
    /// "main", "test", ...
    chain: SmolStr,
    /// The last tips, oldest first.
    tips: Vec<(u32, Hash)>,
    /// Blocks that the node takes to be invalid.
    invalid: Vec<Hash>,
}

impl View {
    /// That of a node; none if it is not there, or has not caught up with the chain.
    pub fn of(node: &Arc<str>, facts: &Facts, blocks: &Blocks, liveness: &Liveness, now_ns: u64) -> Option<Self> {
        let is_there = liveness.node().state == NodeState::Up && blocks.has_caught_up(now_ns) == Some(true);
        let chain = facts.chain.clone().filter(|_| is_there)?;
        let tips = blocks.tips().iter().filter_map(|tip| tip.height.zip(tip.hash)).collect();
        let invalid = blocks.invalid().iter().filter_map(|block| block.hash).collect();
        Some(Self { node: Arc::clone(node), chain, tips, invalid })
    }

    /// The block that it follows: height and hash.
    pub fn tip(&self) -> Option<(u32, Hash)> {
        self.tips.last().copied()
    }

    /// The block that it has at a height, if that is one of its last tips.
    pub fn at(&self, height: u32) -> Option<Hash> {
        self.tips.iter().rev().find(|(of, _)| *of == height).map(|(_, hash)| *hash)
    }

    /// Whether a block is one of its last tips.
    pub fn has(&self, block: &Hash) -> bool {
        self.tips.iter().any(|(_, hash)| hash == block)
    }

    /// The blocks that it takes to be invalid.
    pub fn invalid(&self) -> impl Iterator<Item = &Hash> {
        self.invalid.iter()
    }
}

/// The chains of all nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fleet(pub Arc<[View]>);

impl Fleet {
    /// The chain of a node, and those of the others in the same network.
    pub fn around(&self, node: &str) -> Option<(&View, impl Iterator<Item = &View>)> {
        let own = self.0.iter().find(|view| &*view.node == node)?;
        Some((own, self.0.iter().filter(move |view| &*view.node != node && view.chain == own.chain)))
    }
}
