//! A sequence of events that changes every original series.

use std::collections::BTreeMap;

use event::Body;
use event::pb::bitcoin_primitives::ConnType;
use event::pb::bitcoin_primitives::address::Address as Named;
use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::bitcoin_primitives::{InventoryItem, UnknownAddress, UnknownItem};
use event::pb::connectivity::{Attempt, Outcome};
use event::pb::ebpf_extractor::connection::connection_event::Event as ConnectionArm;
use event::pb::ebpf_extractor::connection::{
    ClosedConnection, Connection, EvictedInboundConnection, InboundConnection, MisbehavingConnection,
    OutboundConnection,
};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as MempoolArm;
use event::pb::ebpf_extractor::mempool::{Added, Rejected, Removed, Replaced};
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::ebpf_extractor::message::reject::RejectReason;
use event::pb::ebpf_extractor::message::{Addr, AddrV2, FeeFilter, Ping, Pong, Reject, Version};
use event::pb::ebpf_extractor::validation::validation_event::Event as ValidationArm;
use event::pb::ebpf_extractor::validation::{BlockConnected, ValidationEvent};
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{
    BlockCheckedLog, BlockConnectedLog, Log, LogDebugCategory, LogLevel, UnknownLogMessage,
};
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{AddressAnnouncement, InventoryAnnouncement, PingDuration};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{
    AddrManInfo, AddrManInfoNetwork, Addrman, AddrmanBucket, AddrmanEntry, BlockchainInfo, ChainTxStats,
    EstimateSmartFee, FeeEstimateMode, MemoryInfo, MempoolInfo, NetTotals, NetworkInfo, NetworkInfoLocalAddress,
    NetworkInfoNetwork, OrphanTx, OrphanTxs, PeerInfo,
};

use super::events::{
    START, START_NS, address, attempt, connection, ebpf, inv, log, mempool, message, p2p, peer, peers, rpc,
};

/// All of it.
pub fn all() -> Vec<Body> {
    [messages(), connections(), changes(), answers(), tables(), own_connection(), attempts(), lines()].concat()
}

const ALICE: &str = "203.0.113.7:51234";
/// In the ranges of LinkingLion, until 2025 and since.
pub const LIONS: [&str; 2] = ["162.218.65.9:40000", "143.20.137.9:40000"];

fn messages() -> Vec<Body> {
    let hash = || vec![7; 32].into();
    let entries = || {
        vec![
            address(START - 100, 1033, Named::Ipv4("203.0.113.7".into())),
            address(START + 100, 1, Named::Ipv4("203.0.113.8".into())),
            address(START, 0, Named::Ipv6("2001:db8::1".into())),
        ]
    };
    let addr = |inbound| message(inbound, ALICE, "addr", 91, Msg::Addr(Addr { addresses: entries() }));
    let addrv2 = |inbound| message(inbound, ALICE, "addrv2", 64, Msg::Addrv2(AddrV2 { addresses: entries() }));
    let version = |addr, user_agent: &str| {
        let version = Version { version: 70016, user_agent: user_agent.into(), ..Version::default() };
        message(true, addr, "version", 102, Msg::Version(version))
    };
    let reject = Reject {
        rejected_command: "tx".into(),
        reason: RejectReason::Dust.into(),
        reason_details: "dust".into(),
        hash: hash(),
    };
    let all_types = [
        Item::Transaction(hash()),
        Item::Block(hash()),
        Item::Wtx(hash()),
        Item::WitnessTransaction(hash()),
        Item::WitnessBlock(hash()),
        Item::CompactBlock(hash()),
        Item::Unknown(UnknownItem { inv_type: 9, hash: hash() }),
        Item::Error(true),
    ];
    vec![
        version(ALICE, "/Satoshi:31.0.0/"),
        version(LIONS[0], "/Satoshi:0.7.0/"),
        version(LIONS[1], "/Satoshi:0.8.0/"),
        message(true, ALICE, "verack", 0, Msg::Verack(true)),
        message(true, ALICE, "ping", 8, Msg::Ping(Ping { value: u64::MAX })),
        message(false, ALICE, "pong", 8, Msg::Pong(Pong { value: u64::MAX })),
        message(true, ALICE, "ping", 0, Msg::Oldping(true)),
        addr(true),
        addr(false),
        addrv2(true),
        addrv2(false),
        message(true, ALICE, "addrv2", 0, Msg::Emptyaddrv2(true)),
        message(true, ALICE, "feefilter", 8, Msg::Feefilter(FeeFilter { fee: 1000 })),
        message(false, ALICE, "feefilter", 8, Msg::Feefilter(FeeFilter { fee: 100 })),
        message(true, ALICE, "reject", 42, Msg::Reject(reject)),
        inv(true, all_types),
        inv(false, vec![Item::Wtx(hash()); 40]),
        message(true, LIONS[0], "getaddr", 0, Msg::Getaddr(true)),
    ]
}

