//! How long the node takes to announce what it has: transactions and blocks, on a P2P connection of our own.
//!
//! What the node has is reported by other ways than what it announces, and either may come first. So an announcement
//! waits for [`SETTLE_NS`] until every source has reported, and is compared then. Each transaction and each block
//! counts once, and only what the node got after the connection was opened: what it had before is announced late for
//! another reason. Nothing is kept of a node to which there is no such connection.

use std::collections::VecDeque;

use event::message::{Message, Payload};
use event::names;
use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as Mempool;
use event::pb::log_extractor::ValidationSignalName;
use event::pb::log_extractor::log::LogEvent;
use event::pb::p2p_extractor::p2p::P2pEvent;

use crate::bounded::RecentMap;
use crate::bounds::{MAX_ANNOUNCEMENTS, MAX_INV, RELAYED, SECOND, SETTLE_NS};
use crate::text::{Hash, hash, short_of, short_of_text};
use crate::{Blocks, Change, blocks::Stage};

/// Something that the node had and announced on our own P2P connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// What it is.
    pub what: Announced,
    /// The hash by which it was announced: of a transaction its wtxid or txid.
    pub hash: Hash,
    /// What shows that the node had it: of a transaction "mempool" (the tracepoint), "message" (a peer sent it), or
    /// "log"; of a block the name of the first stage that was reported.
    pub since: &'static str,
    /// Since when the node is known to have had it, nanoseconds since the UNIX epoch.
    pub known_ns: u64,
    /// When it was announced, nanoseconds since the UNIX epoch.
    pub announced_ns: u64,
}

/// What was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// A transaction.
    Transaction,
    /// A block, by this type of message: "inv", "headers", "cmpctblock", or "unknown".
    Block(&'static str),
}

impl Relayed {
    /// Time from when the node is known to have had it until the announcement, in seconds. It is negative if the
    /// announcement came first by the clock: a compact block is announced before it is connected, and clocks of two
    /// machines differ.
    pub fn seconds(&self) -> f64 {
        let seconds = |from_ns: u64, to_ns: u64| to_ns.saturating_sub(from_ns) as f64 / SECOND as f64;
        seconds(self.known_ns, self.announced_ns) - seconds(self.announced_ns, self.known_ns)
    }
}

/// Since when the node has a transaction, by source, nanoseconds since the UNIX epoch; 0 if that did not report it.
#[derive(Clone, Copy, Debug, Default)]
struct Had {
    mempool_ns: u64,
    message_ns: u64,
    logged_ns: u64,
    /// The other name of the same transaction; 0 if it is not known.
    other: u64,
}

impl Had {
    /// The best that is known. debug.log comes last: it may have whole seconds only.
    fn best(&self) -> Option<(&'static str, u64)> {
        let sources = [("mempool", self.mempool_ns), ("message", self.message_ns), ("log", self.logged_ns)];
        sources.into_iter().find(|(_, since_ns)| *since_ns > 0)
    }

    /// What is known by two names of the same one.
    fn joined(self, other: Self) -> Self {
        let first = |a: u64, b: u64| if a == 0 || b == 0 { a.max(b) } else { a.min(b) };
        Self {
            mempool_ns: first(self.mempool_ns, other.mempool_ns),
            message_ns: first(self.message_ns, other.message_ns),
            logged_ns: first(self.logged_ns, other.logged_ns),
            other: self.other,
        }
    }
}

/// An announcement that waits until it is compared.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    what: Announced,
    hash: Hash,
    at_ns: u64,
}

/// What the node has, and what it announced to us.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Transactions that the node has, by txid and wtxid (BIP 339).
    had: RecentMap<Had>,
    /// What was announced, so that each counts once.
    announced: RecentMap<()>,
    /// Announcements, oldest first.
    waiting: VecDeque<Waiting>,
    /// Since when the connection is open, nanoseconds since the UNIX epoch; 0 if there was none.
    opened_ns: u64,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            had: RecentMap::new(RELAYED.0, RELAYED.1),
            announced: RecentMap::new(RELAYED.0, RELAYED.1),
            waiting: VecDeque::new(),
            opened_ns: 0,
        }
    }
}

impl Relay {
    /// Whether there is, or was, a P2P connection of our own.
    #[inline]
    fn is_used(&self) -> bool {
        self.opened_ns > 0
    }

    /// Notes a transaction that a peer sent to the node.
    #[inline]
    pub(crate) fn message(&mut self, message: &Message, at_ns: u64) {
        if !self.is_used() || !message.inbound {
            return;
        }
        if let Payload::Tx(tx) = message.payload
            && let (Some(txid), Some(wtxid)) = (hash(tx.txid), hash(tx.wtxid))
        {
            self.has(Some(short_of(&txid)), Some(short_of(&wtxid)), at_ns, |had| &mut had.message_ns);
        }
    }

    /// Notes a transaction that entered the mempool.
    pub(crate) fn mempool(&mut self, event: &Mempool, at_ns: u64) {
        if self.is_used()
            && let Mempool::Added(added) = event
        {
            let txid = hash(&added.txid).map(|txid| short_of(&txid));
            self.has(txid, None, at_ns, |had| &mut had.mempool_ns);
        }
    }

