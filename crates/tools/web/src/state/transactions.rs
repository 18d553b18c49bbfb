//! The propagation of transactions: which peers announce them, are requested to send them and deliver them, and whether the mempool accepts them.

mod logged;

use std::collections::VecDeque;

use event::message::{Items, Message, Payload, Tx as Delivered, short};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as Mempool;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{MempoolAccepted, MempoolRejected};
use event::{Body, Record};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use model::bounds::{MAX_ANNOUNCED, MAX_INV};
use model::text::{Hash, cut, hash, hash_of_text};
use model::{Announced, Change, Observer, Relayed};
use smol_str::SmolStr;

use super::node::{Context, Peers};
use super::peer::{Details, Peer};
use super::rate::Samples;
use super::series::{Coverage, SECOND, Series};
use super::types::Types;

/// The maximum number of transactions of a node that are kept: those of ten minutes or more at usual rates. They take about 4 MB.
const MAX: usize = 10_000;
/// The maximum number of announcers kept for each transaction.
const MAX_ANNOUNCERS: usize = 8;
/// The maximum number of delays kept.
const MAX_SAMPLES: usize = 1_000;

/// Ranges of the number of entries of an inv: the upper limit and the name.
pub(crate) const INV_SIZES: [(usize, &str); 6] =
    [(1, "1"), (10, "2-10"), (35, "11-35"), (100, "36-100"), (1_000, "101-1000"), (usize::MAX, "> 1000")];

/// A transaction that was announced or received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tx {
    pub txid: Option<Hash>,
    pub wtxid: Option<Hash>,
    /// The hash that it was announced by, which may be either of both.
    pub either: Option<Hash>,
    pub first_ns: u64,
    /// Ids of peers, with the times in nanoseconds since the UNIX epoch.
    pub announced_by: Vec<(u64, u64)>,
    pub announcements: u32,
    pub requested_from: Option<u64>,
    pub delivered_by: Option<u64>,
    pub delivered_ns: u64,
    pub accepted_ns: u64,
    pub rejected: Option<SmolStr>,
    pub vsize: Option<i32>,
    pub fee: Option<i64>,
    /// When the node announced it on our own connection after it had it.
    pub relayed: Option<Box<Relayed>>,
}

/// Totals of one node since the program started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub announced: u64,
    pub unique: u64,
    pub requested: u64,
    pub delivered: u64,
    pub duplicates: u64,
    pub unrequested: u64,
    /// Only those that are no longer kept.
    pub never_requested: u64,
    pub not_found: u64,
    pub accepted: u64,
    /// How many of the accepted ones a peer had announced.
    pub accepted_announced: u64,
    /// How many of the accepted ones were announced, and then requested.
    pub useful: u64,
}

/// Time series of entries or messages: inbound, outbound.
#[derive(Debug)]
pub(crate) struct Flow {
    pub inv: [Series; 2],
    pub getdata: [Series; 2],
    pub tx: [Series; 2],
}

/// Transactions of one node.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    /// The period in which tracepoints reported messages.
    pub traced: Coverage,
    /// The period in which debug.log did, without contents but with each entry of an inv.
    pub logged: Coverage,
    /// Entries of the inv that debug.log reports at present.
    logged_inv: usize,
    pub totals: Totals,
    pub flow: Flow,
    pub inv_sizes: [u64; INV_SIZES.len()],
    pub inv_to_tx: Samples,
    pub tx_to_mempool: Samples,
    /// Oldest first.
    kept: VecDeque<Tx>,
    /// The number of the oldest transaction in `kept`.
    first: u64,
    /// The numbers of the transactions in `kept`, by short hashes of their txids and wtxids.
    numbers: HashMap<u64, u64, RandomState>,
}

impl Default for Flow {
    fn default() -> Self {
        let pair = || [Series::sum(), Series::sum()];
        Self { inv: pair(), getdata: pair(), tx: pair() }
    }
}

fn add(pair: &mut [Series; 2], inbound: bool, time_ns: u64, count: u64) {
    if let Some(series) = pair.get_mut(usize::from(!inbound)) {
        series.add(time_ns, count as f64);
    }
}

