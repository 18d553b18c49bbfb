//! Peers and transactions of the node.

use std::collections::VecDeque;

use fastrand::Rng;

pub(super) const PEERS: usize = 125;
/// Places of outbound peers; the others are inbound.
pub(super) const OUTBOUND: usize = 10;
/// Addresses that inbound peers come from.
const ADDRESSES: u32 = 5_000;

/// A peer.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub id: u64,
    pub addr: String,
    pub outbound: bool,
    pub since_ns: u64,
}

impl Peer {
    pub fn new(random: &mut Rng, id: u64, outbound: bool) -> Self {
        let [_, b, c, d] = random.u32(..ADDRESSES).wrapping_mul(0x9e37_79b1).to_le_bytes();
        let port = if outbound { 8333 } else { random.u16(20_000..60_000) };
        Self { id, addr: format!("{}.{b}.{c}.{d}:{port}", 20 + b % 180), outbound, since_ns: super::START_NS }
    }
}

/// A transaction.
#[derive(Debug)]
pub(super) struct Tx {
    pub txid: [u8; 32],
    pub wtxid: [u8; 32],
    pub raw: Vec<u8>,
    pub fee: i64,
    /// When it was made, somewhere.
    pub time: u64,
    /// The node has asked for it.
    pub asked: bool,
    /// When the node got it.
    pub fetched: Option<u64>,
    /// The places of the peers who announced it, or to whom it was announced.
    known: u128,
}

impl Tx {
    pub fn new(random: &mut Rng, raw: Vec<u8>, time: u64) -> Self {
        let Some((txid, wtxid)) = ids(&raw) else { return Self::empty(time) };
        Self { txid, wtxid, raw, fee: random.i64(200..20_000), ..Self::empty(time) }
    }

    fn empty(time: u64) -> Self {
        let (raw, hash) = (Vec::new(), [0; 32]);
        Self { txid: hash, wtxid: hash, raw, fee: 0, time, asked: false, fetched: None, known: 0 }
    }

    pub fn knows(&self, place: usize) -> bool {
        self.known >> place & 1 == 1
    }

    pub fn learn(&mut self, place: usize) {
        self.known |= 1 << place;
    }

    pub fn vsize(&self) -> i32 {
        self.raw.len() as i32 * 2 / 3
    }
}

/// Txid and wtxid of a transaction, as its event has them.
fn ids(raw: &[u8]) -> Option<([u8; 32], [u8; 32])> {
    use decode::message::Meta;
    use event::message::{Message, Payload};
    let conn_type = event::pb::bitcoin_primitives::ConnType::Inbound;
    let (message_type, size) = ("tx", raw.len() as u64);
    let meta = Meta { peer_id: 0, addr: "", conn_type, conn_type_name: None, message_type, inbound: true, size };
    let record = event::Record::new("".into(), 0, 0, 0, meta.encoded(raw));
    let Payload::Tx(tx) = Message::of(&record)?.payload else { return None };
    Some((tx.txid.try_into().ok()?, tx.wtxid.try_into().ok()?))
}

/// Transactions that are in no block, by numbers.
#[derive(Debug, Default)]
pub(super) struct Txs {
    first: u64,
    waiting: VecDeque<Tx>,
}

impl Txs {
    pub fn add(&mut self, tx: Tx) {
        self.waiting.push_back(tx);
    }

    pub fn get(&self, number: u64) -> Option<&Tx> {
        self.waiting.get(number.checked_sub(self.first)? as usize)
    }

    pub fn get_mut(&mut self, number: u64) -> Option<&mut Tx> {
        self.waiting.get_mut(number.checked_sub(self.first)? as usize)
    }

    /// Those that were made after a time.
    pub fn since(&mut self, time: u64) -> impl Iterator<Item = (u64, &mut Tx)> {
        let start = self.waiting.partition_point(|tx| tx.time < time);
        let first = self.first + start as u64;
        self.waiting.range_mut(start..).enumerate().map(move |(at, tx)| (first + at as u64, tx))
    }

    /// Those that the node got after a time.
    pub fn fetched_since(&self, time: u64) -> impl Iterator<Item = &Tx> {
        let start = self.waiting.partition_point(|tx| tx.time + 60_000_000_000 < time);
        self.waiting.range(start..).filter(move |tx| tx.fetched.is_some_and(|fetched| fetched >= time))
    }

    /// Removes the oldest ones, which were made before a time: a block has them.
    pub fn take_mined(&mut self, before: u64, most: usize) -> Vec<Tx> {
        let count = self.waiting.partition_point(|tx| tx.time < before).min(most);
        self.first += count as u64;
        self.waiting.drain(..count).collect()
    }

    pub fn in_mempool(&self) -> usize {
        self.waiting.len()
    }
}
