//! `api/addrman`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter};
use crate::state::addrman::{AGES, Addrman as State, CHANGES};

pub(crate) struct Endpoint;

/// The address managers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Addrman {
    /// By node.
    nodes: Vec<Node>,
}

/// The address manager of a node.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddrmanNode")]
pub(crate) struct Node {
    /// The node.
    node: String,
    /// Addresses by network, by getaddrmaninfo.
    networks: Vec<Network>,
    /// What getrawaddrman tells; null if it is not asked.
    entries: Option<Entries>,
    /// Changes that debug.log told of (category addrman), by kind.
    changes: BTreeMap<&'static str, u64>,
}

/// Addresses of a network.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddrmanNetwork")]
pub(crate) struct Network {
    /// The network.
    network: String,
    /// Those that somebody told of.
    new: u64,
    /// Those that the node was connected to.
    tried: u64,
    /// Both.
    total: u64,
}

/// The tables.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddrmanEntries")]
pub(crate) struct Entries {
    /// Entries that somebody told of: an address may be there eight times.
    new: u64,
    /// Entries that the node was connected to.
    tried: u64,
    /// Entries by how long ago somebody was connected to them.
    ages: Vec<Age>,
    /// Network groups of those who told of them, the 20 largest.
    sources: Vec<Source>,
    /// How many autonomous systems they are in; null without a map.
    #[serde(rename = "as")]
    systems: Option<u64>,
}

/// Entries of an age.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddrmanAge")]
pub(crate) struct Age {
    /// The age.
    bucket: &'static str,
    /// In the table of new ones.
    new: u64,
    /// In the table of tried ones.
    tried: u64,
}

/// Who told of entries.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddrmanSource")]
pub(crate) struct Source {
    /// The network group.
    group: String,
    /// How many entries.
    entries: u64,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Addrman;
    const PATH: &'static str = "addrman";
    const TITLE: &'static str = "The address manager";
    const ABOUT: &'static str = "In numbers.";
    const PARAMETERS: &'static [Parameter] = &[NODE];

    fn answer(request: &RequestContext) -> Result<Addrman, ApiError> {
        Ok(Addrman { nodes: request.nodes()?.into_iter().map(|(name, node)| of(name, &node.pages.addrman)).collect() })
    }
}

fn of(name: &str, addrman: &State) -> Node {
    let networks = addrman.networks.iter();
    let entries = addrman.entries.as_ref().map(|entries| {
        let ([new, tried], ages) = (entries.total, AGES.iter().zip(entries.ages));
        Entries {
            new,
            tried,
            ages: ages.map(|((_, bucket), [new, tried])| Age { bucket, new, tried }).collect(),
            sources: entries
                .sources
                .iter()
                .map(|(group, entries)| Source { group: group.clone(), entries: *entries })
                .collect(),
            systems: entries.systems,
        }
    });
    Node {
        node: name.to_owned(),
        networks: networks
            .map(|(network, (new, tried, total))| Network {
                network: network.to_string(),
                new: *new,
                tried: *tried,
                total: *total,
            })
            .collect(),
        entries,
        changes: CHANGES.into_iter().zip(addrman.changes).collect(),
    }
}
