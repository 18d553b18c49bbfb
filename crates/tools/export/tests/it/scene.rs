//! An archive of a node whose answers are known: docs/analysis.md asks, `analysis.rs` has the answers.

use std::path::Path;

use event::pb::bitcoin_primitives::address::Address as Named;
use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::bitcoin_primitives::{Address, BlockHeader, ConnType, InventoryItem, Transaction};
use event::pb::connectivity::connectivity::ConnectivityEvent;
use event::pb::connectivity::{Attempt, Connectivity, Outcome};
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::connection::connection_event::Event as ConnectionEvent;
use event::pb::ebpf_extractor::connection::{ClosedConnection, Connection, InboundConnection};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as MempoolEvent;
use event::pb::ebpf_extractor::mempool::{MempoolEvent as Mempool, Removed};
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::ebpf_extractor::message::{
    AddrV2, Block, CompactBlock, Headers, Inv, MessageEvent, Metadata, Tx, Version,
};
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{
    CompactBlockReconstructed, DisconnectReason, Log, LogDebugCategory, LogLevel, PeerDisconnected,
};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{PeerInfo, PeerInfos, Rpc};
use event::{Body, Record};
use store::archive::{Options, Writer};

/// 2026-11-28T12:00:00Z, in seconds.
const NOON: u64 = 1_795_867_200;