    /// Notes a transaction that entered the mempool, as debug.log reports it.
    pub(crate) fn logged(&mut self, entry: &LogEvent, at_ns: u64) {
        if !self.is_used() {
            return;
        }
        let (txid, wtxid) = match entry {
            // It is logged at once, and the entry that has both names when the scheduler's thread gets to it.
            LogEvent::ValidationSignal(signal)
                if signal.queued && signal.signal() == ValidationSignalName::TransactionAddedToMempool =>
            {
                let Some(txid) = &signal.txid else { return };
                (txid, None)
            }
            LogEvent::MempoolAccepted(accepted) => (&accepted.txid, accepted.wtxid.as_deref()),
            LogEvent::MempoolAdded(added) => (&added.txid, Some(added.wtxid.as_str())),
            _ => return,
        };
        self.has(short_of_text(txid), wtxid.and_then(short_of_text), at_ns, |had| &mut had.logged_ns);
    }

    /// The node has a transaction. `wtxid` is None if it is not known.
    fn has(&mut self, txid: Option<u64>, wtxid: Option<u64>, at_ns: u64, since: fn(&mut Had) -> &mut u64) {
        let Some(txid) = txid else { return };
        let mut had = *self.had.touch(txid, at_ns, Had::default).0;
        let wtxid = wtxid.unwrap_or(had.other);
        if wtxid != 0 && wtxid != txid {
            had = had.joined(*self.had.touch(wtxid, at_ns, Had::default).0);
        }
        let since_ns = since(&mut had);
        if *since_ns == 0 {
            *since_ns = at_ns;
        }
        self.had.put(txid, at_ns, Had { other: wtxid, ..had });
        if wtxid != 0 && wtxid != txid {
            self.had.put(wtxid, at_ns, Had { other: txid, ..had });
        }
    }

    /// Notes what our own P2P connection saw.
    pub(crate) fn p2p(&mut self, event: &P2pEvent, at_ns: u64, blocks: &Blocks, changes: &mut Vec<Change>) {
        match event {
            P2pEvent::ConnectionOpened(_) => self.opened_ns = at_ns,
            P2pEvent::InventoryAnnouncement(announcement) => {
                for item in announcement.inventory.iter().take(MAX_INV) {
                    if let Some(Item::Transaction(bytes) | Item::Wtx(bytes) | Item::WitnessTransaction(bytes)) =
                        &item.item
                        && let Some(hash) = hash(bytes)
                    {
                        self.wait(Waiting { what: Announced::Transaction, hash, at_ns }, blocks, changes);
                    }
                }
            }
            P2pEvent::BlockAnnouncement(announcement) => {
                if let Some(hash) = hash(&announcement.block_hash) {
                    let types = ["inv", "headers", "cmpctblock"];
                    let message_type = types.into_iter().find(|known| *known == announcement.message_type);
                    let what = Announced::Block(message_type.unwrap_or(names::UNKNOWN));
                    self.wait(Waiting { what, hash, at_ns }, blocks, changes);
                }
            }
            _ => {}
        }
        // Other extractors do not report when a connection is opened.
        if self.opened_ns == 0 {
            self.opened_ns = at_ns;
        }
    }

    fn wait(&mut self, waiting: Waiting, blocks: &Blocks, changes: &mut Vec<Change>) {
        if !self.announced.touch(short_of(&waiting.hash), waiting.at_ns, || ()).1 {
            return;
        }
        if self.waiting.len() >= MAX_ANNOUNCEMENTS
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.compare(&oldest, blocks, changes);
        }
        self.waiting.push_back(waiting);
    }

    /// Reports what an announcement shows, if the node is known to have had it.
    fn compare(&self, waiting: &Waiting, blocks: &Blocks, changes: &mut Vec<Change>) {
        let Waiting { what, hash, at_ns } = *waiting;
        let known = match what {
            Announced::Transaction => self.had.get(short_of(&hash)).and_then(Had::best),
            Announced::Block(_) => blocks.find(&hash).and_then(|block| {
                let stages = Stage::ALL.into_iter().filter_map(|stage| Some((stage.name(), block.at(stage)?)));
                stages.min_by_key(|(_, since_ns)| *since_ns)
            }),
        };
        // Times of debug.log may be up to a second too early.
        if let Some((since, known_ns)) = known.filter(|(_, known_ns)| known_ns.saturating_add(SECOND) > self.opened_ns)
        {
            changes.push(Change::Relayed(Relayed { what, hash, since, known_ns, announced_ns: at_ns }));
        }
    }

    /// Compares the announcements of which nothing more is expected.
    #[inline]
    pub(crate) fn settle(&mut self, now_ns: u64, blocks: &Blocks, changes: &mut Vec<Change>) {
        while let Some(waiting) = self.waiting.pop_front_if(|waiting| waiting.at_ns.saturating_add(SETTLE_NS) <= now_ns)
        {
            self.compare(&waiting, blocks, changes);
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now_ns: u64, blocks: &Blocks, changes: &mut Vec<Change>) {
        self.settle(now_ns, blocks, changes);
        self.had.turn(now_ns);
        self.announced.turn(now_ns);
    }
}
