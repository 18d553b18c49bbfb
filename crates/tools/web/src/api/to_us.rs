//! What the nodes send to our own P2P connections, a part of `api/addresses`.

use std::collections::BTreeMap;

use event::message::AddressNetwork;
use networks::HyperLogLog;
use schemars::JsonSchema;
use serde::Serialize;

use super::addresses::Age;
use super::values::{Steps, Time, of_seconds, steps};
use crate::state::addresses::AGES;
use crate::state::names::{network_of_address, services};
use crate::state::node::Node;
use crate::state::relayed::{Recent, Relayed};
use crate::state::series::Window;

/// The maximum number of recent addresses in an answer.
const MAX_RECENT: usize = 100;

/// Addresses that nodes sent to our own P2P connections since the program started.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressesToUs")]
pub(crate) struct ToUs {
    /// Number of messages.
    messages: u64,
    /// Number of entries.
    addresses: u64,
    /// Estimated number of distinct addresses (HyperLogLog, ± 2 %).
    unique_estimate: u64,
    /// Number of entries that the node had not sent to us before.
    first: u64,
    /// Number of entries that it had.
    repeated: u64,
    /// Number of entries whose timestamp is more than 10 minutes in the future.
    future: u64,
    /// Number of entries by network; networks of which there is none are left out.
    networks: BTreeMap<&'static str, u64>,
    /// Entries by age: the time since the entry's timestamp.
    age: Vec<Age>,
    /// Number of entries per step, as in `series`.
    series: Steps,
    /// Addresses of the nodes' own, as they announce them to us, newest first.
    own: Vec<OwnAddress>,
    /// The last 100 entries, newest first, at most ten of each message.
    recent: Vec<AddressToUs>,
}

/// An address of a node's own, as it announces it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OwnAddress {
    /// Name of the node.
    node: String,
    /// The address and its port.
    addr: String,
    /// When it was last announced.
    last: Time,
}

/// An address that a node sent to our own P2P connection.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AddressToUs {
    /// When it came.
    time: Time,
    /// Name of the node.
    node: String,
    /// The address and its port. Empty if its network is not known.
    addr: String,
    /// Network of the address.
    network: &'static str,
    /// Names of the service flags in the entry.
    services: Vec<String>,
    /// The entry's timestamp: when the address was last known to be reachable, according to the node.
    timestamp: Option<Time>,
    /// How often the node has sent it to us, this time included. Null if that is not known.
    times: Option<u32>,
}

/// What the nodes sent to our own P2P connections; None if there is, and was, none.
pub(super) fn of(nodes: &[(&str, &Node)], window: &Window) -> Option<ToUs> {
    let states: Vec<(&str, &Relayed)> = nodes
        .iter()
        .map(|(name, node)| (*name, &node.pages.relayed))
        .filter(|(_, state)| state.coverage.any())
        .collect();
    if states.is_empty() {
        return None;
    }
    let sum = |of: &dyn Fn(&Relayed) -> u64| states.iter().map(|(_, state)| of(state)).sum::<u64>();
    let of_repeat = |index: usize| sum(&|state| state.repeats.get(index).copied().unwrap_or(0));
    let networks = AddressNetwork::ALL.into_iter().enumerate().map(|(index, network)| {
        (network_of_address(network), sum(&|state| state.networks.get(index).copied().unwrap_or(0)))
    });
    let ages = AGES
        .iter()
        .enumerate()
        .map(|(index, (_, bucket))| Age { bucket, count: sum(&|state| state.ages.get(index).copied().unwrap_or(0)) });
    let mut unique = HyperLogLog::default();
    states.iter().for_each(|(_, state)| unique.merge(&state.unique));
    let own = states.iter().flat_map(|(node, state)| state.own.iter().map(move |own| (*node, own)));
    let mut own: Vec<OwnAddress> = own
        .map(|(node, own)| OwnAddress { node: node.to_owned(), addr: own.addr.to_string(), last: Time(own.last_ns) })
        .collect();
    own.sort_by_key(|own| std::cmp::Reverse(own.last));
    let recent = states.iter().flat_map(|(node, state)| state.recent.iter().map(move |recent| (*node, recent)));
    let mut recent: Vec<_> = recent.collect();
    recent.sort_by_key(|(_, recent)| std::cmp::Reverse(recent.at_ns));
    Some(ToUs {
        messages: sum(&|state| state.messages),
        addresses: sum(&|state| state.networks.iter().sum()),
        unique_estimate: unique.estimate().round() as u64,
        first: of_repeat(0),
        repeated: of_repeat(1),
        future: sum(&|state| state.future),
        networks: networks.filter(|(_, count)| *count > 0).collect(),
        age: ages.collect(),
        series: steps(window, |values| {
            states.iter().for_each(|(_, state)| state.series.add_to(window, state.coverage, values));
        }),
        own,
        recent: recent.into_iter().take(MAX_RECENT).map(|(node, recent)| address(node, recent)).collect(),
    })
}

fn address(node: &str, recent: &Recent) -> AddressToUs {
    AddressToUs {
        time: Time(recent.at_ns),
        node: node.to_owned(),
        addr: recent.addr.to_string(),
        network: network_of_address(recent.network),
        services: services(recent.services),
        timestamp: of_seconds(recent.timestamp),
        times: recent.times,
    }
}
