//! A few nodes that are connected like a small network.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use crate::builder::NodeBuilder;
use crate::node::{ConnectionType, Node, is_at, sync_blocks};

const NAMES: [&str; 8] = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];

/// The debug categories that log everything a log reader understands. A node that lacks one of them only warns.
const DEBUG: [&str; 7] = ["net", "mempool", "mempoolrej", "validation", "cmpctblock", "addrman", "txpackages"];

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
        let mut nodes = Vec::with_capacity(count);
        for index in 0..count {
            let name = NAMES.get(index).map_or_else(|| format!("node{index}"), |name| (*name).to_owned());
            let node = Node::builder().dir(dir.join(&name)).name(name).debug(DEBUG);
            let node = ["logtimemicros=1", "logthreadnames=1", "logips=1"].into_iter().fold(node, NodeBuilder::config);
            nodes.push(Arc::new(node.start().await?));
        }
        let network = Self { nodes, edges: edges(count) };
        if let Some(first) = network.nodes.first() {
            first.mine(1).await?;
        }
        network.connect().await?;
        sync_blocks(&network.nodes.iter().map(AsRef::as_ref).collect::<Vec<_>>()).await?;
        Ok(network)
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// Makes the connections that are missing: at first all, later those of a node that was down. Of nodes that are down, none.
    ///
    /// # Errors
    /// A node that runs does not answer, or refuses.
    pub async fn connect(&self) -> Result<()> {
        for edge in &self.edges {
            let (Some(from), Some(to)) = (self.nodes.get(edge.from), self.nodes.get(edge.to)) else { continue };
            if from.pid().is_none() || to.pid().is_none() {
                continue;
            }
            let addr = to.p2p_addr().to_string();
            if !from.peers().await?.iter().any(|peer| is_at(peer, &addr)) {
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
        let mut outcome = Ok(());
        for node in self.nodes.iter().filter(|node| node.pid().is_some()) {
            outcome = node.stop().await.and(outcome);
        }
        outcome
    }
}

/// A ring of full connections; with three nodes and more also a block-only one from each to the next but one, both transports in turn.
fn edges(count: usize) -> Vec<Edge> {
    let mut edges = Vec::new();
    for from in 0..count {
        for (step, connection_type) in [(1, ConnectionType::OutboundFullRelay), (2, ConnectionType::BlockRelayOnly)] {
            let to = (from + step) % count;
            // Two nodes: one connection is enough.
            if step < count && (count > 2 || from == 0) {
                edges.push(Edge { from, to, connection_type, v2: edges.len() % 2 == 0 });
            }
        }
    }
    edges
}
