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
use super::to_us::{self, ToUs};
use super::values::{Steps, Time, nonzero_time, of_seconds, steps};
use crate::state::addresses::{AGES, Addresses as State, SIZES};
use crate::state::names::{direction, network_of_address, services};
use crate::state::node::Node;
use crate::state::series::Window;
use model::Origin;

pub(crate) struct Endpoint;

/// No message may be reported for this long, in nanoseconds, and the series still count as observed.
const QUIET_NS: u64 = 600 * crate::state::series::SECOND;
/// The maximum number of senders in an answer.
const MAX_SENDERS: usize = 50;
/// The maximum number of recent addresses in an answer.
const MAX_RECENT: usize = 100;

const MAP: Parameter = Parameter { name: "map", kind: ParameterKind::Flag, about: "1: include `ipv4_slash16`." };

/// Address gossip: the messages addr and addrv2.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Addresses {
    /// Where the data comes from. `ebpf`: tracepoints report all messages. `log`: debug.log reports how many entries were received, processed and
    /// rate-limited; the rest is null.
    source: &'static str,
    /// Totals since the program started.
    totals: Totals,
    /// Time series.
    series: Series,
    /// Number of entries by network. Null without tracepoints.
    networks: Option<Vec<Network>>,
    /// Received entries by age: the time since the entry's timestamp. Null without tracepoints.
    age: Option<Vec<Age>>,
    /// Received messages by their number of entries. Null without tracepoints.
    sizes: Option<Vec<Size>>,
    /// The 50 peers that sent the most entries.
    senders: Vec<Sender>,
    /// Received IPv4 entries by address range. Null without tracepoints.
    ipv4: Option<Ipv4>,
    /// Number of received entries in each /16 of IPv4: 65,536 bytes in base64, each at most 255. Only with `map=1`, and with tracepoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv4_slash16: Option<String>,
    /// The last 100 entries, newest first, at most ten of each message.
    recent: Vec<Recent>,
    /// What the nodes sent to our own P2P connections. It is counted nowhere else here. Null without one (extractor `p2p`).
    to_us: Option<ToUs>,
}

/// Totals of address gossip since the program started. What no source reports is null.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressTotals")]
pub(crate) struct Totals {
    /// Number of messages received.
    messages_in: Option<u64>,
    /// Number of messages sent.
    messages_out: Option<u64>,
    /// Number of entries received.
    addresses_in: Option<u64>,
    /// Number of entries sent.
    addresses_out: Option<u64>,
    /// Estimated number of distinct addresses received (HyperLogLog, ± 2 %).
    unique_estimate: Option<u64>,
    /// Number of received entries that are the sending peer's own address.
    self_announcements: Option<u64>,
    /// Number of entries that the nodes processed, by debug.log.
    processed: Option<u64>,
    /// Number of entries that the nodes dropped because of rate limiting, by debug.log.
    rate_limited: Option<u64>,
    /// Number of received entries whose timestamp is more than 10 minutes in the future.
    future: Option<u64>,
    /// Number of received entries with reserved addresses, which are not reachable on the internet.
    reserved: Option<u64>,
    /// Number of received entries that are at least 30 days old.
    old: Option<u64>,
}

/// Time series of entries.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressSeries")]
pub(crate) struct Series {
    /// Start of the first step.
    start: Time,
    /// Length of a step, in seconds.
    step_seconds: u64,
    /// Number of entries received.
    #[serde(rename = "in")]
    into: Steps,
    /// Number of entries sent.
    out: Steps,
    /// Number of entries that were rate-limited.
    rate_limited: Steps,
}

/// Number of entries of one network.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressNetwork")]
pub(crate) struct Network {
    /// `ipv4`, `ipv6`, `torv2`, `onion`, `i2p`, `cjdns` or `unknown`.
    network: &'static str,
    /// Number of entries received.
    #[serde(rename = "in")]
    into: u64,
    /// Number of entries sent.
    out: u64,
}

/// Received entries within a range of ages.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressAge")]
pub(crate) struct Age {
    /// The range, such as `< 1 h`.
    pub bucket: &'static str,
    /// Number of entries.
    pub count: u64,
}

/// Received messages within a range of sizes.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressSize")]
pub(crate) struct Size {
    /// The range: how many entries each message has.
    addresses: &'static str,
    /// Number of messages.
    messages: u64,
}

/// A peer that sent addresses.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressSender")]
pub(crate) struct Sender {
    /// Name of the node.
    node: String,
    /// Id of the peer, assigned by the node.
    id: u64,
    /// Address and port of the peer.
    addr: String,
    /// Number of messages that it sent. Null without tracepoints.
    messages: Option<u64>,
    /// Number of entries that it sent.
    addresses: u64,
    /// Number of entries that it sent with its own address. Null without tracepoints.
    self_announcements: Option<u64>,
    /// Number of entries that were rate-limited. Null without getpeerinfo and the category `net` of debug.log.
    rate_limited: Option<u64>,
    /// When it last sent an address message. Null without tracepoints.
    last: Option<Time>,
}

/// Received IPv4 entries by address range.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressIpv4")]
pub(crate) struct Ipv4 {
    /// Number of entries in each /8: 256 values, by the first octet.
    slash8: Vec<u64>,
}

