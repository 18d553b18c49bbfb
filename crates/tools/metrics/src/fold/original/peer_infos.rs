//! The node's peers, by getpeerinfo.
//!
//! Statistics of no values don't exist: their series go away until there are values again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use event::Record;
use event::filter::ip_of_peer;
use event::pb::rpc_extractor::PeerInfo;
use event::pb::rpc_extractor::rpc::RpcEvent;

use super::{direction, rpc, show};
use crate::enrichment::Enrichment;
use crate::fold::{Context, Observer, Peers};
use crate::store::Store;
use crate::table::{Id, ids};

/// Numbers of peers with some property, and statistics over them.
#[derive(Default)]
pub(super) struct PeerInfos;

/// 1 sat/vB in BTC/kvB.
const ONE_SAT_PER_VBYTE: f64 = 0.00001;

/// Seconds.
const LARGE_TIME_OFFSET: i64 = 10;

/// Seconds.
const LONG_PING_WAIT: f64 = 5.0;

impl Observer<Store> for PeerInfos {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(RpcEvent::PeerInfos(infos)) = rpc(record) else { return };
        let (store, peers) = (&mut *context.sink, &*infos.infos);
        count(store, peers);
        sum(store, peers);
        in_lists(store, context.enrichment, peers);
        by_label(store, peers);
        statistics(store, peers);
    }
}

/// Peers that have some property.
fn count(store: &mut Store, peers: &[PeerInfo]) {
    type Property = fn(&PeerInfo) -> bool;
    let properties: [(Id, Property); 10] = [
        (ids::RPC_PEER_INFO_NUM_PEERS, |_| true),
        (ids::RPC_PEER_INFO_ADDR_RATELIMITED_PEERS, |peer| peer.addr_rate_limited > 0),
        (ids::RPC_PEER_INFO_TIMEOFFSET_PLUS10S, |peer| peer.time_offset > LARGE_TIME_OFFSET),
        (ids::RPC_PEER_INFO_TIMEOFFSET_MINUS10S, |peer| peer.time_offset < -LARGE_TIME_OFFSET),
        (ids::RPC_PEER_INFO_BIP152_HIGHBANDWIDTH_TO, |peer| peer.bip152_hb_to),
        (ids::RPC_PEER_INFO_BIP152_HIGHBANDWIDTH_FROM, |peer| peer.bip152_hb_from),
        (ids::RPC_PEER_INFO_ADDR_RELAY_ENABLED_PEERS, |peer| peer.addr_relay_enabled),
        (ids::RPC_PEER_INFO_INFLIGHT_BLOCK_PEERS, |peer| !peer.inflight.is_empty()),
        (ids::RPC_PEER_INFO_PING_WAIT_LARGER_5_SECONDS_BLOCK_PEERS, |peer| peer.ping_wait > LONG_PING_WAIT),
        (ids::RPC_PEER_INFO_SUB1SATVB_RELAY, relays_cheap_transactions),
    ];
    for (id, property) in properties {
        store.set(id, &[], peers.iter().filter(|peer| property(peer)).count() as f64);
    }
}

fn relays_cheap_transactions(peer: &PeerInfo) -> bool {
    peer.relay_transactions
        && peer.minfeefilter < ONE_SAT_PER_VBYTE
        && (peer.bytes_sent_per_message.contains_key("tx") || peer.bytes_received_per_message.contains_key("tx"))
}

/// Numbers that are summed over all peers.
fn sum(store: &mut Store, peers: &[PeerInfo]) {
    let sum = |of: fn(&PeerInfo) -> u64| peers.iter().map(|peer| of(peer) as f64).sum();
    store.set(ids::RPC_PEER_INFO_ADDR_RATELIMITED_TOTAL, &[], sum(|peer| peer.addr_rate_limited));
    store.set(ids::RPC_PEER_INFO_ADDR_PROCESSED_TOTAL, &[], sum(|peer| peer.addr_processed));
    let heights: BTreeSet<u64> = peers.iter().flat_map(|peer| &peer.inflight).copied().collect();
    store.set(ids::RPC_PEER_INFO_INFLIGHT_DISTINCT_BLOCKS_HEIGHTS, &[], heights.len() as f64);
}

/// Peers whose address is in a set. Of an empty one, which a file was not given for, nothing is known.
fn in_lists(store: &mut Store, enrichment: &Enrichment, peers: &[PeerInfo]) {
    let sets =
        |peer: &PeerInfo| ip_of_peer(&peer.address, &peer.network).map(|ip| enrichment.sets_of(ip)).unwrap_or_default();
    let listed: Vec<_> = peers.iter().map(|peer| (sets(peer), peer.inbound)).filter(|(s, _)| !s.is_empty()).collect();
    for (list, id) in [
        ("gmax_banlist", ids::RPC_PEER_INFO_LIST_PEERS_GMAX_BAN),
        ("monero_banlist", ids::RPC_PEER_INFO_LIST_PEERS_MONERO_BAN),
        ("tor_exit", ids::RPC_PEER_INFO_LIST_PEERS_TOR_EXIT),
        ("linkinglion", ids::RPC_PEER_INFO_LIST_PEERS_LINKINGLION),
        ("linkinglion_pre2026", ids::RPC_PEER_INFO_LIST_PEERS_LINKINGLION_PRE2026),
    ] {
        let of = listed.iter().filter(|(sets, _)| enrichment.is_in(*sets, list));
        show(store, id, &[], enrichment.has(list).then(|| of.count() as f64));
    }
    for inbound in [true, false] {
        let of = listed.iter().filter(|(sets, way)| *way == inbound && enrichment.is_in(*sets, "bitprojects"));
        store.set(ids::RPC_PEER_INFO_LIST_PEERS_BITPROJECTS, &[direction(inbound)], of.count() as f64);
    }
}

