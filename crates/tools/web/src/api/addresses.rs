//! `api/addresses`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use event::message::AddressNetwork;
use networks::HyperLogLog;
use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, MINUTES, NODE, Parameter, ParameterKind};
use super::values::{Steps, Time, known as known_time, of_seconds, steps};
use crate::state::addresses::{AGES, Addresses as State, SIZES};
use crate::state::names::{direction, network_of_address, services};
use crate::state::node::Node;
use crate::state::series::Window;

pub(crate) struct Endpoint;

/// So long no message may come without anything being missing.
const QUIET_NS: u64 = 600 * crate::state::series::SECOND;
/// Senders that are told of.
const MAX_SENDERS: usize = 50;
/// Addresses that are told of.
const MAX_RECENT: usize = 100;

const MAP: Parameter = Parameter { name: "map", kind: ParameterKind::Flag, about: "1: with `ipv4_slash16`." };

/// Gossip of addresses (addr and addrv2).
#[derive(Serialize, JsonSchema)]
pub(crate) struct Addresses {
    /// `ebpf`: tracepoints tell of all. `log`: debug.log tells how many were received, taken and refused; the rest is 0.
    source: &'static str,
    /// All together, since the program began.
    totals: Totals,
    /// By time.
    series: Series,
    /// Entries by network.
    networks: Vec<Network>,
    /// Entries that were received, by how long ago somebody was connected to them.
    age: Vec<Age>,
    /// Messages that were received, by how many entries they have.
    sizes: Vec<Size>,
    /// The 50 peers that sent the most.
    senders: Vec<Sender>,
    /// Entries that were received, in the space of IPv4.
    ipv4: Ipv4,
    /// Entries that were received in each /16 of IPv4, up to 255: a byte each, in base64. Only with `map=1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv4_slash16: Option<String>,
    /// The last 100, newest first. Of each message ten at the most.
    recent: Vec<Recent>,
}

/// Gossip, all together.
#[derive(Serialize, JsonSchema, Default)]
#[schemars(rename = "AddressTotals")]
pub(crate) struct Totals {
    /// Messages that were received.
    messages_in: u64,
    /// Messages that were sent.
    messages_out: u64,
    /// Entries that were received.
    addresses_in: u64,
    /// Entries that were sent.
    addresses_out: u64,
    /// How many of those that were received differ (HyperLogLog, ± 2 %).
    unique_estimate: u64,
    /// Entries that are the peer's own address.
    self_announcements: u64,
    /// Entries that the nodes took, by debug.log.
    processed: u64,
    /// Entries that were too many, by debug.log.
    rate_limited: u64,
    /// Entries with a time that is more than 10 minutes ahead.
    future: u64,
    /// Entries with addresses that no one can have on the internet.
    reserved: u64,
    /// Entries that are 30 days old and more.
    old: u64,
}

/// Entries by time.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressSeries")]
pub(crate) struct Series {
    /// Begin of the first step.
    start: Time,
    /// Length of a step.
    step_seconds: u64,
    /// Entries that were received.
    #[serde(rename = "in")]
    into: Steps,
    /// Entries that were sent.
    out: Steps,
    /// Entries that were too many.
    rate_limited: Steps,
}

/// Entries of a network.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressNetwork")]
pub(crate) struct Network {
    /// `ipv4`, `ipv6`, `torv2`, `onion`, `i2p`, `cjdns`, `unknown`.
    network: &'static str,
    /// How many were received.
    #[serde(rename = "in")]
    into: u64,
    /// How many were sent.
    out: u64,
}

/// Entries of an age.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressAge")]
pub(crate) struct Age {
    /// The age.
    bucket: &'static str,
    /// How many.
    count: u64,
}

/// Messages of a size.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressSize")]
pub(crate) struct Size {
    /// How many entries they have.
    addresses: &'static str,
    /// How many messages.
    messages: u64,
}

/// A peer that sends addresses.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressSender")]
pub(crate) struct Sender {
    /// The node.
    node: String,
    /// The node's number of the peer.
    id: u64,
    /// The peer's address.
    addr: String,
    /// Messages that it sent.
    messages: u64,
    /// Entries that it sent.
    addresses: u64,
    /// Entries that were its own address.
    self_announcements: u64,
    /// Entries that were too many.
    rate_limited: u64,
    /// When it last sent some.
    last: Option<Time>,
}

/// The space of IPv4.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressIpv4")]
pub(crate) struct Ipv4 {
    /// Entries by the first number of their address.
    slash8: Vec<u64>,
}

/// An address that went by.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressRecent")]
pub(crate) struct Recent {
    /// When.
    time: Time,
    /// The node.
    node: String,
    /// The node's number of the peer.
    id: u64,
    /// `inbound`: the peer sent it.
    direction: &'static str,
    /// The address and its port.
    addr: String,
    /// Its network.
    network: &'static str,
    /// Names of the services that it is said to offer.
    services: Vec<String>,
    /// When somebody is said to have been connected to it.
    timestamp: Option<Time>,
    /// It is the peer's own address.
    #[serde(rename = "self")]
    own: bool,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Addresses;
    const PATH: &'static str = "addresses";
    const TITLE: &'static str = "Gossip of addresses";
    const ABOUT: &'static str = "";
    const PARAMETERS: &'static [Parameter] = &[NODE, MINUTES, MAP];

