//! `api/blocks`.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter, ParameterKind};
use super::values::{Time, hash, of_seconds, round, seconds};
use crate::state::node::Node as Observed;
use crate::state::relays::Block as Own;
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
#[derive(Serialize, JsonSchema, Default)]
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
    /// The node's own announcement of the block, on our P2P connection. Null if it was not announced there.
    own: Option<OwnAnnouncement>,
}

/// A node's announcement of a block on our own P2P connection.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BlockOwn")]
pub(crate) struct OwnAnnouncement {
    /// Type of the announcing message: `inv`, `headers`, `cmpctblock` or `unknown`.
    message: &'static str,
    /// When it came.
    time: Time,
    /// Seconds since the node had anything of the block. Negative if the announcement came first: clocks differ. Null
    /// if nothing shows since when.
    relay_seconds: Option<f64>,
    /// The stage that shows since when: `header`, `compact_block`, `block`, `reconstructed`, `connected` or `tip`.
    /// Null as `relay_seconds`.
    relay_since: Option<&'static str>,
    /// Seconds from the compact block until the node had checked the block, as seen from outside (BIP 152). Null if
    /// that was not measured.
    validation_seconds: Option<f64>,
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
        let known = nodes.iter().flat_map(|(_, node)| node.model.blocks.known()).filter(|block| block.confirmed);
        let known = known.map(|block| (block.first_ns, block.height, block.hash));
        // What a node announces itself it has checked, or does so now.
        let announced = nodes.iter().flat_map(|(_, node)| node.pages.relays.announced());
        for (first_ns, height, hash) in known.chain(announced.map(|block| (block.at_ns, block.height, block.hash))) {
            match newest.iter_mut().find(|(.., known)| *known == hash) {
                Some((first, known_height, _)) => {
                    *first = first_ns.min(*first);
                    *known_height = known_height.or(height);
                }
                None => newest.push((first_ns, height, hash)),
            }
        }
        // debug.log may have whole seconds only: of blocks of one second, the higher one is newer.
        newest.sort_unstable_by_key(|&(first_ns, height, hash)| Reverse((first_ns / SECOND, height, first_ns, hash)));
        newest.truncate(limit);
        Ok(newest.into_iter().map(|(first_ns, _, hash)| block(first_ns, &hash, &nodes)).collect())
    }
}

/// A block at all nodes that had anything of it. None if no node had.
pub(super) fn of_hash(request: &RequestContext, block_hash: &[u8; 32]) -> Option<Block> {
    let nodes: Vec<_> = request.state.nodes.iter().map(|(name, node)| (&**name, node)).collect();
    let known = nodes.iter().filter_map(|(_, node)| Some(node.model.blocks.find(block_hash)?.first_ns));
    let announced = nodes.iter().filter_map(|(_, node)| Some(node.pages.relays.find(block_hash)?.at_ns));
    let first_ns = known.chain(announced).min()?;
    Some(block(first_ns, block_hash, &nodes))
}

/// What is known of a block at a node: what happened to it, and its announcement to us.
type Seen<'a> = (Option<&'a State>, Option<&'a Own>);

fn block<'a>(first_ns: u64, block_hash: &[u8; 32], nodes: &[(&'a str, &'a Observed)]) -> Block {
    let seen = |node: &'a Observed| (node.model.blocks.find(block_hash), node.pages.relays.find(block_hash));
    let seen = nodes.iter().map(|(name, node)| (*name, *node, seen(node)));
    let seen: Vec<(&str, &Observed, Seen)> =
        seen.filter(|(.., (block, own))| block.is_some() || own.is_some()).collect();
    let height = |(block, own): &Seen| block.and_then(|block| block.height).or(own.and_then(|own| own.height));
    Block {
        hash: hash(block_hash),
        height: seen.iter().find_map(|(.., seen)| height(seen)),
        time: seen.iter().find_map(|(.., (block, _))| (*block)?.time).and_then(of_seconds),
        first_seen: Time(first_ns),
        nodes: seen
            .into_iter()
            .map(|(name, node, (block, own))| Node { own: own.map(announcement), ..of(name, node, block) })
            .collect(),
    }
}

fn announcement(own: &Own) -> OwnAnnouncement {
    OwnAnnouncement {
        message: own.message_type,
        time: Time(own.at_ns),
        relay_seconds: own.relayed.map(|relayed| round(relayed.seconds(), 6)),
        relay_since: own.relayed.map(|relayed| relayed.since),
        validation_seconds: own.validation.map(|seconds| round(seconds, 6)),
    }
}

fn of(name: &str, node: &Observed, block: Option<&State>) -> Node {
    let Some(block) = block else {
        return Node { node: name.to_owned(), ..Node::default() };
    };
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
        own: None,
    }
}
