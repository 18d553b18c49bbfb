//! Who the peers are, by getpeerinfo: by kind, set, autonomous system and group. Our own P2P connection is none of them.

use event::names;
use std::collections::BTreeMap;

use event::Record;
use event::filter::ip_of_peer;
use event::pb::rpc_extractor::PeerInfo;
use event::pb::rpc_extractor::rpc::RpcEvent;
use networks::{Group, group16};

use super::{SECOND, rpc};
use crate::fold::{Context, Observer, Peers};
use crate::ids;
use crate::store::Store;

/// Peers connected for less time may not have had anything to announce.
const LISTEN_ONLY_SECONDS: i64 = 600;

const DIRECTIONS: [&str; 2] = ["inbound", "outbound"];

/// Peers of getpeerinfo.
#[derive(Debug, Default)]
pub(super) struct PeerInfos;

impl Observer<Store> for PeerInfos {
    fn event(&mut self, record: &Record, peers: &mut Peers, context: &mut Context) {
        if let Some(RpcEvent::PeerInfos(infos)) = rpc(record) {
            let is_own = |info: &PeerInfo| peers.get(info.id.into()).is_some_and(|peer| peer.own);
            let infos: Vec<&PeerInfo> = infos.infos.iter().filter(|info| !is_own(info)).collect();
            kinds(&infos, context);
            sets(&infos, context);
            systems(&infos, context);
            groups(&infos, context.sink);
        }
    }
}

fn direction(peer: &PeerInfo) -> &'static str {
    names::direction(peer.inbound)
}

fn kinds(infos: &[&PeerInfo], context: &mut Context) {
    let mut kinds = BTreeMap::<[&str; 4], u32>::new();
    for peer in infos {
        let transport = match &*peer.transport_protocol_type {
            "v1" => "v1",
            "v2" => "v2",
            "detecting" => "detecting",
            _ => names::UNKNOWN,
        };
        let connection_type = names::connection_type(&peer.connection_type);
        *kinds.entry([direction(peer), connection_type, names::network(&peer.network), transport]).or_default() += 1;
    }
    context.sink.set_all(ids::PEERS, kinds.into_iter().map(as_series));
    let now = i64::try_from(context.time_ns / SECOND).unwrap_or(i64::MAX);
    let listen_only = infos.iter().filter(|peer| is_listen_only(peer, now)).count();
    context.sink.set(ids::PEERS_LISTEN_ONLY, &[], listen_only as f64);
}

/// Gets announcements, and neither makes any nor wants what is announced.
fn is_listen_only(peer: &PeerInfo, now: i64) -> bool {
    let none = |bytes: Option<&u64>| bytes.is_none_or(|bytes| *bytes == 0);
    peer.inbound
        && peer.relay_transactions
        && now.saturating_sub(peer.connection_time) >= LISTEN_ONLY_SECONDS
        && !none(peer.bytes_sent_per_message.get("inv"))
        && none(peer.bytes_sent_per_message.get("tx"))
        && none(peer.bytes_received_per_message.get("inv"))
}

fn sets(infos: &[&PeerInfo], context: &mut Context) {
    let enrichment = context.enrichment;
    // Of a set that needs a file and has none, nothing is known.
    let filled = enrichment.sets().filter(|(_, networks)| *networks > 0);
    let none = filled.flat_map(|(name, _)| DIRECTIONS.map(|direction| ([name, direction], 0)));
    let mut sets: BTreeMap<[&str; 2], u32> = none.collect();
    for peer in infos {
        let Some(ip) = ip_of_peer(&peer.address, &peer.network) else { continue };
        for name in enrichment.names(enrichment.sets_of(ip)) {
            *sets.entry([name, direction(peer)]).or_default() += 1;
        }
    }
    context.sink.set_all(ids::PEERS_SET, sets.into_iter().map(as_series));
}

/// Peers of a direction that have IP addresses, by autonomous system. 0: no map knows it.
type Systems = BTreeMap<(&'static str, u32), u32>;

fn systems(infos: &[&PeerInfo], context: &mut Context) {
    let (mut by_node, mut by_file) = (Systems::new(), Systems::new());
    for peer in infos {
        // Other networks have no autonomous systems.
        let Some(ip) = ip_of_peer(&peer.address, &peer.network) else { continue };
        *by_node.entry((direction(peer), peer.mapped_as)).or_default() += 1;
        *by_file.entry((direction(peer), context.enrichment.asn_of(ip).unwrap_or(0))).or_default() += 1;
    }
    let families = [ids::AS_DISTINCT, ids::AS_DIVERSITY, ids::AS_UNMAPPED, ids::AS_LARGEST];
    for id in families {
        context.sink.clear(id);
    }
    let mut all = Vec::new();
    // The node does not report whether it has a map: one that maps nobody is taken to be absent.
    let node_has_map = by_node.keys().any(|(_, asn)| *asn != 0);
    for (map, systems, is_there) in [("node", by_node, node_has_map), ("file", by_file, context.enrichment.has_asmap())]
    {
        if !is_there {
            continue;
        }
        DIRECTIONS.iter().for_each(|direction| spread(&systems, direction, map, context.sink));
        all.extend(systems.into_iter().map(|((direction, asn), peers)| ((asn.to_string(), direction, map), peers)));
    }
    let series = all.iter().map(|((asn, direction, map), peers)| ([&**asn, direction, map], f64::from(*peers)));
    context.sink.set_all(ids::AS_PEERS, series);
}

/// How the peers of a direction are spread over autonomous systems.
fn spread(systems: &Systems, direction: &str, map: &str, store: &mut Store) {
    let of_direction =
        || systems.iter().filter(|((of, _), _)| *of == direction).map(|((_, asn), peers)| (*asn, *peers));
    let mapped = || of_direction().filter(|(asn, _)| *asn != 0).map(|(_, peers)| peers);
    let unmapped: u32 = of_direction().filter(|(asn, _)| *asn == 0).map(|(_, peers)| peers).sum();
    let (distinct, peers) = (mapped().count() as f64, mapped().sum::<u32>());
    let labels = [direction, map];
    store.set(ids::AS_DISTINCT, &labels, distinct);
    store.set(ids::AS_UNMAPPED, &labels, unmapped.into());
    store.set(ids::AS_LARGEST, &labels, mapped().max().unwrap_or(0).into());
    if peers > 0 {
        store.set(ids::AS_DIVERSITY, &labels, distinct / f64::from(peers));
    }
}

fn groups(infos: &[&PeerInfo], store: &mut Store) {
    let mut groups = BTreeMap::<(Group, &str), u32>::new();
    for peer in infos {
        if let Some(ip) = ip_of_peer(&peer.address, &peer.network) {
            *groups.entry((group16(ip), direction(peer))).or_default() += 1;
        }
    }
    for direction in DIRECTIONS {
        let sizes = || groups.iter().filter(|((_, of), _)| *of == direction).map(|(_, peers)| *peers);
        store.set(ids::GROUP_DISTINCT, &[direction], sizes().count() as f64);
        store.set(ids::GROUP_LARGEST, &[direction], sizes().max().unwrap_or(0).into());
    }
    let groups: Vec<_> = groups.iter().map(|((group, of), peers)| (group.to_string(), *of, *peers)).collect();
    store.set_all(ids::GROUP_PEERS, groups.iter().map(|(group, of, peers)| ([&**group, of], f64::from(*peers))));
}

fn as_series<const N: usize>((labels, count): ([&str; N], u32)) -> ([&str; N], f64) {
    (labels, count.into())
}
