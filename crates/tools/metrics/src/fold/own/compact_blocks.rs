//! Compact blocks (BIP 152): how many become blocks without asking for transactions.

use event::Record;
use event::message::{CompactBlock, ItemType, Message, Payload};
use event::pb::log_extractor::CompactBlockReconstructed;
use event::pb::log_extractor::log::LogEvent;

use super::{SECOND, log_entry, short};
use crate::fold::{Context, Observer, Origin, Peer, Peers};
use crate::ids;
use crate::store::Store;
use model::Change;
use model::bounded::RecentMap;
use model::text::short_of;

/// Compact blocks that wait for what follows at the same time.
const MAX_WAITING: usize = 64;

/// Those that one peer can have waiting.
const MAX_WAITING_OF_PEER: usize = 4;

/// The node asks for missing transactions at once. Where no source reports connected blocks, it is given so long for that.
const ASKS_WITHIN_NS: u64 = 5 * SECOND;

/// A block that was not connected after so long was none, or not on the best chain.
const CONNECTS_WITHIN_NS: u64 = 600 * SECOND;

/// What followed.
const COMPLETE: &str = "complete";
const REQUESTED: &str = "requested";
const FULL: &str = "full";

/// A block of which a compact block came.
#[derive(Debug)]
struct Waiting {
    block: u64,
    peer: u64,
    since_ns: u64,
    result: &'static str,
}

/// Compact blocks, each block counted once: only the first one can be incomplete. When others send it too, the node has it.
#[derive(Debug)]
pub(super) struct CompactBlocks {
    waiting: Vec<Waiting>,
    /// Blocks that were counted, connected, or asked for as a whole.
    known: RecentMap<()>,
    /// A source reports connected blocks.
    has_connections: bool,
}

impl Default for CompactBlocks {
    fn default() -> Self {
        Self { waiting: Vec::new(), known: RecentMap::new(2_048, 86_400 * SECOND), has_connections: false }
    }
}

impl CompactBlocks {
    fn received(&mut self, compact: &CompactBlock, peer: u64, context: &mut Context) {
        context.sink.observe(ids::COMPACT_BLOCK_PREFILLED, &[], compact.prefilled as f64);
        let Some(block) = short(compact.header.hash) else { return };
        if self.known.has(block) || self.waiting.iter().any(|waiting| waiting.block == block) {
            return;
        }
        let of_peer = |waiting: &Waiting| waiting.peer == peer;
        if self.waiting.iter().filter(|waiting| of_peer(waiting)).count() >= MAX_WAITING_OF_PEER {
            self.waiting.retain(|waiting| !of_peer(waiting));
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.remove(0);
        }
        self.waiting.push(Waiting { block, peer, since_ns: context.time_ns, result: COMPLETE });
    }

    /// The node asks for more. That it asks for the whole block says more than that it asked for transactions.
    fn asks(&mut self, block: Option<u64>, result: &'static str, now_ns: u64) {
        let Some(block) = block else { return };
        match self.waiting.iter_mut().find(|waiting| waiting.block == block) {
            Some(waiting) if waiting.result != FULL => waiting.result = result,
            Some(_) => {}
            None if result == FULL => self.known.put(block, now_ns, ()),
            None => {}
        }
    }

    fn connected(&mut self, block: u64, context: &mut Context) {
        self.has_connections = true;
        self.known.put(block, context.time_ns, ());
        for waiting in self.waiting.extract_if(.., |waiting| waiting.block == block) {
            context.sink.inc(ids::COMPACT_BLOCKS, &[waiting.result]);
        }
    }

    fn settle(&mut self, now_ns: u64, store: &mut Store) {
        let patience_ns = if self.has_connections { CONNECTS_WITHIN_NS } else { ASKS_WITHIN_NS };
        let is_over = |waiting: &mut Waiting| now_ns >= waiting.since_ns.saturating_add(patience_ns);
        for waiting in self.waiting.extract_if(.., is_over) {
            if !self.has_connections {
                self.known.put(waiting.block, now_ns, ());
                store.inc(ids::COMPACT_BLOCKS, &[waiting.result]);
            }
        }
    }
}

fn reconstructed(block: &CompactBlockReconstructed, store: &mut Store) {
    let result = match (block.requested, block.from_extra_pool) {
        (0, 0) => "mempool",
        (0, _) => "extra_pool",
        _ => "requested",
    };
    store.inc(ids::COMPACT_BLOCK_RECONSTRUCTIONS, &[result]);
    let of_both = if block.from_extra_pool_bytes.is_none() { block.from_extra_pool } else { 0 };
    let counts = [
        ("prefilled", block.prefilled, block.prefilled_bytes),
        ("mempool", block.from_mempool.saturating_sub(of_both), block.from_mempool_bytes),
        ("extra_pool", block.from_extra_pool, block.from_extra_pool_bytes),
        ("requested", block.requested, block.requested_bytes),
    ];
    for (origin, count, bytes) in counts {
        store.add(ids::COMPACT_BLOCK_TRANSACTIONS, &[origin], count.into());
        if let Some(bytes) = bytes {
            store.add(ids::COMPACT_BLOCK_BYTES, &[origin], bytes as f64);
        }
    }
}

impl Observer<Store> for CompactBlocks {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin == Origin::Messages {
            [COMPLETE, REQUESTED, FULL].iter().for_each(|result| store.add(ids::COMPACT_BLOCKS, &[result], 0.0));
        }
        if origin != Origin::LogCompactBlocks {
            return;
        }
        for result in ["mempool", "extra_pool", "requested"] {
            store.add(ids::COMPACT_BLOCK_RECONSTRUCTIONS, &[result], 0.0);
        }
        for origin in ["prefilled", "mempool", "extra_pool", "requested"] {
            store.add(ids::COMPACT_BLOCK_TRANSACTIONS, &[origin], 0.0);
        }
    }

    fn message(&mut self, message: &Message, _: &mut Peer, context: &mut Context) {
        match message.payload {
            Payload::CompactBlock(block) if message.inbound => self.received(&block, message.peer, context),
            Payload::GetBlockTxn(block, count) if !message.inbound => {
                context.sink.observe(ids::COMPACT_BLOCK_REQUESTED, &[], count as f64);
                self.asks(short(block), REQUESTED, context.time_ns);
            }
            Payload::GetData(items) if !message.inbound => {
                for (item, hash) in items {
                    if matches!(item, ItemType::Block | ItemType::WitnessBlock) {
                        self.asks(short(hash), FULL, context.time_ns);
                    }
                }
            }
            _ => {}
        }
    }

    #[inline]
    fn change(&mut self, change: &Change, _: &mut Peers, context: &mut Context) {
        if let Change::BlockConnected { hash } = change {
            self.connected(short_of(hash), context);
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        if let Some(LogEvent::CompactBlockReconstructed(block)) = log_entry(record) {
            reconstructed(block, context.sink);
        }
    }

    fn tick(&mut self, _: &mut Peers, context: &mut Context) {
        let now_ns = context.time_ns;
        self.settle(now_ns, context.sink);
        self.known.turn(now_ns);
    }
}
