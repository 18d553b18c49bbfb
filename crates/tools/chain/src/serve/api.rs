//! The answers in JSON that are made from the snapshot.

use axum::extract::{Path, State};
use axum::response::Response;
use bitcoin::block::{Header, Version};
use bitcoin::consensus::{Params, deserialize};
use bitcoin::hashes::Hash as _;
use bitcoin::pow::Target;
use bitcoin::{BlockHash, CompactTarget, TxMerkleNode};
use event::quote::HashText;
use event::text::tip_status;
use serde::Serialize;

use super::{Context, harmless, json, network_id};
use crate::snapshot::{Countdown, HeaderSnapshot, NetworkSnapshot, NodeSnapshot, StaleBlock, TipSnapshot};

/// What a header has as its parent that has none: the largest number that 64 bits hold.
const NO_PARENT: u64 = u64::MAX;

/// The version of a node that is not known, or not shown.
const NO_VERSION: &str = "unknown";

#[derive(Serialize)]
struct Networks<'a> {
    networks: Vec<Network<'a>>,
}

#[derive(Serialize)]
struct Network<'a> {
    id: u32,
    name: &'a str,
    slug: &'a str,
    description: &'a str,
}

/// `GET /api/networks.json`.
pub(super) async fn networks(State(context): State<Context>) -> Response {
    let snapshot = context.published.latest();
    let networks = snapshot.networks.values().map(|network| Network {
        id: network.id,
        name: &network.name,
        slug: &network.slug,
        description: &network.description,
    });
    json(&Networks { networks: networks.collect() })
}

#[derive(Serialize)]
struct Info<'a> {
    footer: &'a str,
}

/// `GET /api/info.json`.
pub(super) async fn info(State(context): State<Context>) -> Response {
    json(&Info { footer: &context.options.footer })
}

#[derive(Default, Serialize)]
struct Data<'a> {
    header_infos: Vec<HeaderInfo>,
    nodes: Vec<Node<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    countdown: Option<&'a Countdown>,
}

#[derive(Serialize)]
struct HeaderInfo {
    /// Its place in this answer.
    id: u64,
    /// The place of its nearest ancestor in this answer.
    prev_id: u64,
    height: u32,
    hash: String,
    version: u32,
    prev_blockhash: String,
    merkle_root: String,
    /// Seconds since the UNIX epoch.
    time: u32,
    bits: u32,
    difficulty_int: u128,
    nonce: u32,
    miner: String,
}

#[derive(Serialize)]
struct Node<'a> {
    id: u32,
    name: String,
    description: String,
    implementation: String,
    tips: Vec<Tip>,
    /// Seconds since the UNIX epoch; 0 if its tips have not changed yet.
    last_changed_timestamp: u64,
    version: String,
    reachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_source: Option<&'a str>,
    /// Not in fork-observer's answer.
    other_rules: bool,
}

#[derive(Serialize)]
struct Tip {
    hash: String,
    status: &'static str,
    height: u32,
}

/// `GET /api/<id>/data.json`.
pub(super) async fn data(State(context): State<Context>, Path(network): Path<String>) -> Response {
    let id = match network_id(&network) {
        Ok(id) => id,
        Err(refusal) => return *refusal,
    };
    match context.published.network(id) {
        Some(network) => json(&Data::from(&*network)),
        None => json(&Data::default()),
    }
}

impl<'a> From<&'a NetworkSnapshot> for Data<'a> {
    fn from(network: &'a NetworkSnapshot) -> Self {
        Self {
            header_infos: network.headers.iter().enumerate().map(HeaderInfo::from).collect(),
            nodes: network.nodes.iter().map(Node::from).collect(),
            countdown: network.countdown.as_ref(),
        }
    }
}

impl From<(usize, &HeaderSnapshot)> for HeaderInfo {
    fn from((place, header): (usize, &HeaderSnapshot)) -> Self {
        let HeaderSnapshot { height, hash, header, parent, miner, .. } = header;
        let header = fields(header);
        Self {
            id: place as u64,
            prev_id: parent.filter(|parent| *parent < place).map_or(NO_PARENT, |parent| parent as u64),
            height: *height,
            hash: HashText(hash).to_string(),
            version: header.version.to_consensus().cast_unsigned(),
            prev_blockhash: HashText(&header.prev_blockhash.to_byte_array()).to_string(),
            merkle_root: HashText(&header.merkle_root.to_byte_array()).to_string(),
            time: header.time,
            bits: header.bits.to_consensus(),
            difficulty_int: difficulty(header.target()),
            nonce: header.nonce,
            miner: harmless(miner),
        }
    }
}

/// The fields of a header. 80 bytes always are one.
pub(super) fn fields(header: &[u8; 80]) -> Header {
    deserialize(header).unwrap_or(Header {
        version: Version::from_consensus(0),
        prev_blockhash: BlockHash::all_zeros(),
        merkle_root: TxMerkleNode::all_zeros(),
        time: 0,
        bits: CompactTarget::from_consensus(0),
        nonce: 0,
    })
}

/// The difficulty as the node has it, without its fraction: how many times less likely a hash meets the target than the easiest one of mainnet,
/// on every network.
fn difficulty(target: Target) -> u128 {
    if target == Target::ZERO { 0 } else { target.difficulty(Params::MAINNET) }
}

impl<'a> From<&'a NodeSnapshot> for Node<'a> {
    fn from(node: &'a NodeSnapshot) -> Self {
        // The operator's own texts are shown as they are.
        let shown = |text: &str| if node.remote_source.is_some() { harmless(text) } else { text.to_owned() };
        Self {
            id: node.id,
            name: shown(&node.name),
            description: shown(&node.description),
            implementation: shown(&node.implementation),
            tips: node.tips.iter().map(Tip::from).collect(),
            last_changed_timestamp: node.changed_ns.unwrap_or_default() / 1_000_000_000,
            version: node.version.as_deref().map_or_else(|| NO_VERSION.to_owned(), harmless),
            reachable: node.reachable,
            remote_source: node.remote_source.as_deref(),
            other_rules: node.other_rules,
        }
    }
}

impl From<&TipSnapshot> for Tip {
    fn from(tip: &TipSnapshot) -> Self {
        Self { hash: HashText(&tip.hash).to_string(), status: tip_status(tip.status), height: tip.height }
    }
}

#[derive(Serialize)]
struct Stale {
    stale_blocks: Vec<StaleInfo>,
}

#[derive(Serialize)]
struct StaleInfo {
    height: u32,
    hash: String,
    header: String,
}

/// `GET /api/<id>/stale.json`.
pub(super) async fn stale(State(context): State<Context>, Path(network): Path<String>) -> Response {
    let id = match network_id(&network) {
        Ok(id) => id,
        Err(refusal) => return *refusal,
    };
    let network = context.published.network(id).unwrap_or_default();
    json(&Stale { stale_blocks: network.stale.iter().map(StaleInfo::from).collect() })
}

impl From<&StaleBlock> for StaleInfo {
    fn from(stale: &StaleBlock) -> Self {
        Self { height: stale.height, hash: HashText(&stale.hash).to_string(), header: hex::encode(stale.header) }
    }
}
