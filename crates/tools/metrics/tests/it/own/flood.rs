//! Whatever untrusted peers send, and however much: nothing breaks, and little is kept.

use std::process::Command;
use std::sync::Arc;
use std::{env, fs};

use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::bitcoin_primitives::{Address, BlockHeader, ConnType, InventoryItem, address};
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::connection::connection_event::Event as Arm;
use event::pb::ebpf_extractor::connection::{
    ClosedConnection, Connection, ConnectionEvent, EvictedInboundConnection, InboundConnection, MisbehavingConnection,
};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as Mempool;
use event::pb::ebpf_extractor::mempool::{MempoolEvent, Rejected};
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::ebpf_extractor::message::{
    Addr, AddrV2, CompactBlock, FeeFilter, GetData, GetHeaders, Headers, Inv, MessageEvent, Metadata, Ping, Reject,
    Version,
};
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{HeaderSeen, Log, MempoolRejected, PeerConnected, PeerDisconnected};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{Addrman, AddrmanBucket, AddrmanEntry, PeerInfo, PeerInfos, Rpc};
use event::record::NodeNames;
use event::{Body, Record, json};
use metrics::{Enrichment, Family, Format, Limits, Node, ids, page};
use proptest::prelude::*;

const SAMPLES: &str = include_str!("../../../../../event/tests/it/samples.jsonl");

/// 2026-01-31 12:00 UTC, nanoseconds since the UNIX epoch.
const NOON_NS: u64 = 1_769_860_800_000_000_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_event_breaks_anything(
        order in prop::collection::vec((0..200_usize, prop::option::of((any::<prop::sample::Index>(), any::<u8>())), prop_oneof![8 => (0..4_000_000_000_000_u64).prop_map(|ns| NOON_NS + ns), 1 => any::<u64>(), 1 => Just(u64::MAX)], 0..3_u64), 1..60),
    ) {
        let samples: Vec<&str> = SAMPLES.lines().collect();
        let (mut node, enrichment, mut names) = (Node::new(Limits::default()), Enrichment::default(), NodeNames::default());
        for (sample, change, time_ns, run) in order {
            let record = json::from_json(samples[sample % samples.len()], &mut names).unwrap();
            let mut bytes = match record.body() {
                Some(body) => Record::new("".into(), run, 1, time_ns, body.clone()).bytes().to_vec(),
                None => record.bytes().to_vec(),
            };
            if let Some((at, byte)) = change {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(record) = Record::from_bytes(bytes.into(), &mut names) {
                node.fold(&Arc::new(record), &enrichment);
            }
            node.tick(time_ns, &enrichment);
        }
    }
}

