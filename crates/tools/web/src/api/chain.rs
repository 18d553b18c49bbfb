//! `api/chain`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter};
use super::values::{Time, hash};
use crate::state::node::Node as Observed;
use model::blocks::{ChainEvent as Event, Stage};

pub(crate) struct Endpoint;

/// Tips of the chains that the nodes follow, and what went wrong with blocks.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Chain {
    /// The nodes.
    nodes: Vec<Node>,
    /// Heights at which more than one block was connected, highest first.
    forks: Vec<Fork>,
    /// Blocks that were disconnected, newest first.
    disconnected: Vec<Happened>,
    /// Blocks that are not valid, newest first.
    invalid: Vec<Happened>,
    /// Blocks that were disconnected and not connected again, newest first.
    stale: Vec<Happened>,
}

/// The chain that a node follows.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChainNode")]
pub(crate) struct Node {
    /// The node.
    node: String,
    /// Height of its tip.
    height: Option<u32>,
    /// Height of the best header that it knows.
    headers: Option<u32>,
    /// Hash of its tip.
    best_block: Option<String>,
    /// When the tip became the tip; null if it was when we began.
    tip_changed: Option<Time>,
    /// Its last 20 tips, newest first.
    recent_tips: Vec<Tip>,
}

/// A tip.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Tip {
    /// Hash of the block.
    hash: Option<String>,
    /// Its height.
    height: Option<u32>,
    /// When it became the tip.
    time: Time,
}

/// More than one block at a height.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Fork {
    /// The height.
    height: u32,
    /// The blocks.
    hashes: Vec<Branch>,
}

/// One of several blocks at a height.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChainBranch")]
pub(crate) struct Branch {
    /// Its hash.
    hash: String,
    /// Nodes that connected it.
    nodes: Vec<String>,
}

/// Something happened to a block.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChainHappened")]
pub(crate) struct Happened {
    /// The node.
    node: String,
    /// Hash of the block, if the node told it.
    hash: Option<String>,
    /// Its height, if the node told it.
    height: Option<u32>,
    /// When.
    time: Time,
    /// What, if there is more to say.
    text: Option<String>,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Chain;
    const PATH: &'static str = "chain";
    const TITLE: &'static str = "Tips and forks";
    const ABOUT: &'static str = "Of the last 200 blocks of each node.";
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

fn happened<'a>(nodes: &[(&str, &'a Observed)], of: impl Fn(&'a Observed) -> Vec<&'a Event>) -> Vec<Happened> {
    let mut all = Vec::new();
    for (name, node) in nodes {
        all.extend(of(node).into_iter().map(|event| Happened {
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
