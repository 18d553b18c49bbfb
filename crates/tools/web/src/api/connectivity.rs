//! `api/connectivity`.

use std::collections::BTreeMap;

use event::Source as Interface;
use event::message::AddressNetwork;
use model::connectivity::{Claim, OUTCOMES, OWN_CONNECTION, is_reachable, outcome_name};
use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, MINUTES, NODE, Parameter};
use super::values::{Steps, Time, of_seconds, steps};
use crate::state::connectivity::{Connectivity as State, Recent as Attempted, Share};
use crate::state::names::{network_of_address, services};
use crate::state::node::Node;
use crate::state::series::{SECOND, Series as Values, Window};

pub(crate) struct Endpoint;

/// No address may be tried for this long, in nanoseconds, and the series still count as observed.
const QUIET_NS: u64 = 600 * SECOND;
/// The maximum number of sources in an answer, of each list.
const MAX_SOURCES: usize = 50;
/// The maximum number of autonomous systems in an answer.
const MAX_SYSTEMS: usize = 50;
/// The maximum number of attempts in an answer.
const MAX_RECENT: usize = 100;
/// Of so many addresses of a source the outcome must be known, and a node at none of them, for it to be in the list
/// `never`.
const NEVER: u64 = 5;

/// Whether gossiped addresses can be reached.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Connectivity {
    /// Whether the connectivity check runs at present. It is off unless it is asked for, as it is active.
    running: bool,
    /// Totals since the program started.
    totals: Totals,
    /// Addresses tried by network; networks of which none was tried are left out.
    networks: Vec<Network>,
    /// The 50 autonomous systems in which most addresses were tried, if those are known.
    systems: Vec<System>,
    /// The 50 sources that gossiped most addresses.
    sources: Vec<Source>,
    /// The 50 sources that gossiped most addresses of those at whose addresses no node ever answered, at least five
    /// each.
    never: Vec<Source>,
    /// Number of addresses that were not tried, by reason. Null if the check does not report that.
    skipped: Option<BTreeMap<String, u64>>,
    /// Time series.
    series: Series,
    /// The last 100 attempts, newest first.
    recent: Vec<Attempt>,
}

/// Totals of the connectivity check since the program started. Null if no address was tried or heard of.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConnectivityTotals")]
pub(crate) struct Totals {
    /// Number of addresses tried.
    tried: Option<u64>,
    /// Number of those at which a node of the network answered.
    reachable: Option<u64>,
    /// Number of those that speak transport v2.
    v2: Option<u64>,
    /// How often an address was heard of again whose outcome was known.
    known: Option<u64>,
    /// Number of nodes that offer the services that gossip claimed.
    claims_same: Option<u64>,
    /// Number of nodes that do not speak transport v2, although gossip claimed that (service P2P_V2).
    claims_p2p_v2_untrue: Option<u64>,
    /// Number of nodes that offer other services than gossip claimed.
    claims_other: Option<u64>,
}

/// Addresses of one network.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConnectivityNetwork")]
pub(crate) struct Network {
    /// `ipv4`, `ipv6`, `torv2`, `onion`, `i2p`, `cjdns` or `unknown`.
    network: &'static str,
    /// Number of addresses tried.
    tried: u64,
    /// Number of those at which a node answered.
    reachable: u64,
    /// Number of addresses by outcome: `v1` and `v2` are nodes with that transport, the others are `refused`,
    /// `timeout`, `reset`, `unreachable`, `not_bitcoin`, `wrong_network` and `unknown`. Outcomes that did not occur are
    /// left out.
    outcomes: BTreeMap<&'static str, u64>,
}

/// Addresses in one autonomous system.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConnectivitySystem")]
pub(crate) struct System {
    /// Number of the autonomous system.
    asn: u32,
    /// Number of addresses tried.
    tried: u64,
    /// Number of those at which a node answered.
    reachable: u64,
}

/// Who gossiped addresses.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConnectivitySource")]
pub(crate) struct Source {
    /// Name of the node that received them.
    node: String,
    /// Address of the peer, without its port. Null if it was the node itself, to our own P2P connection. Inbound peers
    /// through Tor all have the address of the proxy.
    addr: Option<String>,
    /// Id of the peer that sent them last, assigned by the node. Null if that is not known.
    id: Option<u64>,
    /// Whether it is a Tor exit.
    tor_exit: bool,
    /// Number of addresses whose outcome is known, by an attempt or from before. An address counts each time that it is
    /// gossiped.
    gossiped: u64,
    /// Number of those at which a node answered.
    reachable: u64,
    /// When the last of them was tried or recognised.
    last: Time,
}