/// An entry of an address message.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressRecent")]
pub(crate) struct Recent {
    /// When the message was sent or received.
    time: Time,
    /// Name of the node.
    node: String,
    /// Id of the peer, assigned by the node.
    id: u64,
    /// `inbound`: sent by the peer; `outbound`: sent by the node.
    direction: &'static str,
    /// The address and its port.
    addr: String,
    /// Network of the address.
    network: &'static str,
    /// Names of the service flags in the entry.
    services: Vec<String>,
    /// The entry's timestamp: when the address was last known to be reachable, according to the sender.
    timestamp: Option<Time>,
    /// Whether it is the sending peer's own address.
    #[serde(rename = "self")]
    own: bool,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Addresses;
    const PATH: &'static str = "addresses";
    const TITLE: &'static str = "Address gossip";
    const ABOUT: &'static str = "Addresses that nodes and peers send each other in addr and addrv2 messages.";
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
        let networks = traced.then(|| networks.collect());
        let of_age = |index: usize| sum(&|state| state.ages.get(index).copied().unwrap_or(0));
        let of_size = |index: usize| sum(&|state| state.sizes.get(index).copied().unwrap_or(0));
        let slash8 = (0..256).map(|index: usize| sum(&|state| state.slash8.get(index).copied().unwrap_or(0))).collect();
        Ok(Addresses {
            source: if traced { "ebpf" } else { "log" },
            totals: totals(&nodes),
            series: series(&states, traced, &window),
            networks,
            age: traced.then(|| {
                AGES.iter().enumerate().map(|(index, (_, bucket))| Age { bucket, count: of_age(index) }).collect()
            }),
            sizes: traced.then(|| {
                let sizes = SIZES.iter().enumerate();
                sizes.map(|(index, (_, name))| Size { addresses: name, messages: of_size(index) }).collect()
            }),
            senders: senders(&nodes),
            ipv4: traced.then_some(Ipv4 { slash8 }),
            ipv4_slash16: (traced && request.arguments.flag(MAP.name)).then(|| map(&states)),
            recent: recent(&nodes),
            to_us: to_us::of(&nodes, &window),
        })
    }
}

fn totals(nodes: &[(&str, &Node)]) -> Totals {
    let traced: Vec<&State> =
        nodes.iter().map(|(_, node)| &node.pages.addresses).filter(|state| state.traced.any()).collect();
    // What debug.log reports, of the nodes that log it.
    let logs = |node: &Node| node.model.origins.has(Origin::LogNet);
    let logged: Vec<&State> =
        nodes.iter().filter(|(_, node)| logs(node)).map(|(_, node)| &node.pages.addresses).collect();
    let sum = |states: &[&State], of: fn(&State) -> u64| {
        (!states.is_empty()).then(|| states.iter().map(|state| of(state)).sum::<u64>())
    };
    let of_traced = |of: fn(&State) -> u64| sum(&traced, of);
    let received = |by_message: fn(&State) -> u64, by_log: fn(&State) -> u64| {
        of_traced(by_message).or_else(|| sum(&logged, by_log))
    };
    let unique = (!traced.is_empty()).then(|| {
        let mut unique = HyperLogLog::default();
        traced.iter().for_each(|state| unique.merge(&state.unique));
        unique.estimate().round() as u64
    });
    Totals {
        messages_in: received(|state| first(state.messages), |state| state.logged_messages),
        messages_out: of_traced(|state| second(state.messages)),
        addresses_in: received(|state| first(state.entries), |state| state.logged),
        addresses_out: of_traced(|state| second(state.entries)),
        unique_estimate: unique,
        self_announcements: of_traced(|state| state.own),
        processed: sum(&logged, |state| state.processed),
        rate_limited: sum(&logged, |state| state.limited),
        future: of_traced(|state| state.future),
        reserved: of_traced(|state| state.reserved),
        old: of_traced(|state| state.old),
    }
}

fn first([first, _]: [u64; 2]) -> u64 {
    first
}

fn second([_, second]: [u64; 2]) -> u64 {
    second
}

fn series(states: &[&State], traced: bool, window: &Window) -> Series {
    let all =
        |of: &dyn Fn(&State, &mut [f64])| steps(window, |values| states.iter().for_each(|state| of(state, values)));
    Series {
        start: Time(window.start_ns()),
        step_seconds: window.step_seconds(),
        into: all(&|state, values| {
            let [received, _] = &state.series;
            let (series, coverage) = if traced {
                (received, state.traced)
            } else {
                (&state.logged_series, state.log_coverage.lasting(QUIET_NS))
            };
            series.add_to(window, coverage, values);
        }),
        out: all(&|state, values| {
            let [_, sent] = &state.series;
            sent.add_to(window, state.traced, values);
        }),
        rate_limited: all(&|state, values| {
            state.limited_series.add_to(window, state.log_coverage.lasting(QUIET_NS), values);
        }),
    }
}

fn senders(nodes: &[(&str, &Node)]) -> Vec<Sender> {
    let peers = nodes.iter().flat_map(|(name, node)| {
        let (traced, logs) = (node.pages.addresses.traced.any(), node.model.origins.has(Origin::LogNet));
        let peers = node.model.peers.open().chain(node.model.peers.closed());
        peers.map(move |peer| (*name, traced, logs, peer))
    });
    let mut senders: Vec<Sender> = peers
        .filter(|(.., peer)| peer.details.addresses.received > 0 || peer.details.addresses.logged > 0)
        .map(|(node, traced, logs, peer)| {
            let gossip = peer.details.addresses;
            let polled = peer.polled.as_ref().map(|polled| polled.addr_rate_limited);
            Sender {
                node: node.to_owned(),
                id: peer.id,
                addr: peer.addr.to_string(),
                messages: traced.then_some(gossip.messages),
                addresses: gossip.received.max(gossip.logged.saturating_add(gossip.logged_limited)),
                self_announcements: traced.then_some(gossip.own),
                rate_limited: polled.max(logs.then_some(gossip.logged_limited)),
                last: nonzero_time(gossip.last_ns),
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