fn seconds(from_ns: u64, to_ns: u64) -> f64 {
    to_ns.saturating_sub(from_ns) as f64 / SECOND as f64
}

impl Transactions {
    /// The transactions, newest first.
    pub fn recent(&self) -> impl Iterator<Item = &Tx> {
        self.kept.iter().rev()
    }

    /// The period in which announcements and requests were reported.
    pub fn covered(&self) -> Coverage {
        if self.traced.any() { self.traced } else { self.logged }
    }

    /// The number of transactions that were announced at least a minute ago and neither requested nor received.
    pub fn never_requested(&self, now_ns: u64) -> u64 {
        let is_old = |tx: &&Tx| tx.announcements > 0 && tx.first_ns.saturating_add(60 * SECOND) < now_ns;
        let never = self.kept.iter().filter(is_old).filter(|tx| tx.is_unwanted()).count();
        self.totals.never_requested + never as u64
    }

    fn at(&mut self, number: u64) -> Option<&mut Tx> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.kept.get_mut(index)
    }

    /// The number of the transaction with this txid or wtxid, and whether it was added because there was none.
    fn touch(&mut self, bytes: &[u8], time_ns: u64) -> Option<(u64, bool)> {
        let key = short(bytes)?;
        if let Some(number) = self.numbers.get(&key) {
            return Some((*number, false));
        }
        if self.kept.len() >= MAX {
            self.forget();
        }
        if self.kept.len() == self.kept.capacity() {
            // By itself it would double, beyond what is ever kept.
            self.kept.reserve_exact((self.kept.len() / 2).max(64).min(MAX - self.kept.len()));
        }
        let number = self.first + self.kept.len() as u64;
        self.kept.push_back(Tx { either: hash(bytes), first_ns: time_ns, ..Tx::default() });
        self.numbers.insert(key, number);
        Some((number, true))
    }

    fn forget(&mut self) {
        let Some(oldest) = self.kept.pop_front() else { return };
        self.totals.never_requested += u64::from(oldest.announcements > 0 && oldest.is_unwanted());
        for hash in [oldest.txid, oldest.wtxid, oldest.either].iter().flatten() {
            let Some(key) = short(hash) else { continue };
            if self.numbers.get(&key) == Some(&self.first) {
                self.numbers.remove(&key);
            }
        }
        self.first += 1;
    }

    /// The transaction with this txid and wtxid, by either of which it may have been announced. Added if there is none.
    fn join(&mut self, txid: &[u8], wtxid: &[u8], time_ns: u64) -> Option<&mut Tx> {
        let number_of = |hash: &[u8]| short(hash).and_then(|key| self.numbers.get(&key)).copied();
        let number = match (number_of(wtxid), number_of(txid)) {
            (Some(a), Some(b)) => a.min(b),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => self.touch(wtxid, time_ns)?.0,
        };
        for key in [txid, wtxid].into_iter().filter_map(short) {
            self.numbers.insert(key, number);
        }
        let tx = self.at(number)?;
        (tx.txid, tx.wtxid) = (hash(txid), hash(wtxid));
        Some(tx)
    }

    fn announced(&mut self, items: Items, inbound: bool, peer: &mut Peer, time_ns: u64) {
        let txs = || items.filter(|(item, _)| item.is_tx());
        let count = txs().count();
        if count == 0 {
            return;
        }
        add(&mut self.flow.inv, inbound, time_ns, count as u64);
        if !inbound {
            peer.details.txs.announced_to += count as u64;
            return;
        }
        peer.details.txs.announced += count as u64;
        self.totals.announced += count as u64;
        let size = INV_SIZES.iter().position(|(most, _)| count <= *most);
        if let Some(size) = size.and_then(|size| self.inv_sizes.get_mut(size)) {
            *size += 1;
        }
        // The node refuses a message that has more entries, and no single message may outweigh all others.
        if items.are_more_than(MAX_INV) {
            return;
        }
        for (_, hash) in txs().take(MAX_ANNOUNCED) {
            let Some((number, _)) = self.touch(hash, time_ns) else { continue };
            let Some(tx) = self.at(number) else { continue };
            let is_first = tx.announcements == 0 && tx.delivered_ns == 0;
            tx.announcements = tx.announcements.saturating_add(1);
            if tx.announced_by.len() < MAX_ANNOUNCERS {
                tx.announced_by.push((peer.id, time_ns));
            }
            peer.details.txs.first += u64::from(is_first);
            self.totals.unique += u64::from(is_first);
        }
    }

    fn requested(&mut self, items: Items, inbound: bool, peer: &mut Peer, time_ns: u64) {
        let mut count = 0_u64;
        for (_, hash) in items.filter(|(item, _)| item.is_tx()) {
            count += 1;
            if inbound {
                continue;
            }
            let Some((number, _)) = self.touch(hash, time_ns) else { continue };
            if let Some(tx) = self.at(number) {
                tx.requested_from = Some(peer.id);
            }
        }
        if count > 0 {
            add(&mut self.flow.getdata, inbound, time_ns, count);
        }
        if inbound {
            peer.details.txs.requested_by += count;
        } else {
            peer.details.txs.requested += count;
            self.totals.requested += count;
        }
    }

    fn delivered(&mut self, delivered: Delivered, peer: &mut Peer, time_ns: u64) {
        let Some(tx) = self.join(delivered.txid, delivered.wtxid, time_ns) else { return };
        let (duplicate, unrequested) = (tx.delivered_ns > 0, tx.requested_from.is_none());
        let announced_ns = tx.announced_by.first().map(|(_, at_ns)| *at_ns);
        if !duplicate {
            (tx.delivered_ns, tx.delivered_by) = (time_ns, Some(peer.id));
            if let Some(announced_ns) = announced_ns {
                self.inv_to_tx.add(seconds(announced_ns, time_ns), MAX_SAMPLES);
            }
        }
        for (total, of_peer, is) in [
            (&mut self.totals.delivered, &mut peer.details.txs.delivered, true),
            (&mut self.totals.duplicates, &mut peer.details.txs.duplicates, duplicate),
            (&mut self.totals.unrequested, &mut peer.details.txs.unrequested, unrequested),
        ] {
            *total += u64::from(is);
            *of_peer += u64::from(is);
        }
    }

    /// Handles a change of the mempool that a tracepoint reported.
    fn mempool(&mut self, event: &Mempool, peers: &mut Peers, time_ns: u64) {
        match event {
            Mempool::Added(added) => {
                if let Some(tx) = self.find_mut(&added.txid) {
                    (tx.vsize, tx.fee) = (Some(added.vsize), Some(added.fee));
                    self.accepted(&added.txid, peers, time_ns);
                }
            }
            Mempool::Rejected(rejected) => self.rejected(&rejected.txid, &rejected.reason),
            _ => {}
        }
    }

    fn find_mut(&mut self, bytes: &[u8]) -> Option<&mut Tx> {
        let number = *self.numbers.get(&short(bytes)?)?;
        self.at(number)
    }

    fn accepted(&mut self, bytes: &[u8], peers: &mut Peers, time_ns: u64) {
        let Some(tx) = self.find_mut(bytes) else { return };
        if tx.accepted_ns > 0 {
            return;
        }
        tx.accepted_ns = time_ns;
        tx.rejected = None;
        let (delivered_ns, announced) = (tx.delivered_ns, tx.announcements > 0);
        let first = tx.announced_by.first().filter(|_| tx.requested_from.is_some()).map(|(peer, _)| *peer);
        if let Some(first) = first {
            self.totals.useful += 1;
            if let Some(peer) = peers.get_mut(first) {
                peer.details.txs.useful += 1;
            }
        }
        self.totals.accepted += 1;
        self.totals.accepted_announced += u64::from(announced);
        // In debug.log, a transaction arrives when it is accepted.
        if delivered_ns > 0 && self.traced.any() {
            self.tx_to_mempool.add(seconds(delivered_ns, time_ns), MAX_SAMPLES);
        }
    }

    fn rejected(&mut self, bytes: &[u8], reason: &str) {
        if let Some(tx) = self.find_mut(bytes)
            && tx.accepted_ns == 0
        {
            tx.rejected = Some(cut(reason, 128));
        }
    }

    /// Handles an accepted transaction that debug.log reported.
    fn log_accepted(&mut self, entry: &MempoolAccepted, peers: &mut Peers, time_ns: u64) {
        let peer = entry.peer_id.and_then(|id| peers.get_mut(id));
        self.log_delivered(&entry.txid, entry.wtxid.as_deref(), peer, time_ns);
        if let Some(txid) = hash_of_text(&entry.txid) {
            self.accepted(&txid, peers, time_ns);
        }
    }

    /// Handles a rejected transaction that debug.log reported.
    fn log_rejected(&mut self, entry: &MempoolRejected, peer: Option<&mut Peer>, time_ns: u64) {
        self.log_delivered(&entry.txid, entry.wtxid.as_deref(), peer, time_ns);
        if let Some(txid) = hash_of_text(&entry.txid) {
            self.rejected(&txid, &entry.reason);
        }
    }

    /// Records a delivery that debug.log reported, unless tracepoints do.
    fn log_delivered(&mut self, txid: &str, wtxid: Option<&str>, peer: Option<&mut Peer>, time_ns: u64) {
        if self.traced.any() {
            return;
        }
        let Some(txid) = hash_of_text(txid) else { return };
        let wtxid = wtxid.and_then(hash_of_text);
        let Some(tx) = self.join(&txid, wtxid.as_ref().unwrap_or(&txid), time_ns) else { return };
        tx.wtxid = wtxid;
        if let Some(peer) = peer
            && tx.delivered_ns == 0
        {
            (tx.delivered_ns, tx.delivered_by) = (time_ns, Some(peer.id));
            // Where messages are logged, this one was counted as it came.
            if !self.logged.any() {
                peer.details.txs.delivered += 1;
                self.totals.delivered += 1;
                add(&mut self.flow.tx, true, time_ns, 1);
            }
        }
    }
}

