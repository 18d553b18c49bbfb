//! What the names don't say.

use std::sync::Arc;

use event::pb::bitcoin_primitives::ConnType;
use event::pb::bitcoin_primitives::address::Address as Named;
use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::ebpf_extractor::connection::connection_event::Event as ConnectionArm;
use event::pb::ebpf_extractor::connection::{ClosedConnection, InboundConnection, OutboundConnection};
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::ebpf_extractor::message::{Addr, AddrV2, Ping, Reject, Version};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{
    AddrManInfo, AddrManInfoNetwork, BlockchainInfo, ChainTxStats, EstimateSmartFee, PeerInfo,
};
use event::{NodeNames, Record};
use metrics::{Enrichment, Limits, Node, ids};
use proptest::prelude::*;

use super::events::{Feed, START, START_NS, address, connection, inv, message, peer, peers, rpc};
use super::sequence::{self, LIONS, addrman, entry, orphan, orphans, table};

const ALICE: &str = "203.0.113.7:51234";

#[test]
fn messages_count_by_the_number_of_their_connection_type() {
    let mut feed = Feed::default();
    feed.fold(message(true, ALICE, "getaddr", 3, Msg::Getaddr(true)));
    feed.fold(message(true, ALICE, "getaddr", 4, Msg::Getaddr(true)));
    feed.fold(message(false, ALICE, "getaddr", 5, Msg::Getaddr(true)));
    assert_eq!(feed.get(ids::P2P_MESSAGE_COUNT, &["getaddr", "1", "inbound"]), 2.0);
    assert_eq!(feed.get(ids::P2P_MESSAGE_BYTES, &["getaddr", "1", "inbound"]), 7.0);
    assert_eq!(feed.get(ids::P2P_MESSAGE_BYTES, &["getaddr", "1", "outbound"]), 5.0);
}

#[test]
fn times_of_addresses_lie_in_the_past_up_to_the_second_of_the_message() {
    let mut feed = Feed::default();
    let times = [START, START - 1, START - 2, START - 3, 0, START + 1, START + 4_000];
    let addresses = times.map(|time| address(time, 0, Named::Ipv4("192.0.2.1".into()))).into();
    feed.fold(message(true, ALICE, "addr", 0, Msg::Addr(Addr { addresses })));
    let past = feed.histogram(ids::P2P_ADDR_TIMESTAMP_OFFSET_SECONDS, &["inbound", "past"]);
    assert_eq!(past.counts[..4], [1, 1, 1, 1], "0, 1, 2, and up to 4 seconds");
    assert_eq!(past.counts.last(), Some(&1), "longer ago than all bounds");
    assert_eq!(past.sum, 6.0 + f64::from(START));
    let future = feed.histogram(ids::P2P_ADDR_TIMESTAMP_OFFSET_SECONDS, &["inbound", "future"]);
    assert_eq!((future.counts[1], future.counts[13], future.sum), (1, 1, 4_001.0), "1, and up to 4096 seconds");
    assert_eq!(feed.get(ids::P2P_ADDRV2_TIMESTAMP_OFFSET_SECONDS, &["inbound", "past"]), 0.0);
    assert_eq!(feed.histogram(ids::P2P_ADDR_ADDRESSES, &["inbound"]).sum, 7.0);
}

#[test]
fn services_count_whole_and_by_bit() {
    let mut feed = Feed::default();
    let services = [0, 1, 1033, 1033, 1033, u64::MAX];
    let addresses = services.map(|services| address(START, services, Named::Ipv4("192.0.2.1".into()))).into();
    feed.fold(message(false, ALICE, "addrv2", 0, Msg::Addrv2(AddrV2 { addresses })));
    for (flags, count) in [("0", 1.0), ("1", 1.0), ("1033", 3.0), ("18446744073709551615", 1.0)] {
        assert_eq!(feed.get(ids::P2P_ADDRV2_SERVICES, &["outbound", flags]), count, "{flags}");
    }
    let bits = feed.histogram(ids::P2P_ADDRV2_SERVICES_BITS, &["outbound"]);
    for (bit, count) in [(0, 5), (1, 1), (3, 4), (10, 4), (63, 1), (64, 0)] {
        assert_eq!(bits.counts[bit], count, "bit {bit}");
    }
    assert_eq!(bits.counts.iter().sum::<u64>(), 1 + 3 * 3 + 64);
}

