//! A few nodes that are connected like a small network.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use futures_util::future::{join_all, try_join_all};
use serde_json::json;

use crate::builder::NodeBuilder;
use crate::node::{ConnectionType, Node, is_at};

const NAMES: [&str; 16] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kate", "leo", "mia", "nick",
    "olivia", "peggy",
];

/// Lines of bitcoin.conf. Blocks are small, so that a hundred transactions at once fill several.
const CONFIG: [&str; 4] = ["logtimemicros=1", "logthreadnames=1", "logips=1", "blockmaxweight=32000"];

/// The debug categories that log everything a log reader understands. A node that lacks one of them only warns.
const DEBUG: [&str; 8] = ["net", "mempool", "mempoolrej", "validation", "cmpctblock", "addrman", "txpackages", "i2p"];

#[derive(Clone, Copy, Debug)]
struct Edge {
    from: usize,
    to: usize,
    connection_type: ConnectionType,
    v2: bool,
}

/// Connected regtest nodes that log everything a log reader understands.
#[derive(Clone, Debug)]
pub struct Network {
    nodes: Vec<Arc<Node>>,
    edges: Vec<Edge>,
}

impl Network {
    /// Starts `count` nodes named alice, bob, carol and so on, each in the folder of its name in `dir`, connects them, and mines the
    /// first block, after which they all relay.
    ///
    /// # Errors
    /// There is no bitcoind, or a node did not start.
    pub async fn start(count: usize, dir: &Path) -> Result<Self> {
        Self::start_with(count, dir, |node| node).await
    }

    /// The same, with what `configure` adds to each node.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub async fn start_with(count: usize, dir: &Path, configure: impl Fn(NodeBuilder) -> NodeBuilder) -> Result<Self> {
        let configure = &configure;
        let start = |index: usize| async move {
            let name = NAMES.get(index).map_or_else(|| format!("node{index}"), |name| (*name).to_owned());
            let node = Node::builder().dir(dir.join(&name)).name(name).debug(DEBUG);
            let node = CONFIG.into_iter().fold(node, NodeBuilder::config);
            configure(node).start().await.map(Arc::new)
        };
        let nodes = try_join_all((0..count).map(start)).await?;
        let network = Self { nodes, edges: edges(count) };
        if let Some((first, others)) = network.nodes.split_first() {
            // Not from peer to peer: nodes without a block ask only one peer, which may have none either.
            first.mine(1).await?;
            let (_, hash) = first.tip().await?;
            let block = first.rpc("getblock", json!([hash.to_string(), 0])).await?;
            try_join_all(others.iter().map(|node| node.rpc("submitblock", json!([block])))).await?;
        }
        network.connect().await?;
        Ok(network)
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// The node of that number if it is up; without a number the nodes that are up in turn, by `round`.
    pub(crate) fn up(&self, number: Option<usize>, round: usize) -> Option<Arc<Node>> {
        let is_up = |node: &&Arc<Node>| node.pid().is_some();
        match number {
            Some(number) => self.nodes.get(number).filter(is_up).cloned(),
            None => {
                let up: Vec<_> = self.nodes.iter().filter(is_up).collect();
                up.get(round.checked_rem(up.len())?).map(|node| Arc::clone(node))
            }
        }
    }

    /// Makes the connections that are missing: at first all, later those of a node that was down. Of nodes that are down, none.
    ///
    /// # Errors
    /// A node that runs does not answer, or refuses.
    pub async fn connect(&self) -> Result<()> {
        let from_each = self.nodes.iter().enumerate().map(|(number, from)| self.connect_from(number, from));
        try_join_all(from_each).await.map(drop)
    }

    async fn connect_from(&self, number: usize, from: &Node) -> Result<()> {
        if from.pid().is_none() {
            return Ok(());
        }
        let peers = from.peers().await?;
        for edge in self.edges.iter().filter(|edge| edge.from == number) {
            let Some(to) = self.nodes.get(edge.to).filter(|to| to.pid().is_some()) else { continue };
            let addr = to.p2p_addr().to_string();
            if !peers.iter().any(|peer| is_at(peer, &addr)) {
                from.add_connection(to.p2p_addr(), edge.connection_type, edge.v2).await?;
                from.wait_for_connection(to.p2p_addr()).await?;
            }
        }
        Ok(())
    }

    /// Stops the nodes that run.
    ///
    /// # Errors
    /// A node did not stop in time; it was killed.
    pub async fn stop(&self) -> Result<()> {
        let up = self.nodes.iter().filter(|node| node.pid().is_some());
        join_all(up.map(|node| node.stop())).await.into_iter().collect()
    }
}

/// A ring of full connections; with three nodes and more also a block-only one from each to the next but one, and with ten and more a
/// full one five nodes on, which keeps ways short. Both transports in turn.
fn edges(count: usize) -> Vec<Edge> {
    let (full, blocks) = (ConnectionType::OutboundFullRelay, ConnectionType::BlockRelayOnly);
    let mut edges = Vec::new();
    for from in 0..count {
        for (step, connection_type, from_count) in [(1, full, 2), (2, blocks, 3), (5, full, 10)] {
            let to = (from + step) % count;
            // Two nodes: one connection is enough.
            if count >= from_count && (count > 2 || from == 0) {
                edges.push(Edge { from, to, connection_type, v2: edges.len() % 2 == 0 });
            }
        }
    }
    edges
}