/// Time series of attempts.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConnectivitySeries")]
pub(crate) struct Series {
    /// Start of the first step.
    start: Time,
    /// Length of a step, in seconds.
    step_seconds: u64,
    /// Number of addresses tried.
    tried: Steps,
    /// Number of those at which a node answered.
    reachable: Steps,
}

/// An attempt to reach an address.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConnectivityAttempt")]
pub(crate) struct Attempt {
    /// When it was tried.
    time: Time,
    /// Name of the node that heard of it.
    node: String,
    /// The address and its port. Empty if its network is not known.
    addr: String,
    /// Network of the address.
    network: &'static str,
    /// Number of its autonomous system. Null if that is not known.
    asn: Option<u32>,
    /// What came of it, as in `ConnectivityNetwork.outcomes`.
    outcome: &'static str,
    /// Whether a node of the network answered.
    reachable: bool,
    /// What went wrong, as text; empty if nothing did.
    reason: String,
    /// Time from the first packet to the outcome, in seconds.
    seconds: f64,
    /// Address of the peer that gossiped it, without its port. Null if it was the node itself, to our own P2P
    /// connection.
    source: Option<String>,
    /// Id of that peer, assigned by the node. Null if that is not known.
    source_id: Option<u64>,
    /// When somebody was connected to it last, as gossip claims.
    timestamp: Option<Time>,
    /// Names of the services that gossip claims.
    claimed_services: Vec<String>,
    /// Names of the services that the node offers. Null if no node answered.
    services: Option<Vec<String>>,
    /// How both agree: `same`, `p2p_v2_untrue` (gossip claims transport v2, and the node does not speak it) or `other`.
    /// Null if no node answered.
    claim: Option<&'static str>,
    /// User agent of the node. Null if no node answered.
    user_agent: Option<String>,
    /// Height of the node's chain, as it says. Null if no node answered.
    start_height: Option<i32>,
    /// How far the node's clock is before ours, in seconds; negative if it is behind. Null if no node answered.
    clock_offset_seconds: Option<i64>,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Connectivity;
    const PATH: &'static str = "connectivity";
    const TITLE: &'static str = "Whether gossiped addresses can be reached";
    const ABOUT: &'static str =
        "What the connectivity check found out about gossiped addresses, and about those who gossip them.";
    const PARAMETERS: &'static [Parameter] = &[NODE, MINUTES];

    fn answer(request: &RequestContext) -> Result<Connectivity, ApiError> {
        let (nodes, window) = (request.nodes()?, request.window());
        let running = nodes.iter().any(|(_, node)| node.model.liveness.is_up(Interface::Connectivity.name()));
        let states: Vec<&State> = nodes.iter().map(|(_, node)| &node.pages.connectivity).collect();
        let (sources, never) = sources(&nodes);
        Ok(Connectivity {
            running,
            totals: totals(&states),
            networks: networks(&states),
            systems: systems(&states),
            sources,
            never,
            skipped: skipped(&states),
            series: series(&states, &window),
            recent: recent(&nodes),
        })
    }
}

fn totals(states: &[&State]) -> Totals {
    let any = states.iter().any(|state| state.coverage.any() || state.known > 0);
    let sum = |of: &dyn Fn(&State) -> u64| any.then(|| states.iter().map(|state| of(state)).sum::<u64>());
    let outcomes = |wanted: fn(usize) -> bool| {
        sum(&|state| {
            let counts = state.outcomes.iter().flat_map(|counts| counts.iter().enumerate());
            counts.filter(|(place, _)| wanted(*place)).map(|(_, count)| *count).sum()
        })
    };
    let claims = |claim: Claim| sum(&|state| state.claims.get(claim as usize).copied().unwrap_or_default());
    Totals {
        tried: outcomes(|_| true),
        reachable: outcomes(|place| is_reachable(OUTCOMES.get(place).copied())),
        v2: outcomes(|place| OUTCOMES.get(place) == Some(&event::pb::connectivity::Outcome::V2)),
        known: sum(&|state| state.known),
        claims_same: claims(Claim::Same),
        claims_p2p_v2_untrue: claims(Claim::UntrueP2pV2),
        claims_other: claims(Claim::Other),
    }
}

fn networks(states: &[&State]) -> Vec<Network> {
    let of = |(index, network): (usize, AddressNetwork)| {
        let (mut outcomes, mut share) = (BTreeMap::new(), Share::default());
        for counts in states.iter().filter_map(|state| state.outcomes.get(index)) {
            for (place, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                let outcome = OUTCOMES.get(place).copied();
                *outcomes.entry(outcome_name(outcome)).or_default() += count;
                share.tried += count;
                share.reachable += if is_reachable(outcome) { *count } else { 0 };
            }
        }
        let Share { tried, reachable } = share;
        (tried > 0).then_some(Network { network: network_of_address(network), tried, reachable, outcomes })
    };
    AddressNetwork::ALL.into_iter().enumerate().filter_map(of).collect()
}