fn connections() -> Vec<Body> {
    let inbound = || peer(ConnType::Inbound, ALICE, 1);
    let private = Connection {
        conn_type_name: Some("private-broadcast".into()),
        ..peer(ConnType::Unknown, "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333", 3)
    };
    let outbound = |conn| ConnectionArm::Outbound(OutboundConnection { conn, existing_connections: 10 });
    let misbehaving = MisbehavingConnection { id: 12, message: "header with invalid proof of work".into() };
    let time_established = u64::from(START) - 60;
    [
        ConnectionArm::Inbound(InboundConnection { conn: inbound(), existing_connections: 115 }),
        outbound(peer(ConnType::OutboundFullRelay, "[2001:db8::2]:8333", 2)),
        outbound(private),
        ConnectionArm::Misbehaving(misbehaving),
        ConnectionArm::InboundEvicted(EvictedInboundConnection { conn: inbound(), time_established }),
        ConnectionArm::Closed(ClosedConnection { conn: inbound(), time_established }),
    ]
    .map(connection)
    .into()
}

/// Of mempool and chain.
fn changes() -> Vec<Body> {
    let removed = Removed { reason: "sizelimit".into(), vsize: 141, fee: 141, ..Removed::default() };
    let replaced = Replaced { replaced_vsize: 200, replacement_vsize: 150, ..Replaced::default() };
    let rejected = Rejected { reason: "min relay fee not met".into(), ..Rejected::default() };
    let block = BlockConnected {
        height: 900_000,
        transactions: 2_500,
        inputs: 6_000,
        sigops: 20_000,
        connection_time: 123_456_789,
        ..BlockConnected::default()
    };
    vec![
        mempool(MempoolArm::Added(Added { vsize: 141, fee: 141, ..Added::default() })),
        mempool(MempoolArm::Replaced(replaced)),
        mempool(MempoolArm::Removed(removed)),
        mempool(MempoolArm::Rejected(rejected)),
        ebpf(EbpfEvent::Validation(ValidationEvent { event: Some(ValidationArm::BlockConnected(block)) })),
    ]
}

fn peer_infos() -> Vec<PeerInfo> {
    let alice = PeerInfo {
        address: ALICE.into(),
        network: "ipv4".into(),
        mapped_as: 64496,
        relay_transactions: true,
        time_offset: 11,
        ping_time: 0.25,
        minimum_ping: 0.125,
        version: 70016,
        inbound: true,
        bip152_hb_from: true,
        addr_relay_enabled: true,
        addr_processed: 1000,
        addr_rate_limited: 10,
        minfeefilter: 0.000001,
        bytes_sent_per_message: [("tx".into(), 400)].into(),
        connection_type: "inbound".into(),
        transport_protocol_type: "v2".into(),
        inv_to_send: 30,
        last_inv_sequence: Some(1),
        cpu_load: 1.5,
        ..PeerInfo::default()
    };
    let bob = PeerInfo {
        address: "[2001:db8::2]:8333".into(),
        network: "ipv6".into(),
        time_offset: -11,
        ping_time: 0.75,
        minimum_ping: 0.5,
        ping_wait: 5.5,
        version: 70015,
        bip152_hb_to: true,
        inflight: vec![900_001, 900_002],
        connection_type: "block-relay-only".into(),
        transport_protocol_type: "v1".into(),
        cpu_load: 0.5,
        ..PeerInfo::default()
    };
    let listed = LIONS.iter().chain(&["89.106.27.1:8333"]);
    let listed = listed.map(|addr| PeerInfo { address: (*addr).into(), ..alice.clone() });
    [alice.clone(), bob].into_iter().chain(listed).collect()
}