/// Id, address and connection type of the peers.
type Peer = (u64, &'static str, ConnType);
const ONE: Peer = (1, "198.51.100.7:40001", ConnType::Inbound);
const TWO: Peer = (2, "198.51.100.8:40002", ConnType::Inbound);
const THREE: Peer = (3, "203.0.113.9:8333", ConnType::OutboundFullRelay);
const FOUR: Peer = (4, "[2001:db8:1:2::5]:50000", ConnType::Inbound);

struct Scene {
    writer: Writer,
    /// Last sequence numbers of the runs 7 (tracepoints), 8 (log), 9 (RPC), 10 (connectivity).
    sequences: [u64; 4],
}

/// Writes the archive into a folder.
pub fn write(folder: &Path) -> std::path::PathBuf {
    let writer = Writer::create(&Options::new(folder), NOON * 1_000_000_000).unwrap();
    let mut scene = Scene { writer, sequences: [0; 4] };
    scene.play();
    let path = scene.writer.path().to_owned();
    scene.writer.finish().unwrap();
    path
}

fn hash(byte: u8) -> Vec<u8> {
    vec![byte; 32]
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

fn header(byte: u8) -> BlockHeader {
    BlockHeader { hash: hash(byte).into(), time: NOON as u32, ..BlockHeader::default() }
}

fn connection((peer_id, addr, conn_type): Peer) -> Connection {
    let network = if addr.starts_with('[') { 2 } else { 1 };
    let (addr, conn_type) = (addr.to_owned(), conn_type.into());
    Connection { peer_id, addr, conn_type, network, ..Connection::default() }
}

fn compact_block(byte: u8) -> Msg {
    Msg::Compactblock(CompactBlock { header: header(byte), ..CompactBlock::default() })
}

fn inventory(item: impl Fn(Vec<u8>) -> Item, bytes: &[u8]) -> Msg {
    let items = bytes.iter().map(|byte| InventoryItem { item: Some(item(hash(*byte))) }).collect();
    Msg::Inv(Inv { items })
}

fn wtxs(bytes: &[u8]) -> Msg {
    inventory(|hash| Item::Wtx(hash.into()), bytes)
}

fn address(number: u8) -> Address {
    let address = Some(Named::Ipv4(format!("192.0.2.{number}")));
    Address { timestamp: NOON as u32 - 60, address, services: 9, port: 8333 }
}

fn user_agent(name: &str) -> Msg {
    let nobody = Address { address: Some(Named::Ipv4("0.0.0.0".to_owned())), ..Address::default() };
    let (receiver, sender) = (nobody.clone(), nobody);
    Msg::Version(Version { version: 70016, receiver, sender, user_agent: name.to_owned(), ..Version::default() })
}

fn ebpf(event: EbpfEvent) -> Body {
    Body::EbpfExtractor(Ebpf { ebpf_event: Some(event) })
}

fn connected(event: ConnectionEvent) -> Body {
    ebpf(EbpfEvent::Connection(event::pb::ebpf_extractor::connection::ConnectionEvent { event: Some(event) }))
}

fn removed(byte: u8, reason: &str, vsize: i32, fee: i64, entered: u64) -> Body {
    let (txid, reason, entry_time) = (hash(byte).into(), reason.to_owned(), NOON - entered);
    let event = MempoolEvent::Removed(Removed { txid, reason, vsize, fee, entry_time });
    ebpf(EbpfEvent::Mempool(Mempool { event: Some(event) }))
}

impl Scene {
    fn add(&mut self, run: usize, millis: u64, body: Body) {
        self.sequences[run] += 1;
        let time_ns = (NOON * 1000 + millis) * 1_000_000;
        let record = Record::new("alice".into(), 7 + run as u64, self.sequences[run], time_ns, body);
        self.writer.append(&record).unwrap();
    }

    fn ebpf(&mut self, millis: u64, body: Body) {
        self.add(0, millis, body);
    }

    fn message(&mut self, millis: u64, (peer_id, addr, conn_type): Peer, inbound: bool, command: &str, msg: Msg) {
        let meta = Metadata {
            peer_id,
            addr: addr.to_owned(),
            conn_type: conn_type.into(),
            command: command.to_owned(),
            inbound,
            size: 100,
            ..Metadata::default()
        };
        self.ebpf(millis, ebpf(EbpfEvent::Message(MessageEvent { meta, msg: Some(msg) })));
    }

    fn log(&mut self, millis: u64, event: LogEvent) {
        let log = Log {
            log_timestamp: (NOON * 1000 + millis) * 1000,
            category: LogDebugCategory::Net.into(),
            log_level: LogLevel::Debug.into(),
            log_event: Some(event),
            raw_message: Some("as the node wrote it".to_owned()),
            ..Log::default()
        };
        self.add(1, millis, Body::LogExtractor(log));
    }

    fn reconstructed(&mut self, millis: u64, block: u8, requested: u32) {
        let block_hash = hex(block);
        let event = CompactBlockReconstructed { block_hash, from_mempool: 2000, requested, ..Default::default() };
        self.log(millis, LogEvent::CompactBlockReconstructed(event));
    }

    fn closed(&mut self, millis: u64, peer: Peer) {
        let closed = ClosedConnection { conn: connection(peer), time_established: NOON };
        self.ebpf(millis, connected(ConnectionEvent::Closed(closed)));
    }

    fn attempt(&mut self, tried_millis: u64, number: u8, outcome: Outcome) {
        let attempt = Attempt {
            address: address(number),
            addrv2: true,
            outcome: outcome.into(),
            heard_ns: NOON * 1_000_000_000,
            tried_ns: (NOON * 1000 + tried_millis) * 1_000_000,
            source_peer_id: Some(ONE.0),
            source_addr: Some(ONE.1.to_owned()),
            ..Attempt::default()
        };
        let connectivity_event = Some(ConnectivityEvent::Attempt(attempt));
        self.add(3, 8000, Body::Connectivity(Connectivity { connectivity_event }));
    }

    fn play(&mut self) {
        for peer in [ONE, TWO, FOUR] {
            let inbound = InboundConnection { conn: connection(peer), existing_connections: peer.0 };
            self.ebpf(0, connected(ConnectionEvent::Inbound(inbound)));
        }
        for (peer, name) in
            [(ONE, "/Satoshi:29.0.0/"), (TWO, "/Satoshi:29.0.0/"), (THREE, "/Satoshi:30.0.0/"), (FOUR, "/x:1/")]
        {
            self.message(100, peer, true, "version", user_agent(name));
        }
        let infos = [ONE, TWO, THREE].map(|(id, addr, conn_type)| PeerInfo {
            id: id as u32,
            address: addr.to_owned(),
            network: "ipv4".to_owned(),
            mapped_as: if conn_type == ConnType::Inbound { 64500 } else { 0 },
            inbound: conn_type == ConnType::Inbound,
            services: "0000000000000409".to_owned(),
            ..PeerInfo::default()
        });
        let rpc_event = Some(RpcEvent::PeerInfos(PeerInfos { infos: infos.into() }));
        self.add(2, 500, Body::RpcExtractor(Rpc { rpc_event }));

        // Blocks 0xaa and 0xbb.
        self.message(1000, THREE, true, "headers", Msg::Headers(Headers { headers: vec![header(0xaa)] }));
        self.message(1100, ONE, true, "cmpctblock", compact_block(0xaa));
        self.message(2000, THREE, true, "cmpctblock", compact_block(0xbb));
        self.message(2100, TWO, true, "inv", inventory(|hash| Item::Block(hash.into()), &[0xbb]));
        self.reconstructed(1200, 0xaa, 0);
        self.reconstructed(2200, 0xbb, 3);
        let block = || Msg::Block(Block { header: header(0xaa), ..Block::default() });
        self.message(3000, TWO, true, "block", block());

        self.ebpf(4000, removed(1, "block", 100, 200, 60));
        self.ebpf(4000, removed(2, "block", 300, 1500, 120));
        self.sequences[0] += 2; // lost
        self.ebpf(5000, removed(3, "sizelimit", 200, 200, 10));

        self.message(6000, ONE, true, "inv", wtxs(&[0x11, 0x22]));
        self.message(6100, TWO, true, "inv", wtxs(&[0x11]));
        let tx = Transaction { txid: hash(0x10).into(), wtxid: hash(0x11).into(), raw: None };
        self.message(6500, ONE, true, "tx", Msg::Tx(Tx { tx }));
        let mut addresses: Vec<_> = (1..=12).map(address).collect();
        addresses[11].timestamp = NOON as u32 + 86_400;
        self.message(7000, ONE, true, "addrv2", Msg::Addrv2(AddrV2 { addresses }));
        let addresses = (3..=13).map(address).collect();
        self.message(7100, TWO, true, "addrv2", Msg::Addrv2(AddrV2 { addresses }));
        self.attempt(1, 1, Outcome::V2);
        self.attempt(2, 2, Outcome::V1);
        self.attempt(3, 2, Outcome::Timeout);
        self.message(8500, THREE, false, "inv", wtxs(&[0x11]));
        self.message(9500, TWO, false, "inv", wtxs(&[0x11]));

        for (millis, reason) in [(9900, DisconnectReason::PingTimeout), (9950, DisconnectReason::Closed)] {
            let (peer_id, addr) = (Some(ONE.0), Some(ONE.1.to_owned()));
            let (reason, text) = (reason.into(), "ping timeout".to_owned());
            self.log(
                millis,
                LogEvent::PeerDisconnected(PeerDisconnected { peer_id, addr, reason, text, block_hash: None }),
            );
        }
        self.closed(5000, FOUR);
        self.closed(10_000, ONE);
        self.message(13_000, TWO, true, "block", block());
        self.closed(30_000, TWO);
    }
}