fn systems(states: &[&State]) -> Vec<System> {
    let mut all: BTreeMap<u32, Share> = BTreeMap::new();
    for (asn, share) in states.iter().flat_map(|state| &state.systems) {
        let sum = all.entry(*asn).or_default();
        sum.tried += share.tried;
        sum.reachable += share.reachable;
    }
    let mut all: Vec<System> =
        all.into_iter().map(|(asn, Share { tried, reachable })| System { asn, tried, reachable }).collect();
    all.sort_by_key(|system| std::cmp::Reverse(system.tried));
    all.truncate(MAX_SYSTEMS);
    all
}

/// Those who gossiped most, and those of them at whose addresses nobody ever was.
fn sources(nodes: &[(&str, &Node)]) -> (Vec<Source>, Vec<Source>) {
    let all = nodes.iter().flat_map(|(node, state)| state.pages.connectivity.sources.iter().map(move |of| (*node, of)));
    let mut all: Vec<_> = all.collect();
    all.sort_by(|(a_node, (a_name, a)), (b_node, (b_name, b))| {
        b.share.tried.cmp(&a.share.tried).then_with(|| (a_node, a_name).cmp(&(b_node, b_name)))
    });
    let of = |(node, (name, source)): &(&str, (&smol_str::SmolStr, &crate::state::connectivity::Source))| Source {
        node: (*node).to_owned(),
        addr: named(name),
        id: source.peer,
        tor_exit: source.tor_exit,
        gossiped: source.share.tried,
        reachable: source.share.reachable,
        last: Time(source.last_ns),
    };
    let never = all.iter().filter(|(_, (_, source))| source.share.reachable == 0 && source.share.tried >= NEVER);
    let never = never.take(MAX_SOURCES).map(of).collect();
    (all.iter().take(MAX_SOURCES).map(of).collect(), never)
}

/// The address of a source; None if it is the node itself.
fn named(source: &str) -> Option<String> {
    (source != OWN_CONNECTION).then(|| source.to_owned())
}

fn skipped(states: &[&State]) -> Option<BTreeMap<String, u64>> {
    let reported: Vec<_> = states.iter().filter_map(|state| state.skipped.as_ref()).collect();
    let mut all = BTreeMap::new();
    for (reason, count) in reported.iter().copied().flatten() {
        *all.entry(reason.to_string()).or_default() += count;
    }
    (!reported.is_empty()).then_some(all)
}

fn series(states: &[&State], window: &Window) -> Series {
    let all = |of: fn(&State) -> &Values| {
        steps(window, |values| {
            states.iter().for_each(|state| of(state).add_to(window, state.coverage.lasting(QUIET_NS), values));
        })
    };
    Series {
        start: Time(window.start_ns()),
        step_seconds: window.step_seconds(),
        tried: all(|state| &state.tried),
        reachable: all(|state| &state.reachable),
    }
}

fn recent(nodes: &[(&str, &Node)]) -> Vec<Attempt> {
    let all = nodes.iter().flat_map(|(node, state)| state.pages.connectivity.recent.iter().map(move |of| (*node, of)));
    let mut all: Vec<(&str, &Attempted)> = all.collect();
    all.sort_by_key(|(_, attempt)| std::cmp::Reverse(attempt.tried_ns));
    all.truncate(MAX_RECENT);
    all.into_iter().map(|(node, attempt)| attempted(node, attempt)).collect()
}

fn attempted(node: &str, attempt: &Attempted) -> Attempt {
    let version = attempt.version.as_ref();
    Attempt {
        time: Time(attempt.tried_ns),
        node: node.to_owned(),
        addr: attempt.addr.to_string(),
        network: network_of_address(attempt.network),
        asn: attempt.asn,
        outcome: attempt.outcome,
        reachable: matches!(attempt.outcome, "v1" | "v2"),
        reason: attempt.reason.to_string(),
        seconds: attempt.duration_ns as f64 / SECOND as f64,
        source: named(&attempt.source),
        source_id: attempt.peer,
        timestamp: of_seconds(attempt.timestamp),
        claimed_services: services(attempt.claimed),
        services: version.map(|version| services(version.services)),
        claim: attempt.claim.map(Claim::name),
        user_agent: version.map(|version| version.user_agent.to_string()),
        start_height: version.map(|version| version.start_height),
        clock_offset_seconds: version.map(|version| version.clock_offset),
    }
}