#[test]
fn announcements_of_oneself_and_of_neighbours() {
    let table = [
        (ALICE, Named::Ipv4("203.0.113.7".into()), "IPv4", 1.0, 1.0),
        (ALICE, Named::Ipv4("203.0.113.70".into()), "IPv4", 0.0, 1.0),
        (ALICE, Named::Ipv4("203.0.114.7".into()), "IPv4", 0.0, 0.0),
        ("[2001:db8::7]:8333", Named::Ipv6("2001:db8::7".into()), "IPv6", 1.0, 1.0),
        ("[2001:db8::7]:8333", Named::Ipv6("2001:db8:0:0:ffff::1".into()), "IPv6", 0.0, 1.0),
        ("[2001:db8::7]:8333", Named::Ipv6("2001:db8:0:1::7".into()), "IPv6", 0.0, 0.0),
        ("[fc00::7]:8333", Named::Cjdns("fc00::7".into()), "CJDNS", 1.0, 1.0),
        ("[::ffff:203.0.113.7]:8333", Named::Ipv4("203.0.113.7".into()), "IPv4", 1.0, 1.0),
        (ALICE, Named::Ipv4("no address".into()), "IPv4", 0.0, 0.0),
        ("a.onion:8333", Named::Torv3("a.onion".into()), "TorV3", -1.0, -1.0),
    ];
    for (peer, named, network, itself, neighbours) in table {
        let mut feed = Feed::default();
        let what = format!("{named:?} of {peer}");
        let addresses = vec![address(START, 1, named)];
        feed.fold(message(true, peer, "addrv2", 0, Msg::Addrv2(AddrV2 { addresses })));
        assert_eq!(feed.get(ids::P2P_ADDRESS_SELFANNOUNCEMENTS, &[network, "inbound"]), itself, "{what}");
        assert_eq!(feed.get(ids::P2P_ADDRESS_SUBNETANNOUNCEMENTS, &[network, "inbound"]), neighbours, "{what}");
    }
}

#[test]
fn pings_by_the_type_that_holds_the_nonce() {
    let table = [
        (0, "0"),
        (1, "u8"),
        (0xff, "u8"),
        (0x100, "u16"),
        (0xffff, "u16"),
        (0x1_0000, "u32"),
        (0xffff_ffff, "u32"),
        (0x1_0000_0000, "u64"),
        (u64::MAX, "u64"),
    ];
    for (value, class) in table {
        let mut feed = Feed::default();
        feed.fold(message(true, ALICE, "ping", 8, Msg::Ping(Ping { value })));
        feed.fold(message(false, ALICE, "ping", 8, Msg::Ping(Ping { value })));
        assert_eq!(feed.get(ids::P2P_PING_INBOUND_VALUE, &[class]), 1.0, "{value}");
    }
}

#[test]
fn oddities_by_where_they_come_from() {
    let table = [
        (ALICE, "203.0.113.0", "203.0.113.7"),
        ("[2001:db8:1:2:3:4:5:6]:8333", "2001:db8:1:2::", "2001:db8:1:2:3:4:5:6"),
        ("abc.onion:8333", "abc.onion", "abc.onion"),
    ];
    for (addr, subnet, ip) in table {
        let mut feed = Feed::default();
        feed.fold(message(true, addr, "ping", 0, Msg::Oldping(true)));
        feed.fold(message(true, addr, "addrv2", 0, Msg::Emptyaddrv2(true)));
        assert_eq!(feed.labels(ids::P2P_OLDPING_SUBNET), [subnet]);
        assert_eq!(feed.get(ids::P2P_ADDRV2_EMPTY, &["inbound", ip]), 1.0, "{addr}");
        assert_eq!(feed.get(ids::P2P_ADDRV2_ADDRESSES, &["inbound"]), 0.0, "not even an empty list");
    }
}