/// A stream of numbers without any order.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 ^ self.0 >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn hash(&mut self) -> Vec<u8> {
        (0..4).flat_map(|_| self.next().to_le_bytes()).collect()
    }

    fn text(&mut self) -> String {
        self.hash().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

struct Flood {
    node: Node,
    enrichment: Enrichment,
    time_ns: u64,
}

impl Flood {
    fn fold(&mut self, body: Body) {
        self.time_ns += 1_000_000;
        self.node.fold(&Arc::new(Record::new("".into(), 1, 0, self.time_ns, body)), &self.enrichment);
        if self.time_ns.is_multiple_of(1_000_000_000) {
            self.node.tick(self.time_ns, &self.enrichment);
        }
    }

    fn message(&mut self, peer: u64, inbound: bool, command: &str, msg: Option<Msg>) {
        let [_, a, b, c] = (peer as u32).to_be_bytes();
        let addr = format!("1{}.{a}.{b}.{c}:8333", peer % 10);
        let (conn_type, command) = (ConnType::Inbound.into(), command.to_owned());
        let meta = Metadata { peer_id: peer, addr, conn_type, command, inbound, size: 7, ..Metadata::default() };
        self.ebpf(EbpfEvent::Message(MessageEvent { meta, msg }));
    }

    fn connection(&mut self, arm: Arm) {
        self.ebpf(EbpfEvent::Connection(ConnectionEvent { event: Some(arm) }));
    }

    fn ebpf(&mut self, event: EbpfEvent) {
        self.fold(Body::EbpfExtractor(Ebpf { ebpf_event: Some(event) }));
    }

    fn log(&mut self, event: LogEvent) {
        self.fold(Body::LogExtractor(Log { log_event: Some(event), ..Log::default() }));
    }
}

fn pour(flood: &mut Flood) {
    let mut random = Random(1);
    for round in 0..20_000_u64 {
        let peer = random.next() % 1_000_000;
        flood.message(peer, true, &random.text()[..12], None);
        flood.message(peer, round % 2 == 0, "ping", Some(Msg::Ping(Ping { value: random.next() })));
        flood.message(peer, true, "getheaders", Some(Msg::Getheaders(GetHeaders::default())));
        let conn = Connection {
            peer_id: peer,
            addr: format!("[2a01:{:x}::1]:8333", round % 65_536),
            network: 2,
            ..Connection::default()
        };
        let other = Connection { peer_id: random.next() % 1_000_000, ..conn.clone() };
        flood.connection(Arm::Inbound(InboundConnection { conn: conn.clone(), existing_connections: 1 }));
        flood.connection(Arm::InboundEvicted(EvictedInboundConnection { conn, time_established: 5 }));
        flood.connection(Arm::Closed(ClosedConnection { conn: other, time_established: 5 }));
        flood.log(LogEvent::PeerConnected(PeerConnected { peer_id: random.next(), ..PeerConnected::default() }));
        flood.log(LogEvent::PeerDisconnected(PeerDisconnected {
            peer_id: Some(peer),
            reason: (round % 28) as i32,
            ..PeerDisconnected::default()
        }));
        flood.log(LogEvent::HeaderSeen(HeaderSeen { block_hash: random.text(), ..HeaderSeen::default() }));
        let reason = "missing-inputs".to_owned();
        flood.log(LogEvent::MempoolRejected(MempoolRejected {
            txid: random.text(),
            reason,
            ..MempoolRejected::default()
        }));
        let header = BlockHeader { hash: random.hash().into(), time: u32::MAX, ..BlockHeader::default() };
        let compact = CompactBlock { header: header.clone(), ..CompactBlock::default() };
        flood.message(peer, true, "cmpctblock", Some(Msg::Compactblock(compact)));
        flood.message(peer, true, "headers", Some(Msg::Headers(Headers { headers: vec![header] })));
    }
    for _ in 0..1_000_u64 {
        let peer = random.next() % 10_000;
        let mut items = |item: fn(Vec<u8>) -> Item| -> Vec<InventoryItem> {
            (0..1_000).map(|_| InventoryItem { item: Some(item(random.hash())) }).collect()
        };
        let announced = items(|hash| Item::Wtx(hash.into()));
        flood.message(peer, true, "inv", Some(Msg::Inv(Inv { items: announced })));
        let asked = items(|hash| Item::WitnessTransaction(hash.into()));
        flood.message(peer, false, "getdata", Some(Msg::Getdata(GetData { items: asked })));
        let addresses = (0..500).map(|_| {
            let [a, b, c, d, ..] = random.next().to_be_bytes();
            Address { address: Some(address::Address::Ipv4(format!("{a}.{b}.{c}.{d}"))), ..Address::default() }
        });
        flood.message(peer, true, "addrv2", Some(Msg::Addrv2(AddrV2 { addresses: addresses.collect() })));
    }
}

/// Ten thousand values of everything that an untrusted peer chooses, each as long and as hostile as can be, and one that comes again and again.
fn pour_values(flood: &mut Flood) {
    for number in 0..10_000_u64 {
        let text = |number: u64| format!("/{number}\"\\\n\u{1b}[31m{}/", "\u{1f600}\"".repeat(50));
        for number in [number, 77_777] {
            let text = text(number);
            let user_agent = Version { user_agent: text.clone(), ..Version::default() };
            flood.message(number, true, "version", Some(Msg::Version(user_agent)));
            flood.message(number, true, "feefilter", Some(Msg::Feefilter(FeeFilter { fee: number as i64 })));
            let reject = Reject { rejected_command: text.clone(), reason_details: text.clone(), ..Reject::default() };
            flood.message(number, true, "reject", Some(Msg::Reject(reject)));
            flood.message(number << 8, true, "ping", Some(Msg::Oldping(true)));
            flood.message(number, true, "addrv2", Some(Msg::Emptyaddrv2(true)));
            let addresses = vec![Address { services: number, ..Address::default() }];
            flood.message(number, true, "addr", Some(Msg::Addr(Addr { addresses })));
            flood.connection(Arm::Misbehaving(MisbehavingConnection { id: number, message: text.clone() }));
            let rejected = Rejected { reason: text.clone(), ..Rejected::default() };
            flood.ebpf(EbpfEvent::Mempool(MempoolEvent { event: Some(Mempool::Rejected(rejected)) }));
        }
    }
    let info = |id: u64| PeerInfo {
        id: id as u32,
        address: format!("{}.{}.1.1:8333", id % 200, id / 200),
        mapped_as: id as u32,
        version: id as u32,
        inbound: true,
        ..PeerInfo::default()
    };
    let infos = PeerInfos { infos: (0..10_000).map(info).collect() };
    flood.fold(Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::PeerInfos(infos)) }));
    let entry = |id: u64| AddrmanEntry { port: id as u32, services: id, ..AddrmanEntry::default() };
    let bucket =
        |bucket: u64| AddrmanBucket { entries: (0..64).map(|at| (at, entry(bucket * 64 + u64::from(at)))).collect() };
    let addrman = Addrman { new: (0..200).map(|at| (at as u32, bucket(at))).collect(), ..Addrman::default() };
    flood.fold(Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::Addrman(addrman)) }));
}

