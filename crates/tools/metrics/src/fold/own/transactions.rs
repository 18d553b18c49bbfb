//! How transactions spread: who announces them first, what arrives, and how long it takes until the mempool has them.

use event::names;
use std::collections::VecDeque;

use event::Record;
use event::message::{Hash, Items, Message, Payload, Tx};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as Mempool;
use event::pb::log_extractor::log::LogEvent;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{SECOND, log_entry, seconds, short, short_of_text, tracepoint};
use crate::fold::{Context, Observer, Origin, Peer, Peers};
use crate::ids;
use crate::store::Store;
use model::Change;
use model::bounded::RecentMap;
use model::bounds::{MAX_ANNOUNCED, MAX_INV};

/// What is known of a transaction.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// When a peer announced or sent it first; 0 if none did.
    first_ns: u64,
    /// It arrived.
    received: bool,
    /// It came into the mempool.
    accepted: bool,
    /// The mempool did not take it, because inputs were missing.
    orphan: bool,
}

impl Seen {
    /// What is known by two names of the same one.
    fn joined(self, other: Self) -> Self {
        let first_ns = match (self.first_ns, other.first_ns) {
            (0, first) | (first, 0) => first,
            (a, b) => a.min(b),
        };
        Self {
            first_ns,
            received: self.received | other.received,
            accepted: self.accepted | other.accepted,
            orphan: self.orphan | other.orphan,
        }
    }
}

/// Recent transactions, by txid and wtxid (BIP 339).
#[derive(Debug)]
pub(super) struct Transactions {
    seen: RecentMap<Seen>,
    /// Requests of the node for one, by peer.
    asked: RecentMap<()>,
    announcers: Announcers,
}

impl Default for Transactions {
    fn default() -> Self {
        Self {
            // At 14 transactions a second, which is the most that nodes relay, that is an hour.
            seen: RecentMap::new(50_000, 3_600 * SECOND),
            asked: RecentMap::new(10_000, 600 * SECOND),
            announcers: Announcers::default(),
        }
    }
}

impl Transactions {
    fn announced(&mut self, items: Items, message: &Message, context: &mut Context) {
        let (mut first, mut later) = (0_u32, 0_u32);
        // The node refuses a message that has more.
        if items.are_more_than(MAX_INV) {
            return;
        }
        for (item, hash) in items {
            if !item.is_tx() {
                continue;
            }
            let Some(hash) = short(hash) else { continue };
            let (seen, _) = self.seen.touch(hash, context.time_ns, Seen::default);
            if seen.first_ns == 0 {
                seen.first_ns = context.time_ns;
                first += 1;
            } else {
                later += 1;
            }
        }
        let connection_type = names::connection_type_of_message(message);
        if first > 0 {
            context.sink.add(ids::TX_ANNOUNCEMENTS, &["first", connection_type], first.into());
            self.announcers.add(message.peer, first.min(MAX_ANNOUNCED as u32), context.time_ns);
        }
        if later > 0 {
            context.sink.add(ids::TX_ANNOUNCEMENTS, &["later", connection_type], later.into());
        }
    }

    fn asked_key(&self, peer: u64, hash: Hash) -> Option<u64> {
        Some(self.asked.key((peer, short(hash)?)))
    }

    fn received(&mut self, tx: Tx, peer: u64, context: &mut Context) {
        let (Some(txid), Some(wtxid)) = (short(tx.txid), short(tx.wtxid)) else { return };
        let mut asked = false;
        for hash in [tx.wtxid, tx.txid] {
            let key = self.asked_key(peer, hash);
            asked |= key.is_some_and(|key| self.asked.remove(key).is_some());
        }
        let now_ns = context.time_ns;
        let mut seen = *self.seen.touch(txid, now_ns, Seen::default).0;
        if wtxid != txid {
            seen = seen.joined(*self.seen.touch(wtxid, now_ns, Seen::default).0);
        }
        let kind = match (seen.received, asked) {
            (true, _) => "duplicate",
            (false, true) => "new",
            (false, false) => "unsolicited",
        };
        context.sink.inc(ids::TX_RECEIVED, &[kind]);
        seen = seen.joined(Seen { first_ns: now_ns, received: true, ..Seen::default() });
        self.seen.put(txid, now_ns, seen);
        if wtxid != txid {
            self.seen.put(wtxid, now_ns, seen);
        }
    }

    fn accepted(&mut self, txid: Option<u64>, context: &mut Context) {
        let Some(seen) = txid.and_then(|txid| self.seen.get_mut(txid)) else { return };
        if !seen.accepted && seen.first_ns != 0 {
            seen.accepted = true;
            context.sink.observe(ids::TX_TO_MEMPOOL, &[], seconds(seen.first_ns, context.time_ns));
        }
    }