#[test]
fn only_what_peers_say_counts_as_theirs() {
    let mut feed = Feed::default();
    for (inbound, user_agent) in [(true, "/theirs/"), (false, "/ours/")] {
        let version = Version { user_agent: user_agent.into(), ..Version::default() };
        feed.fold(message(inbound, ALICE, "version", 0, Msg::Version(version)));
        let reject = Reject { rejected_command: user_agent.into(), reason: 1, ..Reject::default() };
        feed.fold(message(inbound, ALICE, "reject", 0, Msg::Reject(reject)));
    }
    assert_eq!(feed.labels(ids::P2P_VERSION_USERAGENT), ["/theirs/"]);
    assert_eq!(feed.labels(ids::P2P_REJECT_MESSAGE), ["/theirs/"]);
    assert_eq!(feed.get(ids::P2P_REJECT_MESSAGE, &["/theirs/", "INVALID"]), 1.0);
}

#[test]
fn linkinglion_by_its_old_and_its_new_ranges() {
    for (addr, listed) in [(LIONS[0], true), (LIONS[1], true), (ALICE, false)] {
        let mut feed = Feed::default();
        let version = Version { user_agent: "/Satoshi:0.7.0/".into(), ..Version::default() };
        feed.fold(message(true, addr, "version", 100, Msg::Version(version)));
        feed.fold(message(false, addr, "ping", 8, Msg::Ping(Ping { value: 1 })));
        let conn = peer(ConnType::Inbound, addr, 1);
        let opened = InboundConnection { conn, existing_connections: 1 };
        feed.fold(connection(ConnectionArm::Inbound(opened)));
        let count = if listed { 1.0 } else { -1.0 };
        assert_eq!(feed.get(ids::P2P_MESSAGE_COUNT_LINKINGLION, &["version", "inbound"]), count, "{addr}");
        let bytes = if listed { 8.0 } else { -1.0 };
        assert_eq!(feed.get(ids::P2P_MESSAGE_BYTES_LINKINGLION, &["ping", "outbound"]), bytes, "{addr}");
        assert_eq!(feed.labels(ids::P2P_VERSION_USERAGENT), [if listed { "LinkingLion" } else { "/Satoshi:0.7.0/" }]);
        assert_eq!(feed.get(ids::CONN_INBOUND_LIST_LINKINGLION, &[]), f64::from(listed));
    }
}

#[test]
fn invs_of_one_type_of_several_and_large_ones() {
    let tx = || Item::Wtx(vec![1; 32].into());
    let block = || Item::Block(vec![2; 32].into());
    // Direction, transactions and blocks; homogeneous, heterogeneous, large.
    let table = [
        (true, 0, 0, [0.0, 0.0, 0.0]),
        (true, 1, 0, [1.0, 0.0, 0.0]),
        (true, 36, 0, [1.0, 0.0, 0.0]),
        (true, 1, 1, [0.0, 1.0, 0.0]),
        (false, 35, 0, [1.0, 0.0, 0.0]),
        (false, 36, 0, [1.0, 0.0, 1.0]),
        (false, 20, 20, [0.0, 1.0, 1.0]),
    ];
    for (inbound, txs, blocks, expected) in table {
        let mut feed = Feed::default();
        let items = (0..txs).map(|_| tx()).chain((0..blocks).map(|_| block()));
        feed.fold(inv(inbound, items));
        let direction = if inbound { "inbound" } else { "outbound" };
        let found = [
            feed.get(ids::P2P_INVS_HOMOGENEOUS, &[direction]),
            feed.get(ids::P2P_INVS_HETEROGENEOUS, &[direction]),
            feed.get(ids::P2P_INVS_OUTBOUND_LARGE, &[]),
        ];
        assert_eq!(found, expected, "{direction} {txs} {blocks}");
        assert_eq!(feed.get(ids::P2P_INV_ENTRIES, &[direction, "WTx"]), f64::from(txs));
        assert_eq!(feed.get(ids::P2P_INV_ENTRIES, &[direction, "Block"]), f64::from(blocks));
        assert_eq!(feed.histogram(ids::P2P_INV_ENTRIES_HISTOGRAM, &[direction]).sum, f64::from(txs + blocks));
    }
}

