//! The events of an ordinary node of the main chain, one after another, for as long as they are asked for.
//!
//! The node has 10 outbound and 115 inbound peers. Who sends what when follows from Bitcoin Core's timers, so that hashes recur as they do there:
//!
//! - 7 transactions a second, of one to three inputs and outputs. Each reaches the node in an `inv` of some peers; it is fetched from the first of
//!   them (`getdata`, `tx`, the tracepoint `mempool:added`), then announced to all peers that have not announced it: to the inbound ones together,
//!   every 5 s on average, to each outbound one every 2 s. One of 25 whom it is announced to fetches it.
//! - A block every 10 minutes: `cmpctblock` from and to three peers, `headers` with the others, `mempool:removed` for each of its transactions.
//! - `ping` and `pong` every 2 minutes both ways; gossiped addresses in `addrv2`, each from several peers and to two; blocks served to those who
//!   are behind.
//! - An inbound peer every 4 s takes the place of another one: the messages of a handshake, an answer to its `getaddr`, the tracepoints.
//! - The RPCs of the default configuration ([`Rpc`]), debug.log without categories, and a P2P connection of our own with a ping a second.
//!
//! That is about 150 events/s.

mod acts;
mod rpc;
mod store;

use std::collections::BTreeMap;

use decode::log::Decoder;
use decode::message::Meta;
use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::connection::{Connection, ConnectionEvent, connection_event};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::{MempoolEvent, mempool_event};
use event::record::Content;
use event::{Body, Record};
use fastrand::Rng;

use crate::payloads::{self, compact_size, vector};
use rpc::Rpc;
use store::{OUTBOUND, PEERS, Peer, Txs};

/// When it begins: 2026-11-28T00:00:00Z.
pub const START_NS: u64 = 1_795_824_000_000_000_000;
const SECOND: u64 = 1_000_000_000;
/// Addresses that are being gossiped, and those that an answer to getaddr has.
const GOSSIPED: usize = 300;
const ANSWER: usize = 1_000;
/// Bytes that are captured of a block.
const CAPTURED: usize = 96;

/// Something that is to happen.
#[derive(Debug)]
enum Act {
    Transaction,
    /// A peer announces, to us.
    Hear(usize),
    /// We announce: to all inbound peers, or to an outbound one.
    Tell(Option<usize>),
    /// Fetched transactions arrive from a peer.
    Arrive(usize, Vec<u64>),
    /// A peer fetches transactions.
    Serve(usize, Vec<u64>),
    Ping(usize),
    Pong(usize, bool, [u8; 8]),
    Gossip,
    Relay,
    Connect,
    Leave(usize),
    ServeBlock,
    Block,
    Rpc,
    Addrman,
    OwnPing,
    OwnInv,
    Reject,
}

/// The events of a node.
pub struct Day {
    random: Rng,
    now: u64,
    acts: BTreeMap<(u64, u64), Act>,
    planned: u64,
    /// Events that happened, the next one last.
    out: Vec<Record>,
    sequences: [u64; 4],
    peers: Vec<Peer>,
    next_peer: u64,
    txs: Txs,
    gossip: Vec<Vec<u8>>,
    answer: Vec<u8>,
    height: u64,
    tip: [u8; 32],
    rpc: Rpc,
    log: Decoder,
}

/// The extractor that an event comes from.
#[derive(Clone, Copy)]
enum From {
    Ebpf,
    Rpc,
    Log,
    P2p,
}

impl Day {
    /// The events from one seed; with those of getrawaddrman, which are 5 MB every 5 minutes, or without.
    pub fn new(seed: u64, with_addrman: bool) -> Self {
        let mut random = Rng::with_seed(seed);
        let peers = (0..PEERS).map(|place| Peer::new(&mut random, place as u64, place < OUTBOUND)).collect();
        let gossip = (0..GOSSIPED).map(|_| payloads::addrv2_entry(&mut random)).collect();
        let answer = vector(&mut random, ANSWER, payloads::addrv2_entry);
        let rpc = Rpc::new(&mut random, if with_addrman { 65_000 } else { 0 });
        let mut day = Self {
            now: START_NS,
            acts: BTreeMap::new(),
            planned: 0,
            out: Vec::new(),
            sequences: [0; 4],
            peers,
            next_peer: PEERS as u64,
            txs: Txs::default(),
            gossip,
            answer,
            height: 920_000,
            tip: hash(&mut random),
            rpc,
            log: Decoder::default(),
            random,
        };
        for place in 0..PEERS {
            day.plan(120.0, Act::Ping(place));
            day.plan(2.0, Act::Hear(place));
            if place < OUTBOUND {
                day.plan(2.0, Act::Tell(Some(place)));
            }
        }
        let rest = [Act::Tell(None), Act::Transaction, Act::Gossip, Act::Relay, Act::Connect, Act::ServeBlock];
        let more = [Act::Rpc, Act::OwnPing, Act::OwnInv, Act::Reject];
        rest.into_iter().chain(more).for_each(|act| day.plan(1.0, act));
        day.plan(600.0, Act::Block);
        if with_addrman {
            day.plan(10.0, Act::Addrman);
        }
        day
    }

