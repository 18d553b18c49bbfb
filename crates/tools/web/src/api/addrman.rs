//! `api/addrman`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter};
use super::values::{Time, nonzero_time};
use crate::state::addrman::{AGES, Addrman as State, CHANGES, Entries as Counted};
use crate::state::node::Node as Observed;
use model::Origin;

pub(crate) struct Endpoint;

/// The address managers of the nodes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Addrman {
    /// The address manager of each node.
    nodes: Vec<Node>,
}

/// The address manager of a node.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddrmanNode")]
pub(crate) struct Node {
    /// Name of the node.
    node: String,
    /// Number of addresses in each network, by getaddrmaninfo.
    networks: Vec<Network>,
    /// When getaddrmaninfo gave these numbers. Null if it did not.
    networks_time: Option<Time>,
    /// The tables, by getrawaddrman. Null if it is not polled.
    entries: Option<Entries>,
    /// The responses of getrawaddrman that are kept, oldest first: the last three, and the first of each hour of a day, fewer if there are many
    /// nodes. `addrman/NODE/columns?time=TIME` has their entries: see [web.md](web.md).
    snapshots: Vec<Snapshot>,
    /// Number of changes by kind since the program started. Null without the category `addrman` of debug.log.
    changes: Option<BTreeMap<&'static str, u64>>,
}

/// Number of addresses in one network.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddrmanNetwork")]
pub(crate) struct Network {
    /// The network.
    network: String,
    /// Addresses in the new table: received from others, not yet connected to.
    new: u64,
    /// Addresses in the tried table: the node has been connected to them.
    tried: u64,
    /// Sum of both.
    total: u64,
    /// Whether the node can connect to addresses of this network, by getnetworkinfo: Bitcoin Core takes no gossiped addresses of others. Null if
    /// that is not known.
    reachable: Option<bool>,
}

/// A response of getrawaddrman that is kept.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddrmanSnapshot")]
pub(crate) struct Snapshot {
    /// When getrawaddrman gave it.
    time: Time,
    /// Number of entries in the new table.
    new: u64,
    /// Number of entries in the tried table.
    tried: u64,
    /// Bytes that it takes in memory, and when it is sent.
    bytes: u64,
}

/// Statistics of the tables of an address manager, by getrawaddrman.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddrmanEntries")]
pub(crate) struct Entries {
    /// When getrawaddrman gave them: by default it is asked for them every five minutes.
    time: Time,
    /// Number of entries in the new table. An address may have up to eight entries there.
    new: u64,
    /// Number of entries in the tried table.
    tried: u64,
    /// Number of entries in the new table that are terrible to Bitcoin Core by their time alone: last seen more than 30 days ago, or more than 10
    /// minutes in the future. Others may be terrible for their failed attempts, which getrawaddrman does not show.
    terrible_new: u64,
    /// Number of such entries in the tried table.
    terrible_tried: u64,
    /// Number of entries by age: the time since the entry's timestamp.
    ages: Vec<Age>,
    /// The 20 network groups from which most entries were received.
    sources: Vec<Source>,
    /// Number of autonomous systems that the entries are in. Null if no map of autonomous systems is available.
    #[serde(rename = "as")]
    systems: Option<u64>,
}

/// Number of entries within a range of ages.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddrmanAge")]
pub(crate) struct Age {
    /// The range, such as `< 1 h`.
    bucket: &'static str,
    /// Entries in the new table.
    new: u64,
    /// Entries in the tried table.
    tried: u64,
}

/// A network group from which entries were received.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddrmanSource")]
pub(crate) struct Source {
    /// The network group.
    group: String,
    /// Number of entries received from it.
    entries: u64,
    /// Number of buckets of the new table that they are in. Bitcoin Core lets one group into 64 of the 1,024; onion and I2P addresses, which are one
    /// here, are 16 groups each.
    buckets: u64,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Addrman;
    const PATH: &'static str = "addrman";
    const TITLE: &'static str = "The address manager";
    const ABOUT: &'static str = "Statistics of the address manager of each node.";
    const PARAMETERS: &'static [Parameter] = &[NODE];

    fn answer(request: &RequestContext) -> Result<Addrman, ApiError> {
        Ok(Addrman { nodes: request.nodes()?.into_iter().map(|(name, node)| of(name, node)).collect() })
    }
}

fn of(name: &str, node: &Observed) -> Node {
    let addrman: &State = &node.pages.addrman;
    let networks = addrman.networks.iter();
    let snapshots = addrman.tables.iter().map(|one| {
        let [new, tried] = one.total;
        Snapshot { time: Time(one.at_ns), new, tried, bytes: one.packed.len() as u64 }
    });
    Node {
        node: name.to_owned(),
        networks: networks
            .map(|(network, (new, tried, total))| Network {
                network: network.to_string(),
                new: *new,
                tried: *tried,
                total: *total,
                reachable: addrman.reachable.get(network).copied(),
            })
            .collect(),
        entries: addrman.entries.as_ref().map(counted),
        snapshots: snapshots.collect(),
        networks_time: nonzero_time(addrman.networks_ns),
        changes: node.model.origins.has(Origin::LogAddrman).then(|| CHANGES.into_iter().zip(addrman.changes).collect()),
    }
}

fn counted(entries: &Counted) -> Entries {
    let ([new, tried], [terrible_new, terrible_tried]) = (entries.total, entries.terrible);
    let ages = AGES.iter().zip(entries.ages);
    let sources = entries.sources.iter().map(|source| Source {
        group: source.group.clone(),
        entries: source.entries,
        buckets: source.buckets,
    });
    Entries {
        time: Time(entries.at_ns),
        new,
        tried,
        terrible_new,
        terrible_tried,
        ages: ages.map(|((_, bucket), [new, tried])| Age { bucket, new, tried }).collect(),
        sources: sources.collect(),
        systems: entries.systems,
    }
}