#[test]
fn connections_open_and_their_ages() {
    let opened = |existing_connections| {
        let conn = peer(ConnType::Inbound, ALICE, 1);
        connection(ConnectionArm::Inbound(InboundConnection { conn, existing_connections }))
    };
    let closed = |conn_type, time_established| {
        let conn = peer(conn_type, ALICE, 1);
        connection(ConnectionArm::Closed(ClosedConnection { conn, time_established }))
    };
    let mut feed = Feed::default();
    feed.fold(closed(ConnType::Inbound, 0));
    assert_eq!(feed.get(ids::CONN_INBOUND_CURRENT, &[]), -1.0, "the node has not reported it yet");
    feed.fold(opened(2));
    assert_eq!(feed.get(ids::CONN_INBOUND_CURRENT, &[]), 2.0);
    feed.fold(closed(ConnType::Inbound, u64::from(START) - 60));
    feed.fold(closed(ConnType::Feeler, u64::from(START) - 5));
    assert_eq!(feed.get(ids::CONN_INBOUND_CURRENT, &[]), 1.0);
    for _ in 0..3 {
        feed.fold(closed(ConnType::Inbound, u64::MAX));
    }
    assert_eq!(feed.get(ids::CONN_INBOUND_CURRENT, &[]), 0.0);
    assert_eq!(feed.get(ids::CONN_CLOSED_AGE, &[]), 65.0, "without those of unknown age and from the future");
    assert_eq!(feed.get(ids::CONN_CLOSED_NETWORK, &["1"]), 6.0);
    for name in [None, Some("private-broadcast"), Some("manual")] {
        let conn = peer(ConnType::Unknown, ALICE, 9);
        let conn = event::pb::ebpf_extractor::connection::Connection { conn_type_name: name.map(Into::into), ..conn };
        feed.fold(connection(ConnectionArm::Outbound(OutboundConnection { conn, existing_connections: 11 })));
    }
    assert_eq!(feed.get(ids::CONN_PRIVATE_TRANSACTION_BROADCAST, &[]), 1.0);
    assert_eq!(feed.get(ids::CONN_OUTBOUND_NETWORK, &["9"]), 3.0, "a network of the future");
}

fn pinged(ping_time: f64) -> PeerInfo {
    PeerInfo { ping_time, minimum_ping: ping_time / 2.0, ..PeerInfo::default() }
}

#[test]
fn pings_of_peers_are_milliseconds_and_0_is_none() {
    let mut feed = Feed::default();
    feed.fold(peers([0.0, 0.5, 0.0, 0.25, 1.5].map(pinged).into()));
    assert_eq!(feed.get(ids::RPC_PEER_INFO_PING_MEDIAN, &[]), 500.0);
    assert_eq!(feed.get(ids::RPC_PEER_INFO_PING_MEAN, &[]), 750.0);
    feed.fold(peers([0.25, 0.5, f64::NAN].map(pinged).into()));
    assert_eq!(feed.get(ids::RPC_PEER_INFO_PING_MEDIAN, &[]), 375.0);
    assert_eq!(feed.get(ids::RPC_PEER_INFO_MINPING_MEDIAN, &[]), 187.5);
    feed.fold(peers(vec![pinged(0.0)]));
    assert_eq!(feed.get(ids::RPC_PEER_INFO_PING_MEDIAN, &[]), -1.0, "no ping has no median");
}