/// What RPCs answer in few numbers.
fn answers() -> Vec<Body> {
    let mempool = MempoolInfo {
        loaded: true,
        size: 2,
        bytes: 300,
        usage: 2_000,
        total_fee: 0.0001,
        max_mempool: 300_000_000,
        mempoolminfee: 0.00002,
        minrelaytxfee: 0.000001,
        incrementalrelayfee: 0.000001,
        ..MempoolInfo::default()
    };
    let memory = MemoryInfo { used: 1, free: 2, total: 3, locked: 4, chunks_used: 5, chunks_free: 6 };
    let networks = [("ipv4".to_owned(), AddrManInfoNetwork { new: 20, tried: 10, total: 30 })].into();
    let stats = ChainTxStats {
        tx_count: 1_000_000_000,
        window_final_block_height: 900_000,
        window_block_count: 4_320,
        window_tx_count: Some(12_000_000),
        window_interval: Some(2_592_000),
        tx_rate: Some(4.5),
        ..ChainTxStats::default()
    };
    let network = NetworkInfo {
        version: 310_000,
        protocol_version: 70_016,
        time_offset: -1,
        connections: 125,
        connections_in: 115,
        connections_out: 10,
        network_active: true,
        networks: vec![NetworkInfoNetwork { name: "onion".into(), limited: true, ..NetworkInfoNetwork::default() }],
        relay_fee: 0.000001,
        incremental_fee: 0.000001,
        local_addresses: vec![NetworkInfoLocalAddress::default()],
        warnings: vec!["unknown new rules activated".into()],
        ..NetworkInfo::default()
    };
    let chain = BlockchainInfo {
        blocks: 900_000,
        headers: 900_001,
        difficulty: 1.2e14,
        verificationprogress: 0.99,
        initialblockdownload: true,
        size_on_disk: 700_000_000_000,
        pruned: true,
        prune_height: 800_000,
        prune_target_size: 550 << 20,
        ..BlockchainInfo::default()
    };
    let estimate = EstimateSmartFee {
        fee_rate: Some(0.00003),
        blocks: 2,
        requested_blocks: 1,
        mode: FeeEstimateMode::Economical.into(),
        errors: vec![],
    };
    vec![
        peers(peer_infos()),
        rpc(RpcEvent::MempoolInfo(mempool)),
        rpc(RpcEvent::Uptime(3_600)),
        rpc(RpcEvent::NetTotals(NetTotals { total_bytes_received: 1, total_bytes_sent: 2, ..NetTotals::default() })),
        rpc(RpcEvent::MemoryInfo(memory)),
        rpc(RpcEvent::AddrmanInfo(AddrManInfo { networks })),
        rpc(RpcEvent::ChainTxStats(stats)),
        rpc(RpcEvent::NetworkInfo(network)),
        rpc(RpcEvent::BlockchainInfo(chain)),
        rpc(RpcEvent::EstimateSmartFee(estimate)),
    ]
}

pub fn orphan(wtxid: &str, bytes: u64, from: &[u64]) -> OrphanTx {
    let from = from.to_vec();
    OrphanTx { wtxid: wtxid.into(), bytes, vsize: bytes - 1, weight: bytes * 4 - 4, from, ..OrphanTx::default() }
}

pub fn orphans(orphans: Vec<OrphanTx>) -> Body {
    rpc(RpcEvent::OrphanTxs(OrphanTxs { orphans }))
}

pub fn entry(address: &str, services: u64, time: i64) -> AddrmanEntry {
    AddrmanEntry {
        address: address.into(),
        port: 8333,
        network: "ipv4".into(),
        services,
        time,
        source: "198.51.100.1".into(),
        source_network: "ipv4".into(),
        mapped_as: Some(64496),
        source_mapped_as: Some(64497),
    }
}

