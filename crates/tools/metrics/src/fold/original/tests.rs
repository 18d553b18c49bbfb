//! Lists of addresses, which come from files.

use std::fs::write;
use std::sync::Arc;

use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::connection::connection_event::Event;
use event::pb::ebpf_extractor::connection::{Connection, ConnectionEvent, InboundConnection};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{PeerInfo, PeerInfos, Rpc};
use event::{Body, Record};
use networks::SetSource;

use crate::enrichment::{Enrichment, Files};
use crate::fold::Node;
use crate::store::Limits;
use crate::table::{Id, ids};

fn inbound(peer_id: u64, addr: &str) -> Body {
    let conn_type = ConnType::Inbound.into();
    let conn = Connection { peer_id, addr: addr.to_owned(), conn_type, network: 1, conn_type_name: None };
    let event = Some(Event::Inbound(InboundConnection { conn, existing_connections: 1 }));
    Body::EbpfExtractor(Ebpf { ebpf_event: Some(EbpfEvent::Connection(ConnectionEvent { event })) })
}

fn peers(peers: &[(&str, bool)]) -> Body {
    let peer = |(address, inbound): &(&str, bool)| PeerInfo {
        address: (*address).to_owned(),
        inbound: *inbound,
        ..PeerInfo::default()
    };
    let infos = peers.iter().map(peer).collect();
    Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::PeerInfos(PeerInfos { infos })) })
}

fn folded(bodies: impl IntoIterator<Item = Body>, enrichment: &Enrichment) -> Node {
    let mut node = Node::new(Limits::default());
    for (sequence, body) in (1..).zip(bodies) {
        node.fold(&Arc::new(Record::new("alice".into(), 1, sequence, 1_769_860_800_000_000_000, body)), enrichment);
    }
    node
}

#[test]
fn each_list_counts_the_peers_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let list = |name: &str, networks: &str| {
        let path = folder.path().join(name);
        write(&path, networks).unwrap();
        SetSource { name: name.to_owned(), path }
    };
    let sets = vec![
        list("monero_banlist", "198.51.100.0/24\n"),
        list("gmax_banlist", "198.51.100.1\n"),
        list("tor_exit", "2001:db8::1\n"),
        list("bitprojects", "203.0.113.0/24\n"),
    ];
    let enrichment = Enrichment::read(&Files { sets, asmap: None }, None).unwrap();
    let addrs =
        ["198.51.100.1:1", "198.51.100.2:1", "[2001:db8::1]:1", "203.0.113.1:1", "162.218.65.1:1", "a.onion:8333"];

    let node = folded((1..).zip(addrs).map(|(id, addr)| inbound(id, addr)), &enrichment);
    let connections: [(Id, f64); 5] = [
        (ids::CONN_INBOUND, 6.0),
        (ids::CONN_INBOUND_BANLIST_MONERO, 2.0),
        (ids::CONN_INBOUND_BANLIST_GMAX, 1.0),
        (ids::CONN_INBOUND_TOR_EXIT, 1.0),
        (ids::CONN_INBOUND_LIST_LINKINGLION, 1.0),
    ];
    for (id, expected) in connections {
        assert_eq!(node.store().get(id, &[]), Some(expected), "{}", crate::Family::of(id).name);
    }

    let all: Vec<_> = addrs.iter().map(|addr| (*addr, true)).chain([("203.0.113.2:8333", false)]).collect();
    let node = folded([peers(&all)], &enrichment);
    let current: [(Id, &[&str], f64); 7] = [
        (ids::RPC_PEER_INFO_LIST_PEERS_MONERO_BAN, &[], 2.0),
        (ids::RPC_PEER_INFO_LIST_PEERS_GMAX_BAN, &[], 1.0),
        (ids::RPC_PEER_INFO_LIST_PEERS_TOR_EXIT, &[], 1.0),
        (ids::RPC_PEER_INFO_LIST_PEERS_LINKINGLION, &[], 0.0),
        (ids::RPC_PEER_INFO_LIST_PEERS_LINKINGLION_PRE2026, &[], 1.0),
        (ids::RPC_PEER_INFO_LIST_PEERS_BITPROJECTS, &["inbound"], 1.0),
        (ids::RPC_PEER_INFO_LIST_PEERS_BITPROJECTS, &["outbound"], 1.0),
    ];
    for (id, labels, expected) in current {
        assert_eq!(node.store().get(id, labels), Some(expected), "{}", crate::Family::of(id).name);
    }
}