#[test]
fn peers_that_relay_below_1_satoshi_per_vbyte() {
    let peer = |relay_transactions, minfeefilter, sent: &str, received: &str| PeerInfo {
        relay_transactions,
        minfeefilter,
        bytes_sent_per_message: [(sent.to_owned(), 1)].into(),
        bytes_received_per_message: [(received.to_owned(), 1)].into(),
        ..PeerInfo::default()
    };
    let table = [
        (peer(true, 0.000001, "tx", "inv"), 1.0),
        (peer(true, 0.000001, "inv", "tx"), 1.0),
        (peer(true, 0.000001, "inv", "inv"), 0.0),
        (peer(true, 0.00001, "tx", "tx"), 0.0),
        (peer(false, 0.000001, "tx", "tx"), 0.0),
    ];
    for (peer, expected) in table {
        let mut feed = Feed::default();
        feed.fold(peers(vec![peer.clone()]));
        assert_eq!(feed.get(ids::RPC_PEER_INFO_SUB1SATVB_RELAY, &[]), expected, "{peer:?}");
    }
}

#[test]
fn diversity_is_that_of_inbound_ipv4_peers() {
    let peer = |inbound, network: &str, address: &str| PeerInfo {
        inbound,
        network: network.into(),
        address: address.into(),
        ..PeerInfo::default()
    };
    let mut feed = Feed::default();
    feed.fold(peers(vec![
        peer(true, "ipv4", "203.0.113.7:1"),
        peer(true, "ipv4", "203.0.1.7:1"),
        peer(true, "ipv4", "198.51.100.7:1"),
        peer(true, "ipv4", "198.51.101.7:1"),
        peer(false, "ipv4", "192.0.2.7:8333"),
        peer(true, "ipv6", "[2001:db8::1]:1"),
        peer(true, "onion", "127.0.0.1:1"),
    ]));
    assert_eq!(feed.get(ids::RPC_PEER_INFO_CONNECTION_DIVSERITY_INBOUND_IPV4, &[]), 0.5);
    feed.fold(peers(vec![]));
    assert_eq!(feed.get(ids::RPC_PEER_INFO_CONNECTION_DIVSERITY_INBOUND_IPV4, &[]), -1.0);
}

#[test]
fn queues_count_where_transactions_are_wanted_and_blocks_once() {
    let peer = |relay_transactions, inv_to_send, inflight: &[u64]| PeerInfo {
        relay_transactions,
        inv_to_send,
        inflight: inflight.to_vec(),
        ..PeerInfo::default()
    };
    let mut feed = Feed::default();
    feed.fold(peers(vec![
        peer(true, 10, &[1, 2]),
        peer(true, 20, &[2, 3, 4]),
        peer(false, 0, &[]),
        peer(false, 99, &[4]),
    ]));
    for (id, expected) in [
        (ids::RPC_PEER_INFO_INVTOSEND_SUM, 30.0),
        (ids::RPC_PEER_INFO_INVTOSEND_MAX, 20.0),
        (ids::RPC_PEER_INFO_INVTOSEND_MEDIAN, 15.0),
        (ids::RPC_PEER_INFO_INVTOSEND_MEAN, 15.0),
        (ids::RPC_PEER_INFO_INVTOSEND_MIN, 10.0),
        (ids::RPC_PEER_INFO_INFLIGHT_BLOCK_PEERS, 3.0),
        (ids::RPC_PEER_INFO_INFLIGHT_DISTINCT_BLOCKS_HEIGHTS, 4.0),
    ] {
        assert_eq!(feed.get(id, &[]), expected, "{}", metrics::Family::of(id).name);
    }
    // An empty queue is one where the node reports queues; of older nodes nothing is known.
    for (last_inv_sequence, sum) in [(Some(7), 0.0), (None, -1.0)] {
        let mut feed = Feed::default();
        feed.fold(peers(vec![PeerInfo { last_inv_sequence, ..peer(true, 0, &[]) }]));
        assert_eq!(feed.get(ids::RPC_PEER_INFO_INVTOSEND_SUM, &[]), sum);
        assert_eq!(feed.get(ids::RPC_PEER_INFO_INVTOSEND_MIN, &[]), sum);
    }
}

