//! `api/chain/networks/{network}/blocks/{hash}`.

use std::collections::BTreeMap;

use event::quote::Quoted;
use event::text::tip_status;
use model::text::hash_of_text;
use schemars::JsonSchema;
use serde::Serialize;

use super::networks::named;
use super::tree::{self, ChainHeader};
use crate::api::blocks;
use crate::api::endpoint::{self, RequestContext};
use crate::api::parameters::{ApiError, Parameter};
use crate::api::values::{Time, hash};

pub(crate) struct Endpoint;

/// A block of a network: its header, and who has it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChainBlock {
    /// What the tree shows of it.
    header: ChainHeader,
    /// The header as Bitcoin serializes it: 160 hexadecimal digits.
    serialized: String,
    /// Root of the Merkle tree of its transactions.
    merkle_root: String,
    /// Its target in compact form, 8 hexadecimal digits.
    bits: String,
    /// Its nonce.
    nonce: u32,
    /// Hashes of the blocks that build on it, of those that are shown.
    next: Vec<String>,
    /// Nodes that have it as a tip.
    tips: Vec<ChainBlockTip>,
    /// When nodes were seen to have it, by what changed: the first of each node, earliest first.
    seen: Vec<ChainBlockSeen>,
    /// When each observed node had which part of it, by its tracepoints, debug.log and our own P2P connection. Null if none of them
    /// reported it.
    observed: Option<blocks::Block>,
}

/// A node that has a block as a tip.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChainBlockTip {
    /// Name of the node.
    node: String,
    /// Status of the tip, as `ChainTreeTip.status`.
    status: &'static str,
}

/// That a node was seen to have a block.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChainBlockSeen {
    /// Name of the node.
    node: String,
    /// When.
    time: Time,
    /// By what, as `ChainActivity.kind`.
    kind: &'static str,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = ChainBlock;
    const PATH: &'static str = "chain/networks/{network}/blocks/{hash}";
    const TITLE: &'static str = "A block of a network";
    const ABOUT: &'static str = "Of the headers that are shown, or were: the last 10,000. 404 if it is none of them.";
    const PARAMETERS: &'static [Parameter] = &[];

    fn answer(request: &RequestContext) -> Result<ChainBlock, ApiError> {
        let (_, state) = named(request)?;
        let text = request.arguments.path.get(1).map_or("", String::as_str);
        let wanted = hash_of_text(text).ok_or_else(|| {
            ApiError::query(format!("a block's hash has 64 hexadecimal digits, and {} has not", Quoted(text)))
        })?;
        let header = state.find(&wanted).ok_or_else(|| {
            ApiError::not_found(format!("there is no block {} among the headers that were shown", hash(&wanted)))
        })?;
        let tips = state.nodes().filter_map(|(name, node)| {
            let tip = node.tips.iter().find(|tip| tip.hash == wanted)?;
            Some(ChainBlockTip { node: name.to_string(), status: tip_status(tip.status) })
        });
        let mut seen: BTreeMap<&str, ChainBlockSeen> = BTreeMap::new();
        for activity in state.activities.iter().filter(|activity| activity.block() == Some(&wanted)) {
            seen.entry(&activity.node).or_insert_with(|| ChainBlockSeen {
                node: activity.node.to_string(),
                time: Time(activity.time_ns),
                kind: activity.kind(),
            });
        }
        let mut seen: Vec<ChainBlockSeen> = seen.into_values().collect();
        seen.sort_by_key(|seen| seen.time);
        let next = state.headers(false).filter(|(_, header)| header.previous() == wanted);
        let mut next: Vec<String> = next.map(|(next, _)| hash(next)).collect();
        next.sort_unstable();
        Ok(ChainBlock {
            header: tree::of(&wanted, header),
            serialized: header.bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            merkle_root: hash(&header.merkle_root()),
            bits: format!("{:08x}", header.bits()),
            nonce: header.nonce(),
            next,
            tips: tips.collect(),
            seen,
            observed: blocks::of_hash(request, &wanted),
        })
    }
}