    fn answer(request: &RequestContext) -> Result<Addresses, ApiError> {
        let (nodes, window) = (request.nodes()?, request.window());
        let traced = nodes.iter().any(|(_, node)| node.pages.addresses.traced.any());
        let states: Vec<&State> = nodes.iter().map(|(_, node)| &node.pages.addresses).collect();
        let sum = |of: &dyn Fn(&State) -> u64| states.iter().map(|state| of(state)).sum::<u64>();
        let networks = AddressNetwork::ALL.into_iter().enumerate().map(|(index, network)| {
            let of = |side: usize| {
                sum(&|state| state.networks.get(index).and_then(|sides| sides.get(side)).copied().unwrap_or(0))
            };
            Network { network: network_of_address(network), into: of(0), out: of(1) }
        });
        let networks = networks.collect();
        let of_age = |index: usize| sum(&|state| state.ages.get(index).copied().unwrap_or(0));
        let of_size = |index: usize| sum(&|state| state.sizes.get(index).copied().unwrap_or(0));
        let slash8 = (0..256).map(|index: usize| sum(&|state| state.slash8.get(index).copied().unwrap_or(0))).collect();
        Ok(Addresses {
            source: if traced { "ebpf" } else { "log" },
            totals: totals(&states, traced),
            series: series(&states, traced, &window),
            networks,
            age: AGES.iter().enumerate().map(|(index, (_, bucket))| Age { bucket, count: of_age(index) }).collect(),
            sizes: SIZES
                .iter()
                .enumerate()
                .map(|(index, (_, name))| Size { addresses: name, messages: of_size(index) })
                .collect(),
            senders: senders(&nodes),
            ipv4: Ipv4 { slash8 },
            ipv4_slash16: request.arguments.flag(MAP.name).then(|| map(&states)),
            recent: recent(&nodes),
        })
    }
}

fn totals(states: &[&State], traced: bool) -> Totals {
    let mut totals = Totals::default();
    let mut unique = HyperLogLog::default();
    for state in states {
        let ([messages_in, messages_out], [addresses_in, addresses_out]) = (state.messages, state.entries);
        totals.messages_in += if traced { messages_in } else { state.logged_messages };
        totals.messages_out += messages_out;
        totals.addresses_in += if traced { addresses_in } else { state.logged };
        totals.addresses_out += addresses_out;
        totals.self_announcements += state.own;
        totals.processed += state.processed;
        totals.rate_limited += state.limited;
        totals.future += state.future;
        totals.reserved += state.reserved;
        totals.old += state.old;
        unique.merge(&state.unique);
    }
    totals.unique_estimate = unique.estimate().round() as u64;
    totals
}

fn series(states: &[&State], traced: bool, window: &Window) -> Series {
    let all =
        |of: &dyn Fn(&State, &mut [f64])| steps(window, |values| states.iter().for_each(|state| of(state, values)));
    Series {
        start: Time(window.start_ns()),
        step_seconds: window.step_seconds(),
        into: all(&|state, values| {
            let [received, _] = &state.series;
            let (series, known) = if traced {
                (received, state.traced)
            } else {
                (&state.logged_series, state.log_known.lasting(QUIET_NS))
            };
            series.add_to(window, known, values);
        }),
        out: all(&|state, values| {
            let [_, sent] = &state.series;
            sent.add_to(window, state.traced, values);
        }),
        rate_limited: all(&|state, values| {
            state.limited_series.add_to(window, state.log_known.lasting(QUIET_NS), values);
        }),
    }
}

fn senders(nodes: &[(&str, &Node)]) -> Vec<Sender> {
    let peers = nodes.iter().flat_map(|(name, node)| {
        node.model.peers.open().chain(node.model.peers.closed()).map(move |peer| (*name, peer))
    });
    let mut senders: Vec<Sender> = peers
        .filter(|(_, peer)| peer.details.addresses.received > 0 || peer.details.addresses.logged > 0)
        .map(|(node, peer)| {
            let gossip = peer.details.addresses;
            let polled = peer.polled.as_ref().map_or(0, |polled| polled.addr_rate_limited);
            Sender {
                node: node.to_owned(),
                id: peer.id,
                addr: peer.addr.to_string(),
                messages: gossip.messages,
                addresses: gossip.received.max(gossip.logged.saturating_add(gossip.logged_limited)),
                self_announcements: gossip.own,
                rate_limited: polled.max(gossip.logged_limited),
                last: known_time(gossip.last_ns),
            }
        })
        .collect();
    senders.sort_by(|a, b| b.addresses.cmp(&a.addresses).then_with(|| (&a.node, a.id).cmp(&(&b.node, b.id))));
    senders.truncate(MAX_SENDERS);
    senders
}

fn map(states: &[&State]) -> String {
    let mut all = vec![0_u8; 65_536];
    for state in states {
        all.iter_mut().zip(&state.slash16).for_each(|(sum, count)| *sum = sum.saturating_add(*count));
    }
    STANDARD.encode(all)
}

fn recent(nodes: &[(&str, &Node)]) -> Vec<Recent> {
    let all =
        nodes.iter().flat_map(|(name, node)| node.pages.addresses.recent.iter().map(move |recent| (*name, recent)));
    let mut all: BTreeMap<(u64, usize), (&str, &crate::state::addresses::Recent)> =
        all.enumerate().map(|(index, (name, recent))| ((recent.at_ns, index), (name, recent))).collect();
    let mut newest = Vec::new();
    while newest.len() < MAX_RECENT
        && let Some((_, (node, recent))) = all.pop_last()
    {
        newest.push(Recent {
            time: Time(recent.at_ns),
            node: node.to_owned(),
            id: recent.peer,
            direction: direction(recent.inbound),
            addr: recent.addr.to_string(),
            network: recent.network,
            services: services(recent.services),
            timestamp: of_seconds(recent.timestamp),
            own: recent.own,
        });
    }
    newest
}