impl Observer<Types, Details> for Transactions {
    fn message(&mut self, message: &Message, peer: &mut Peer, context: &mut Context) {
        let time_ns = context.time_ns;
        self.traced.note(time_ns);
        match message.payload {
            Payload::Inv(items) => self.announced(items, message.inbound, peer, time_ns),
            Payload::GetData(items) => self.requested(items, message.inbound, peer, time_ns),
            Payload::NotFound(items) if message.inbound => {
                let count = items.filter(|(item, _)| item.is_tx()).count() as u64;
                peer.details.txs.not_found += count;
                self.totals.not_found += count;
            }
            Payload::Tx(tx) => {
                add(&mut self.flow.tx, message.inbound, time_ns, 1);
                if message.inbound {
                    self.delivered(tx, peer, time_ns);
                } else {
                    peer.details.txs.sent += 1;
                }
            }
            _ => {}
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers, context: &mut Context) {
        let time_ns = context.time_ns;
        match record.body() {
            Some(Body::EbpfExtractor(ebpf)) => {
                if let Some(EbpfEvent::Mempool(mempool)) = &ebpf.ebpf_event
                    && let Some(event) = &mempool.event
                {
                    self.mempool(event, peers, time_ns);
                }
            }
            Some(Body::LogExtractor(line)) => match &line.log_event {
                Some(LogEvent::MempoolAccepted(entry)) => self.log_accepted(entry, peers, time_ns),
                Some(LogEvent::MempoolRejected(entry)) => {
                    let peer = entry.peer_id.and_then(|id| peers.get_mut(id));
                    self.log_rejected(entry, peer, time_ns);
                }
                Some(entry) => self.log(entry, peers, time_ns),
                None => {}
            },
            _ => {}
        }
    }

    fn change(&mut self, change: &Change, _: &mut Peers, _: &mut Context) {
        if let Change::Relayed(relayed) = change
            && relayed.what == Announced::Transaction
            && let Some(tx) = self.find_mut(&relayed.hash)
        {
            tx.relayed = Some(Box::new(*relayed));
        }
    }
}

impl Tx {
    /// Whether it was neither requested nor received.
    fn is_unwanted(&self) -> bool {
        self.requested_from.is_none() && self.delivered_ns == 0
    }
}