    /// Lets something happen after this many seconds on average, at random.
    fn plan(&mut self, mean: f64, act: Act) {
        let seconds = -mean * (1.0 - self.random.f64()).ln();
        self.plan_at(seconds, act);
    }

    fn plan_at(&mut self, seconds: f64, act: Act) {
        self.planned += 1;
        self.acts.insert((self.now + (seconds * SECOND as f64) as u64, self.planned), act);
    }

    fn emit(&mut self, from: From, content: impl Into<Content>) {
        let Some(sequence) = self.sequences.get_mut(from as usize) else { return };
        *sequence += 1;
        // Some microseconds from one to the next.
        self.now += self.random.u64(2_000..40_000);
        let run = [0x9f3a_71c2_0b5d_e816, 0x1c44_9d02_77ab_3f05, 0x5be8_00f1_93d4_6a27, 0xe07d_2a96_41c8_5b33];
        let run = run.get(from as usize).copied().unwrap_or_default();
        self.out.push(Record::new("alice".into(), run, *sequence, self.now, content));
    }

    fn message(&mut self, place: usize, inbound: bool, message_type: &'static str, payload: &[u8]) {
        self.message_of_size(place, inbound, message_type, payload, payload.len());
    }

    fn message_of_size(
        &mut self,
        place: usize,
        inbound: bool,
        message_type: &'static str,
        payload: &[u8],
        size: usize,
    ) {
        let Some(peer) = self.peers.get(place) else { return };
        let (conn_type, size) = (peer.conn_type(), size as u64);
        let meta =
            Meta { peer_id: peer.id, addr: &peer.addr, conn_type, conn_type_name: None, message_type, inbound, size };
        let message = meta.encoded(payload);
        self.emit(From::Ebpf, message);
    }

    fn ebpf(&mut self, event: EbpfEvent) {
        self.emit(From::Ebpf, Body::EbpfExtractor(Ebpf { ebpf_event: Some(event) }));
    }

    fn mempool(&mut self, event: mempool_event::Event) {
        self.ebpf(EbpfEvent::Mempool(MempoolEvent { event: Some(event) }));
    }

    fn connection(&mut self, event: connection_event::Event) {
        self.ebpf(EbpfEvent::Connection(ConnectionEvent { event: Some(event) }));
    }

    fn log(&mut self, line: &str) {
        let line = format!("{} {line}", event::time::rfc3339_micros(self.now));
        let entry = self.log.entry(line.as_bytes(), 0);
        self.emit(From::Log, Body::LogExtractor(entry));
    }

    fn inv(&mut self, place: usize, inbound: bool, message_type: &'static str, txs: &[u64]) {
        let items: Vec<[u8; 32]> = txs.iter().filter_map(|tx| Some(self.txs.get(*tx)?.wtxid)).collect();
        let payload = inventory(5, &items);
        self.message(place, inbound, message_type, &payload);
    }
}

impl Iterator for Day {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        while self.out.is_empty() {
            let ((time, _), act) = self.acts.pop_first()?;
            self.now = self.now.max(time);
            self.act(act);
            self.out.reverse();
        }
        self.out.pop()
    }
}

fn hash(random: &mut Rng) -> [u8; 32] {
    std::array::from_fn(|_| random.u8(..))
}

/// Entries of inv or getdata, all of one type.
fn inventory(item_type: u32, hashes: &[[u8; 32]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(hashes.len() * 36 + 3);
    compact_size(&mut out, hashes.len());
    for hash in hashes {
        out.extend(item_type.to_le_bytes());
        out.extend(hash);
    }
    out
}

impl Peer {
    fn connection(&self) -> Connection {
        let (addr, conn_type) = (self.addr.clone(), self.conn_type().into());
        Connection { peer_id: self.id, addr, conn_type, network: 1, conn_type_name: None }
    }

    fn conn_type(&self) -> ConnType {
        if self.outbound { ConnType::OutboundFullRelay } else { ConnType::Inbound }
    }
}