    fn rejected(&mut self, txid: Option<u64>, reason: &str, context: &mut Context) {
        let missing = ["bad-txns-inputs-missingorspent", "missing-inputs"];
        if !missing.iter().any(|missing| reason.starts_with(missing)) {
            return;
        }
        let Some(txid) = txid else { return };
        let (seen, _) = self.seen.touch(txid, context.time_ns, Seen::default);
        if !seen.orphan {
            seen.orphan = true;
            context.sink.inc(ids::TX_MISSING_INPUTS, &[]);
        }
    }
}

impl Observer<Store> for Transactions {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        match origin {
            Origin::Messages => {
                ["new", "duplicate", "unsolicited"].iter().for_each(|kind| store.add(ids::TX_RECEIVED, &[kind], 0.0));
            }
            Origin::Mempool | Origin::LogRejections => store.add(ids::TX_MISSING_INPUTS, &[], 0.0),
            _ => {}
        }
    }

    fn message(&mut self, message: &Message, _: &mut Peer, context: &mut Context) {
        match message.payload {
            Payload::Inv(items) if message.inbound => self.announced(items, message, context),
            Payload::Tx(tx) if message.inbound => self.received(tx, message.peer, context),
            Payload::GetData(items) if !message.inbound => {
                for (_, hash) in items.filter(|(item, _)| item.is_tx()) {
                    if let Some(key) = self.asked_key(message.peer, hash) {
                        self.asked.put(key, context.time_ns, ());
                    }
                }
            }
            _ => {}
        }
    }

    #[inline]
    fn change(&mut self, change: &Change, _: &mut Peers, _: &mut Context) {
        if let Change::TracepointsRestarted = change {
            self.announcers = Announcers::default();
            self.asked.clear();
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        if let Some(EbpfEvent::Mempool(mempool)) = tracepoint(record) {
            match &mempool.event {
                Some(Mempool::Added(added)) => self.accepted(short(&added.txid), context),
                Some(Mempool::Rejected(rejected)) => self.rejected(short(&rejected.txid), &rejected.reason, context),
                _ => {}
            }
        }
        match log_entry(record) {
            Some(LogEvent::MempoolAccepted(accepted)) => self.accepted(short_of_text(&accepted.txid), context),
            Some(LogEvent::MempoolRejected(rejected)) => {
                self.rejected(short_of_text(&rejected.txid), &rejected.reason, context);
            }
            _ => {}
        }
    }

    fn tick(&mut self, _: &mut Peers, context: &mut Context) {
        let now_ns = context.time_ns;
        self.seen.turn(now_ns);
        self.asked.turn(now_ns);
        self.announcers.forget(now_ns);
        let shares = self.announcers.shares([1, 3, 10]);
        for (rank, share) in ["1", "3", "10"].iter().zip(shares) {
            match share {
                Some(share) => context.sink.set(ids::TX_FIRST_ANNOUNCER_SHARE, &[rank], share),
                None => context.sink.remove(ids::TX_FIRST_ANNOUNCER_SHARE, &[rank]),
            }
        }
    }
}

/// Minutes over which first announcements are compared.
const MINUTES: u64 = 10;

/// Peers that are counted one by one in a minute. The others together count as many small ones.
const MAX_ANNOUNCERS: usize = 1_024;

/// Who announced how many transactions first, minute by minute.
#[derive(Debug, Default)]
struct Announcers(VecDeque<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: u64,
    by_peer: HashMap<u64, u32, FixedState>,
    others: u64,
}

impl Announcers {
    fn add(&mut self, peer: u64, count: u32, now_ns: u64) {
        let number = now_ns / (60 * SECOND);
        if self.0.back().is_none_or(|minute| minute.number < number) {
            self.forget(now_ns);
            self.0.push_back(Minute { number, ..Minute::default() });
        }
        let Some(minute) = self.0.back_mut() else { return };
        let full = minute.by_peer.len() >= MAX_ANNOUNCERS;
        match minute.by_peer.get_mut(&peer) {
            Some(sum) => *sum = sum.saturating_add(count),
            None if full => minute.others += u64::from(count),
            None => {
                minute.by_peer.insert(peer, count);
            }
        }
    }

    /// What is older than ten minutes.
    fn forget(&mut self, now_ns: u64) {
        let number = now_ns / (60 * SECOND);
        while self.0.front().is_some_and(|minute| minute.number + MINUTES <= number) {
            self.0.pop_front();
        }
    }

    /// Shares of so many peers that announced most.
    fn shares<const N: usize>(&self, ranks: [usize; N]) -> [Option<f64>; N] {
        let mut by_peer: HashMap<u64, u64, FixedState> = HashMap::default();
        for (peer, count) in self.0.iter().flat_map(|minute| &minute.by_peer) {
            *by_peer.entry(*peer).or_default() += u64::from(*count);
        }
        let mut counts: Vec<u64> = by_peer.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let all = counts.iter().sum::<u64>() + self.0.iter().map(|minute| minute.others).sum::<u64>();
        ranks.map(|rank| (all > 0).then(|| counts.iter().take(rank).sum::<u64>() as f64 / all as f64))
    }
}