/// Frequent values keep series of their own, the rest is `other`, and a series shows how much that is.
fn check_page(flood: &mut Flood) {
    flood.node.tick(flood.time_ns, &flood.enrichment);
    let store = flood.node.store();
    for format in [Format::Text, Format::OpenMetrics] {
        let text = page(&[(Some("alice"), store)], format);
        println!("{} B", text.len());
        assert!(text.len() < 1_000_000, "{} B", text.len());
    }
    assert_eq!(store.get(ids::P2P_FEEFILTER_FEERATE, &["inbound", "77777"]), Some(10_000.0));
    for id in [ids::P2P_FEEFILTER_FEERATE, ids::P2P_VERSION_USERAGENT, ids::CONN_MISBEHAVING, ids::MEMPOOL_REJECTED] {
        let name = Family::of(id).name;
        assert!(store.series(id).len() <= 102, "{name}");
        assert!(store.get(ids::LABELS_FOLDED, &[name]).unwrap() > 9_000.0, "{name}");
        assert!(store.series(id).iter().any(|one| one.labels.iter().any(|label| label == "other")), "{name}");
    }
    assert_eq!(store.get(ids::LABEL_VALUES_FOLDED, &[Family::of(ids::RPC_GETRAWADDRMAN_PORTS).name]), Some(12_700.0));
    // Those that are gone expire.
    flood.node.tick(flood.time_ns + 2 * 3_600 * 1_000_000_000, &flood.enrichment);
    assert!(flood.node.store().series(ids::P2P_VERSION_USERAGENT).is_empty());
    assert!(flood.node.store().series(ids::CONN_MISBEHAVING).is_empty());
}

/// KiB of memory, by a line of `/proc/self/status`.
fn memory(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|one| one.strip_prefix(line)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// In a process of its own, so that what other tests take does not count.
#[test]
fn a_flood_leaves_little_behind() {
    if env::var_os("METRICS_FLOOD").is_none() {
        let test = ["--exact", "own::flood::a_flood_leaves_little_behind", "--nocapture", "--test-threads=1"];
        let flood = Command::new(env::current_exe().unwrap()).args(test).env("METRICS_FLOOD", "1").output().unwrap();
        let said = String::from_utf8_lossy(&flood.stdout).into_owned() + &String::from_utf8_lossy(&flood.stderr);
        assert!(flood.status.success() && said.contains(" KiB"), "{said}");
        return;
    }
    let mut flood = Flood { node: Node::new(Limits::default()), enrichment: Enrichment::default(), time_ns: NOON_NS };
    flood.message(1, true, "ping", None);
    let before = memory("VmRSS:");
    pour(&mut flood);
    pour_values(&mut flood);
    check_page(&mut flood);
    let most = memory("VmHWM:") - before;
    println!("{most} KiB, {} series", flood.node.store().len());
    // With the events of this test, of which that of getpeerinfo with 10,000 peers is the largest.
    assert!(most < 40_000, "{most} KiB");
}