#[test]
fn what_the_node_does_not_report_is_absent() {
    let mut feed = Feed::default();
    let load = |cpu_load| PeerInfo { cpu_load, ..PeerInfo::default() };
    feed.fold(peers(vec![load(0.0), load(0.0)]));
    feed.fold(rpc(RpcEvent::BlockchainInfo(BlockchainInfo::default())));
    feed.fold(rpc(RpcEvent::ChainTxStats(ChainTxStats::default())));
    for id in [
        ids::RPC_PEER_INFO_CPULOAD_SUM,
        ids::RPC_PEER_INFO_CPULOAD_MEAN,
        ids::RPC_PEER_INFO_LIST_PEERS_GMAX_BAN,
        ids::RPC_PEER_INFO_LIST_PEERS_TOR_EXIT,
        ids::RPC_BLOCKCHAININFO_PRUNE_HEIGHT,
        ids::RPC_BLOCKCHAININFO_PRUNE_TARGET_SIZE,
        ids::RPC_CHAINTXSTATS_TX_COUNT,
    ] {
        assert_eq!(feed.get(id, &[]), -1.0, "{}", metrics::Family::of(id).name);
    }
    // Of Bitcoin Knots, in per mille; of a peer whose time was not measured it reports nothing.
    feed.fold(peers(vec![load(0.631), load(0.0), load(0.031)]));
    assert_eq!(feed.get(ids::RPC_PEER_INFO_CPULOAD_MAX, &[]), 0.631);
    assert_eq!(feed.get(ids::RPC_PEER_INFO_CPULOAD_MIN, &[]), 0.031);
    feed.fold(rpc(RpcEvent::BlockchainInfo(BlockchainInfo { pruned: true, ..BlockchainInfo::default() })));
    assert_eq!(feed.get(ids::RPC_BLOCKCHAININFO_PRUNE_HEIGHT, &[]), 0.0, "it prunes, and has not deleted any");
}

#[test]
fn what_is_gone_is_not_shown() {
    let peer = |network: &str, mapped_as| PeerInfo { network: network.into(), mapped_as, ..PeerInfo::default() };
    let networks = |names: &[&str]| {
        let networks = names.iter().map(|name| ((*name).to_owned(), AddrManInfoNetwork::default())).collect();
        rpc(RpcEvent::AddrmanInfo(AddrManInfo { networks }))
    };
    let fee = |fee_rate| {
        rpc(RpcEvent::EstimateSmartFee(EstimateSmartFee {
            fee_rate,
            requested_blocks: 6,
            ..EstimateSmartFee::default()
        }))
    };
    let mut feed = Feed::default();
    feed.fold(peers(vec![peer("ipv4", 1), peer("onion", 0)]));
    feed.fold(networks(&["ipv4", "i2p"]));
    feed.fold(fee(Some(0.00001)));
    assert_eq!(feed.labels(ids::RPC_PEER_INFO_NETWORK_PEERS), ["ipv4", "onion"]);
    feed.fold(peers(vec![peer("ipv4", 2)]));
    feed.fold(networks(&["ipv4"]));
    feed.fold(fee(None));
    assert_eq!(feed.labels(ids::RPC_PEER_INFO_NETWORK_PEERS), ["ipv4"]);
    assert_eq!(feed.labels(ids::RPC_PEER_INFO_ASN_PEERS), ["2"]);
    assert_eq!(feed.labels(ids::RPC_ADDRMANINFO), ["ipv4"; 3]);
    assert_eq!(feed.labels(ids::RPC_ESTIMATESMARTFEE_FEERATE), [""; 0]);
}

