//! `api/chain`: the chains of observed nodes, and below it what the tool `chain` reports.

pub(super) mod activity;
pub(super) mod block;
pub(super) mod networks;
pub(super) mod tree;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter};
use super::values::{Time, hash};
use crate::state::node::Node as Observed;
use model::blocks::{ChainEvent as Event, Stage};

pub(crate) struct Endpoint;

/// The tips of the nodes, and forks, reorganisations and invalid blocks.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Chain {
    /// The tip of each node.
    nodes: Vec<Node>,
    /// Heights at which more than one block was connected, highest first.
    forks: Vec<Fork>,
    /// Blocks that were disconnected, newest first.
    disconnected: Vec<BlockEvent>,
    /// Invalid blocks, newest first.
    invalid: Vec<BlockEvent>,
    /// Blocks that were disconnected and not connected again since, newest first.
    stale: Vec<BlockEvent>,
}

/// The active chain of a node.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChainNode")]
pub(crate) struct Node {
    /// Name of the node.
    node: String,
    /// Height of its tip.
    height: Option<u32>,
    /// Height of its best header.
    headers: Option<u32>,
    /// Hash of its tip.
    best_block: Option<String>,
    /// When the present tip became the tip. Null if it already was when the program started.
    tip_changed: Option<Time>,
    /// Its last 20 tips, newest first.
    recent_tips: Vec<Tip>,
}

/// A block that became the tip.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Tip {
    /// Hash of the block.
    hash: Option<String>,
    /// Height of the block.
    height: Option<u32>,
    /// When it became the tip.
    time: Time,
}

/// A height at which more than one block was connected.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Fork {
    /// The height.
    height: u32,
    /// The blocks at this height.
    hashes: Vec<Branch>,
}

/// One of several blocks at a height.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChainBranch")]
pub(crate) struct Branch {
    /// Hash of the block.
    hash: String,
    /// Names of the nodes that connected it.
    nodes: Vec<String>,
}

/// A block that was disconnected or is invalid.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChainHappened")]
pub(crate) struct BlockEvent {
    /// Name of the node.
    node: String,
    /// Hash of the block. Null if the node did not report it.
    hash: Option<String>,
    /// Height of the block. Null if the node did not report it.
    height: Option<u32>,
    /// When it was disconnected or found to be invalid.
    time: Time,
    /// Further details as text, if there are any.
    text: Option<String>,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Chain;
    const PATH: &'static str = "chain";
    const TITLE: &'static str = "Tips and forks";
    const ABOUT: &'static str = "Of the nodes that are observed: the last 200 blocks of each. What the tool `chain` reports is in `api/chain/networks`.";
    const PARAMETERS: &'static [Parameter] = &[NODE];

    fn answer(request: &RequestContext) -> Result<Chain, ApiError> {
        let nodes = request.nodes()?;
        let stale = |node: &Observed, event: &Event| {
            let again = node.model.blocks.tips().iter().any(|tip| tip.hash == event.hash && tip.at_ns > event.at_ns);
            !again && node.pages.about.best_block != event.hash
        };
        Ok(Chain {
            nodes: nodes.iter().map(|(name, node)| of(name, node)).collect(),
            forks: forks(&nodes),
            disconnected: happened(&nodes, |node| node.model.blocks.disconnected().iter().collect()),
            invalid: happened(&nodes, |node| node.model.blocks.invalid().iter().collect()),
            stale: happened(&nodes, |node| {
                node.model.blocks.disconnected().iter().filter(|event| stale(node, event)).collect()
            }),
        })
    }
}

fn of(name: &str, node: &Observed) -> Node {
    let tip = |tip: &Event| Tip { hash: tip.hash.map(|tip| hash(&tip)), height: tip.height, time: Time(tip.at_ns) };
    Node {
        node: name.to_owned(),
        height: node.pages.about.height,
        headers: node.pages.about.headers,
        best_block: node.pages.about.best_block.map(|block| hash(&block)),
        tip_changed: node.pages.about.tip_changed_ns.map(Time),
        recent_tips: node.model.blocks.tips().iter().rev().map(tip).collect(),
    }
}

fn forks(nodes: &[(&str, &Observed)]) -> Vec<Fork> {
    let mut heights: BTreeMap<u32, BTreeMap<[u8; 32], Vec<String>>> = BTreeMap::new();
    for (name, node) in nodes {
        for block in node
            .model
            .blocks
            .known()
            .iter()
            .filter(|block| block.at(Stage::Connected).is_some() || block.at(Stage::Tip).is_some())
        {
            if let Some(height) = block.height {
                heights.entry(height).or_default().entry(block.hash).or_default().push((*name).to_owned());
            }
        }
    }
    let forks = heights.into_iter().rev().filter(|(_, blocks)| blocks.len() > 1);
    forks
        .map(|(height, blocks)| Fork {
            height,
            hashes: blocks.into_iter().map(|(block, nodes)| Branch { hash: hash(&block), nodes }).collect(),
        })
        .collect()
}

fn happened<'a>(nodes: &[(&str, &'a Observed)], of: impl Fn(&'a Observed) -> Vec<&'a Event>) -> Vec<BlockEvent> {
    let mut all = Vec::new();
    for (name, node) in nodes {
        all.extend(of(node).into_iter().map(|event| BlockEvent {
            node: (*name).to_owned(),
            hash: event.hash.map(|block| hash(&block)),
            height: event.height,
            time: Time(event.at_ns),
            text: (!event.text.is_empty()).then(|| event.text.to_string()),
        }));
    }
    all.sort_by_key(|event| std::cmp::Reverse(event.time));
    all
}
