//! `api/blocks`.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter, ParameterKind};
use super::values::{Time, hash, of_seconds, round, seconds};
use crate::state::node::Node as Observed;
use model::blocks::{Block as State, Stage};
use model::bounds::SECOND;

pub(crate) struct Endpoint;

const LIMIT: Parameter =
    Parameter { name: "limit", kind: ParameterKind::Number(1, 200, 30), about: "Maximum number of blocks." };

/// A block, and its progress at each node.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Block {
    /// Hash of the block.
    hash: String,
    /// Height of the block.
    height: Option<u32>,
    /// The time in its header.
    time: Option<Time>,
    /// When the first of the nodes received the block or an announcement of it.
    first_seen: Time,
    /// The progress at each node.
    nodes: Vec<Node>,
}

/// The progress of a block at one node. Times are null for stages that were not observed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BlockNode")]
pub(crate) struct Node {
    /// Name of the node.
    node: String,
    /// When the node received the header.
    header: Option<Time>,
    /// When the node received the compact block.
    compact_block: Option<Time>,
    /// When the block was reconstructed from the compact block.
    reconstructed: Option<Time>,
    /// When the block was connected.
    connected: Option<Time>,
    /// When it became the tip.
    tip: Option<Time>,
    /// The first 16 announcements by peers.
    announced_by: Vec<Announcement>,
    /// Number of transactions that the compact block contained.
    prefilled: Option<u32>,
    /// Number of transactions taken from the mempool.
    from_mempool: Option<u32>,
    /// Number of transactions taken from the extra pool.
    from_extra_pool: Option<u32>,
    /// Number of transactions that the node had to request (getblocktxn).
    requested: Option<u32>,
    /// Size of the requested transactions, in bytes.
    requested_bytes: Option<u64>,
    /// Duration of the connection of the block to the chain, in seconds.
    connect_seconds: Option<f64>,
    /// Number of transactions of the block.
    transactions: Option<i64>,
    /// Number of inputs of the block.
    inputs: Option<i32>,
    /// Signature operation cost of the block.
    sigops: Option<i64>,
    /// Size of the block message, in bytes. Null if the block was not received as one.
    size: Option<u64>,
}

/// A peer's announcement of a block.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BlockAnnouncement")]
pub(crate) struct Announcement {
    /// Id of the peer, assigned by the node.
    id: u64,
    /// The peer's address. Null if the peer is no longer remembered.
    addr: Option<String>,
    /// Type of the announcing message: `cmpctblock`, `headers`, `inv` or `block`.
    message: &'static str,
    /// Seconds since the node first received the block or an announcement of it.
    after_seconds: f64,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Vec<Block>;
    const PATH: &'static str = "blocks";
    const TITLE: &'static str = "Recent blocks";
    const ABOUT: &'static str = "Newest first. Blocks that peers announced but that no node confirmed are left out.";
    const PARAMETERS: &'static [Parameter] = &[NODE, LIMIT];

    fn answer(request: &RequestContext) -> Result<Vec<Block>, ApiError> {
        let nodes = request.nodes()?;
        let limit = usize::try_from(request.arguments.number(LIMIT)).unwrap_or(usize::MAX);
        let mut newest: Vec<(u64, Option<u32>, [u8; 32])> = Vec::new();
        for block in nodes.iter().flat_map(|(_, node)| node.model.blocks.known()).filter(|block| block.confirmed) {
            match newest.iter_mut().find(|(.., hash)| *hash == block.hash) {
                Some((first_ns, ..)) => *first_ns = block.first_ns.min(*first_ns),
                None => newest.push((block.first_ns, block.height, block.hash)),
            }
        }
        // debug.log may have whole seconds only: of blocks of one second, the higher one is newer.
        newest.sort_unstable_by_key(|&(first_ns, height, hash)| Reverse((first_ns / SECOND, height, first_ns, hash)));
        newest.truncate(limit);
        Ok(newest.into_iter().map(|(first_ns, _, hash)| block(first_ns, &hash, &nodes)).collect())
    }
}

fn block(first_ns: u64, block_hash: &[u8; 32], nodes: &[(&str, &Observed)]) -> Block {
    let seen: Vec<(&str, &Observed, &State)> =
        nodes.iter().filter_map(|(name, node)| Some((*name, *node, node.model.blocks.find(block_hash)?))).collect();
    Block {
        hash: hash(block_hash),
        height: seen.iter().find_map(|(.., block)| block.height),
        time: seen.iter().find_map(|(.., block)| block.time).and_then(of_seconds),
        first_seen: Time(first_ns),
        nodes: seen.into_iter().map(|(name, node, block)| of(name, node, block)).collect(),
    }
}

fn of(name: &str, node: &Observed, block: &State) -> Node {
    let announced = block.announced_by.iter().map(|one| Announcement {
        id: one.peer,
        addr: node.model.peers.find(one.peer).map(|peer| peer.addr.to_string()),
        message: one.message_type,
        after_seconds: seconds(block.first_ns, one.at_ns),
    });
    let reconstruction = block.reconstruction;
    let required = (block.required > 0).then_some(block.required);
    Node {
        node: name.to_owned(),
        header: block.at(Stage::Header).map(Time),
        compact_block: block.at(Stage::CompactBlock).map(Time),
        reconstructed: block.at(Stage::Reconstructed).map(Time),
        connected: block.at(Stage::Connected).map(Time),
        tip: block.at(Stage::Tip).map(Time),
        announced_by: announced.collect(),
        prefilled: reconstruction.map(|of| of.prefilled),
        from_mempool: reconstruction.map(|of| of.from_mempool),
        from_extra_pool: reconstruction.map(|of| of.from_extra_pool),
        requested: reconstruction.map(|of| of.requested).or(required),
        requested_bytes: reconstruction.and_then(|of| of.requested_bytes),
        connect_seconds: block.connect_seconds.map(|seconds| round(seconds, 6)),
        transactions: block.transactions,
        inputs: block.inputs,
        sigops: block.sigops,
        size: block.size,
    }
}