/// A table of the address manager from its entries by bucket and position.
pub fn table(entries: impl IntoIterator<Item = (u32, u32, AddrmanEntry)>) -> BTreeMap<u32, AddrmanBucket> {
    let mut table = BTreeMap::<u32, AddrmanBucket>::new();
    for (bucket, position, entry) in entries {
        table.entry(bucket).or_default().entries.insert(position, entry);
    }
    table
}

pub fn addrman(new: BTreeMap<u32, AddrmanBucket>, tried: BTreeMap<u32, AddrmanBucket>) -> Body {
    rpc(RpcEvent::Addrman(Addrman { new, tried }))
}

/// Two polls each of orphans and the address manager.
fn tables() -> Vec<Body> {
    let first = || [(1, 1, entry("203.0.113.1", 1033, 1)), (1, 2, entry("203.0.113.2", 1, 1))];
    let second = || {
        [
            (1, 1, entry("203.0.113.1", 9, 2)),
            (1, 2, AddrmanEntry { port: 1, ..entry("203.0.113.3", 1, 1) }),
            (2, 0, entry("203.0.113.4", 1, 1)),
        ]
    };
    vec![
        orphans(vec![orphan("aa", 100, &[1]), orphan("bb", 200, &[1, 2])]),
        orphans(vec![orphan("bb", 200, &[1, 2]), orphan("cc", 400, &[1, 2, 3])]),
        addrman(table(first()), table(first())),
        addrman(table(second()), table(second())),
    ]
}

/// A node that was reached, one that was reached before, and an address where nobody is, all by way of a Tor exit.
fn attempts() -> Vec<Body> {
    let of = |outcome: Outcome, cached| {
        attempt(Attempt {
            address: address(START - 100, 1, Named::Ipv4("203.0.113.7".into())),
            addrv2: true,
            outcome: outcome.into(),
            cached,
            heard_ns: START_NS,
            source_peer_id: Some(12),
            source_addr: Some(ALICE.into()),
            source_tor_exit: Some(true),
            ..Attempt::default()
        })
    };
    vec![of(Outcome::V2, false), of(Outcome::V1, true), of(Outcome::Refused, false)]
}

fn own_connection() -> Vec<Body> {
    let addresses = vec![
        address(START, 1, Named::Ipv4("203.0.113.1".into())),
        address(START, 1, Named::Unknown(UnknownAddress { id: 9, address: vec![1].into() })),
    ];
    let inventory = [Item::Wtx(vec![1; 32].into()), Item::Block(vec![2; 32].into())];
    let inventory = inventory.map(|item| InventoryItem { item: Some(item) }).into();
    vec![
        p2p(P2pEvent::PingDuration(PingDuration { duration: 1_234_567 })),
        p2p(P2pEvent::AddressAnnouncement(AddressAnnouncement { addresses, times: vec![] })),
        p2p(P2pEvent::InventoryAnnouncement(InventoryAnnouncement { inventory })),
        p2p(P2pEvent::FeefilterAnnouncement(100)),
    ]
}

fn lines() -> Vec<Body> {
    let line = |category: LogDebugCategory, level: LogLevel, event| Log {
        category: category.into(),
        log_level: level.into(),
        log_line_bytes: 99,
        log_event: Some(event),
        ..Log::default()
    };
    let checked = |state: &str| {
        let checked = BlockCheckedLog { state: state.into(), ..BlockCheckedLog::default() };
        line(LogDebugCategory::Validation, LogLevel::Debug, LogEvent::BlockCheckedLog(checked))
    };
    let text = LogEvent::UnknownLogMessage(UnknownLogMessage { raw_message: "text".into() });
    let connected = LogEvent::BlockConnectedLog(BlockConnectedLog::default());
    let newer = Log {
        category_name: Some("privatebroadcast".into()),
        ..line(LogDebugCategory::Unknown, LogLevel::Trace, text.clone())
    };
    vec![
        log(line(LogDebugCategory::Unknown, LogLevel::Info, text)),
        log(newer),
        log(line(LogDebugCategory::Validation, LogLevel::Debug, connected)),
        log(checked("Valid")),
        log(checked("bad-txnmrklroot")),
    ]
}