#[test]
fn orphans_that_come_and_go_between_two_polls() {
    let mut feed = Feed::default();
    let changes = |feed: &Feed| {
        [
            feed.get(ids::RPC_GETORPHANTXS_ADDED_COUNT, &[]),
            feed.get(ids::RPC_GETORPHANTXS_ADDED_BYTES, &[]),
            feed.get(ids::RPC_GETORPHANTXS_REMOVED_COUNT, &[]),
            feed.get(ids::RPC_GETORPHANTXS_REMOVED_BYTES, &[]),
        ]
    };
    feed.fold(orphans(vec![orphan("a", 10, &[1]), orphan("b", 20, &[1, 2, 3])]));
    assert_eq!(changes(&feed), [0.0; 4], "none on the first");
    assert_eq!(feed.get(ids::RPC_GETORPHANTXS_FROM_MEAN, &[]), 2.0);
    feed.fold(orphans(vec![orphan("b", 20, &[1]), orphan("c", 40, &[1]), orphan("d", 80, &[1])]));
    assert_eq!(changes(&feed), [2.0, 120.0, 1.0, 10.0]);
    feed.fold(orphans(vec![]));
    assert_eq!(changes(&feed), [2.0, 120.0, 4.0, 150.0]);
    assert_eq!(feed.get(ids::RPC_GETORPHANTXS_COUNT, &[]), 0.0);
    assert_eq!(feed.get(ids::RPC_GETORPHANTXS_FROM_MAX, &[]), -1.0);
}

#[test]
fn entries_of_the_address_manager_that_change_between_two_polls() {
    let new = |address: &str, services, time| entry(address, services, time);
    let before = [(0, 5, new("192.0.2.1", 1, 1)), (0, 9, new("192.0.2.2", 1, 1)), (3, 0, new("192.0.2.3", 1, 1))];
    // Before the first, the same with both changed, between, another address, after the last; the last is gone.
    let after = [
        (0, 1, new("192.0.2.9", 1, 1)),
        (0, 5, new("192.0.2.1", 8, 2)),
        (0, 7, new("192.0.2.9", 1, 1)),
        (0, 9, new("192.0.2.9", 8, 2)),
        (9, 9, new("192.0.2.9", 1, 1)),
    ];
    let mut feed = Feed::default();
    let changes = |feed: &Feed, table| {
        [
            feed.get(ids::RPC_GETRAWADDRMAN_ADDED_ENTRY, &[table]),
            feed.get(ids::RPC_GETRAWADDRMAN_REPLACED_ENTRY, &[table]),
            feed.get(ids::RPC_GETRAWADDRMAN_CHANGED_SERVICES, &[table]),
            feed.get(ids::RPC_GETRAWADDRMAN_CHANGED_TIMESTAMPS, &[table]),
        ]
    };
    feed.fold(addrman(table(before.clone()), table([])));
    assert_eq!(changes(&feed, "new"), [0.0; 4], "none on the first");
    feed.fold(addrman(table(after.clone()), table([])));
    assert_eq!(changes(&feed, "new"), [3.0, 1.0, 1.0, 1.0]);
    feed.fold(addrman(table(after), table(before)));
    assert_eq!(changes(&feed, "new"), [3.0, 1.0, 1.0, 1.0], "nothing changed");
    assert_eq!(changes(&feed, "tried"), [3.0, 0.0, 0.0, 0.0]);
    assert_eq!(feed.get(ids::RPC_GETRAWADDRMAN_SERVICE_BITS, &["new", "4"]), 2.0, "counted from 1");
    assert_eq!(feed.get(ids::RPC_GETRAWADDRMAN_SERVICES, &["new", "8"]), 2.0);
    assert_eq!(feed.get(ids::RPC_GETRAWADDRMAN_DISTINCT_SOURCES, &["tried"]), 1.0);
}

proptest! {
    /// Events from the network, whole or damaged, whatever they say: nothing panics.
    #[test]
    fn damaged_events(at in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 1..8), in_all in any::<prop::sample::Index>()) {
        let all = sequence::all();
        let record = Record::new("alice".into(), 1, 1, START_NS, at.get(&all).clone());
        let mut damaged = record.bytes().to_vec();
        let start = in_all.index(damaged.len());
        damaged.iter_mut().skip(start).zip(&bytes).for_each(|(old, new)| *old = *new);
        let mut node = Node::new(Limits::default());
        if let Ok(record) = Record::from_bytes(damaged.into(), &mut NodeNames::default()) {
            let record = Arc::new(record);
            node.fold(&record, &Enrichment::default());
            node.fold(&record, &Enrichment::default());
        }
        node.tick(START_NS + 1, &Enrichment::default());
    }
}
