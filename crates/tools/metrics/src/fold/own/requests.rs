//! How long answers take: of the node to its peers, and of them to it.

use event::Record;
use event::message::{ItemType, Message, Payload};
use event::names;
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

use super::{Run, SECOND, closed, seconds, short};
use crate::fold::{Part, Peer, Scope};
use crate::ids;
use crate::store::Store;

/// Requests that are waited for at the most. Nodes have some hundred.
const MAX_PENDING: usize = 28_000;

/// After so long no answer comes any more; Bitcoin Core's longest patience (`TIMEOUT_INTERVAL`).
const TIMEOUT_NS: u64 = 1_200 * SECOND;

/// Peers that are gone and may still have requests, at the most.
const MAX_GONE: usize = 1_000;

/// How often those without answer are looked for.
const SWEEP_NS: u64 = 60 * SECOND;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Asked {
    Pong,
    Tx,
    Block,
    CompactBlock,
    Headers,
    BlockTxn,
}

impl Asked {
    fn of(item: ItemType) -> Option<Self> {
        match item {
            ItemType::Tx | ItemType::WTx | ItemType::WitnessTx => Some(Self::Tx),
            ItemType::Block | ItemType::WitnessBlock => Some(Self::Block),
            ItemType::CompactBlock => Some(Self::CompactBlock),
            ItemType::Unknown | ItemType::Error => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pong => "ping",
            Self::Tx => "getdata_tx",
            Self::Block | Self::CompactBlock => "getdata_block",
            Self::Headers => "getheaders",
            Self::BlockTxn => "getblocktxn",
        }
    }
}

/// A request: by whom, for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Request {
    peer: u64,
    /// The first bytes of a hash, a nonce, or 0 where there can be one request at a time.
    of: u64,
    asked: Asked,
    /// Whether the node received the request.
    inbound: bool,
}

impl Request {
    fn unanswered(self, reason: &str, store: &mut Store) {
        store.inc(ids::REQUESTS_UNANSWERED, &[self.asked.name(), names::direction(self.inbound), reason]);
    }
}

/// Requests without an answer yet, and since when.
#[derive(Debug, Default)]
pub(super) struct Requests {
    run: Run,
    pending: HashMap<Request, u64, RandomState>,
    /// Peers whose connections ended: their requests are looked for once for all of them.
    gone: HashSet<u64, RandomState>,
    swept_ns: u64,
}

impl Requests {
    fn ask(&mut self, request: Request, scope: &mut Scope) {
        if self.pending.len() >= MAX_PENDING {
            self.drop_older_half(scope.store);
        }
        if self.pending.insert(request, scope.time_ns).is_some() {
            request.unanswered("replaced", scope.store);
        }
    }

    /// Takes note of an answer. Whether there was a request for it.
    fn answer(&mut self, request: Request, scope: &mut Scope) -> bool {
        let Some(since_ns) = self.pending.remove(&request) else { return false };
        let labels = [request.asked.name(), names::direction(request.inbound)];
        scope.store.observe(ids::REQUEST_DURATION, &labels, seconds(since_ns, scope.time_ns));
        true
    }

    fn drop_closed(&mut self, store: &mut Store) {
        if !self.gone.is_empty() {
            let Self { pending, gone, .. } = self;
            for (request, _) in pending.extract_if(|request, _| gone.contains(&request.peer)) {
                request.unanswered("closed", store);
            }
            gone.clear();
        }
    }

    fn time_out(&mut self, before_ns: u64, store: &mut Store) {
        for (request, _) in self.pending.extract_if(|_, since_ns| *since_ns < before_ns) {
            request.unanswered("timeout", store);
        }
    }

    /// Somebody asks for more than any node would.
    fn drop_older_half(&mut self, store: &mut Store) {
        let mut since: Vec<u64> = self.pending.values().copied().collect();
        let middle = since.len() / 2;
        let (_, median, _) = since.select_nth_unstable(middle);
        self.time_out(median.saturating_add(1), store);
    }

    fn forget(&mut self) {
        self.pending = HashMap::default();
        self.gone.clear();
    }
}

impl Part for Requests {
    fn message(&mut self, message: &Message, _: &Peer, scope: &mut Scope) {
        if self.run.is_new(scope.run) {
            self.forget();
        }
        let request = |asked, of| Request { peer: message.peer, of, asked, inbound: message.inbound };
        // What this message answers went the other way.
        let answered = |asked, of| Request { inbound: !message.inbound, ..request(asked, of) };
        match message.payload {
            Payload::Ping(nonce) => self.ask(request(Asked::Pong, nonce), scope),
            Payload::GetHeaders => self.ask(request(Asked::Headers, 0), scope),
            Payload::GetBlockTxn(block, _) => {
                if let Some(block) = short(block) {
                    self.ask(request(Asked::BlockTxn, block), scope);
                }
            }
            Payload::GetData(items) => {
                for (item, hash) in items {
                    if let (Some(asked), Some(of)) = (Asked::of(item), short(hash)) {
                        self.ask(request(asked, of), scope);
                    }
                }
            }
            Payload::Pong(nonce) => {
                self.answer(answered(Asked::Pong, nonce), scope);
            }
            Payload::Headers(_) => {
                self.answer(answered(Asked::Headers, 0), scope);
            }
            Payload::Tx(tx) => {
                // Asked for by one of its hashes.
                let (txid, wtxid) = (short(tx.txid), short(tx.wtxid));
                if !wtxid.is_some_and(|wtxid| self.answer(answered(Asked::Tx, wtxid), scope))
                    && let Some(txid) = txid
                {
                    self.answer(answered(Asked::Tx, txid), scope);
                }
            }
            Payload::CompactBlock(block) => {
                if let Some(block) = short(block.header.hash) {
                    self.answer(answered(Asked::CompactBlock, block), scope);
                }
            }
            Payload::BlockTxn(block) => {
                if let Some(block) = short(block) {
                    self.answer(answered(Asked::BlockTxn, block), scope);
                }
            }
            Payload::Block(header) => {
                // A block that is old comes whole, whatever was asked for (BIP 152).
                if let Some(block) = short(header.hash) {
                    for asked in [Asked::Block, Asked::CompactBlock, Asked::BlockTxn] {
                        self.answer(answered(asked, block), scope);
                    }
                }
            }
            Payload::NotFound(items) => {
                for (item, hash) in items {
                    let (Some(asked), Some(of)) = (Asked::of(item), short(hash)) else { continue };
                    let request = answered(asked, of);
                    if self.pending.remove(&request).is_some() {
                        request.unanswered("notfound", scope.store);
                    }
                }
            }
            _ => {}
        }
    }

    fn event(&mut self, record: &Record, scope: &mut Scope) {
        if self.run.is_new_at(record) {
            self.forget();
        }
        if let Some(peer) = closed(record) {
            self.gone.insert(peer);
            if self.gone.len() >= MAX_GONE {
                self.drop_closed(scope.store);
            }
        }
    }

    fn tick(&mut self, now_ns: u64, scope: &mut Scope) {
        self.drop_closed(scope.store);
        if now_ns >= self.swept_ns.saturating_add(SWEEP_NS) {
            self.swept_ns = now_ns;
            self.time_out(now_ns.saturating_sub(TIMEOUT_NS), scope.store);
            self.pending.shrink_to(self.pending.len() * 2);
        }
    }
}