/// Peers by something that has many values.
fn by_label(store: &mut Store, peers: &[PeerInfo]) {
    by_text(store, ids::RPC_PEER_INFO_TRANSPORT_PROTOCOL_TYPE_PEERS, peers, |peer| &peer.transport_protocol_type);
    by_text(store, ids::RPC_PEER_INFO_NETWORK_PEERS, peers, |peer| &peer.network);
    by_text(store, ids::RPC_PEER_INFO_CONNECTION_TYPE_PEERS, peers, |peer| &peer.connection_type);
    by_number(store, ids::RPC_PEER_INFO_PROTOCOL_VERSION_PEERS, peers, |peer| peer.version);
    by_number(store, ids::RPC_PEER_INFO_ASN_PEERS, peers, |peer| peer.mapped_as);
}

fn by_text(store: &mut Store, id: Id, peers: &[PeerInfo], of: fn(&PeerInfo) -> &str) {
    let mut counts = BTreeMap::<&str, u64>::new();
    peers.iter().for_each(|peer| *counts.entry(of(peer)).or_default() += 1);
    store.set_all(id, counts.iter().map(|(value, count)| ([*value], *count as f64)));
}

fn by_number(store: &mut Store, id: Id, peers: &[PeerInfo], of: fn(&PeerInfo) -> u32) {
    let mut counts = BTreeMap::<u32, u64>::new();
    peers.iter().for_each(|peer| *counts.entry(of(peer)).or_default() += 1);
    let counts: Vec<(String, u64)> = counts.into_iter().map(|(value, count)| (value.to_string(), count)).collect();
    store.set_all(id, counts.iter().map(|(value, count)| ([value.as_str()], *count as f64)));
}

/// Means, medians, extremes.
fn statistics(store: &mut Store, peers: &[PeerInfo]) {
    // The node says 0 as long as there was no ping.
    let pings = |of: fn(&PeerInfo) -> f64| peers.iter().map(of).filter(|ping| *ping > 0.0).map(|ping| ping * 1_000.0);
    let ping = Spread::of(pings(|peer| peer.ping_time));
    show(store, ids::RPC_PEER_INFO_PING_MEDIAN, &[], ping.as_ref().map(|ping| ping.median));
    show(store, ids::RPC_PEER_INFO_PING_MEAN, &[], ping.as_ref().map(|ping| ping.mean));
    let minping = Spread::of(pings(|peer| peer.minimum_ping));
    show(store, ids::RPC_PEER_INFO_MINPING_MEDIAN, &[], minping.as_ref().map(|ping| ping.median));
    show(store, ids::RPC_PEER_INFO_MINPING_MEAN, &[], minping.as_ref().map(|ping| ping.mean));

    let relaying = peers.iter().filter(|peer| peer.relay_transactions);
    let invs = Spread::of(relaying.filter_map(PeerInfo::reported_inv_to_send).map(|waiting| waiting as f64));
    show(store, ids::RPC_PEER_INFO_INVTOSEND_SUM, &[], invs.as_ref().map(|invs| invs.sum));
    show(store, ids::RPC_PEER_INFO_INVTOSEND_MAX, &[], invs.as_ref().map(|invs| invs.max));
    show(store, ids::RPC_PEER_INFO_INVTOSEND_MEDIAN, &[], invs.as_ref().map(|invs| invs.median));
    show(store, ids::RPC_PEER_INFO_INVTOSEND_MEAN, &[], invs.as_ref().map(|invs| invs.mean));
    show(store, ids::RPC_PEER_INFO_INVTOSEND_MIN, &[], invs.as_ref().map(|invs| invs.min));

    let loads = Spread::of(peers.iter().filter_map(PeerInfo::reported_cpu_load));
    show(store, ids::RPC_PEER_INFO_CPULOAD_SUM, &[], loads.as_ref().map(|loads| loads.sum));
    show(store, ids::RPC_PEER_INFO_CPULOAD_MAX, &[], loads.as_ref().map(|loads| loads.max));
    show(store, ids::RPC_PEER_INFO_CPULOAD_MEDIAN, &[], loads.as_ref().map(|loads| loads.median));
    show(store, ids::RPC_PEER_INFO_CPULOAD_MEAN, &[], loads.as_ref().map(|loads| loads.mean));
    show(store, ids::RPC_PEER_INFO_CPULOAD_MIN, &[], loads.as_ref().map(|loads| loads.min));

    show(store, ids::RPC_PEER_INFO_CONNECTION_DIVSERITY_INBOUND_IPV4, &[], diversity(peers));
}

/// Distinct /16 of inbound IPv4 peers, divided by their number.
fn diversity(peers: &[PeerInfo]) -> Option<f64> {
    let inbound = peers.iter().filter(|peer| peer.inbound && peer.network == "ipv4");
    let mut nets: Vec<[u8; 2]> = inbound
        .filter_map(|peer| match ip_of_peer(&peer.address, &peer.network)? {
            IpAddr::V4(ip) => ip.octets().first_chunk().copied(),
            IpAddr::V6(_) => None,
        })
        .collect();
    let number = nets.len();
    nets.sort_unstable();
    nets.dedup();
    (number > 0).then(|| nets.len() as f64 / number as f64)
}

/// How some values are spread.
struct Spread {
    sum: f64,
    max: f64,
    median: f64,
    mean: f64,
    min: f64,
}

impl Spread {
    /// None of no values.
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let upper = *values.get(values.len() / 2)?;
        let lower = *values.get((values.len() - 1) / 2)?;
        let sum: f64 = values.iter().sum();
        Some(Self { sum, max, median: f64::midpoint(lower, upper), mean: sum / values.len() as f64, min })
    }
}
