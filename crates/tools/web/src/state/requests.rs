//! Questions and their answers: of the node to its peers, and of them to it.

use event::message::{ItemType, Message, Payload};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

use super::series::SECOND;
use super::text::short;

/// Requests that are waited for at the most. Nodes have some hundred.
const MAX_PENDING: usize = 28_000;
/// After so long no answer comes any more; Bitcoin Core's longest patience (`TIMEOUT_INTERVAL`).
const TIMEOUT_NS: u64 = 1_200 * SECOND;
/// How often those without answer are looked for.
const SWEEP_NS: u64 = 60 * SECOND;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Asked {
    Ping,
    Headers,
    Addresses,
    Tx,
    Block,
    CompactBlock,
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

    /// Names of the messages: that which asks, that which answers.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Ping => ("ping", "pong"),
            Self::Headers => ("getheaders", "headers"),
            Self::Addresses => ("getaddr", "addr"),
            Self::Tx => ("getdata", "tx"),
            Self::Block => ("getdata", "block"),
            Self::CompactBlock => ("getdata", "cmpctblock"),
            Self::BlockTxn => ("getblocktxn", "blocktxn"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Request {
    peer: u64,
    /// The first bytes of a hash, a nonce, or 0 where there can be one request at a time.
    of: u64,
    asked: Asked,
    /// Whether the node received the request.
    inbound: bool,
}

/// An answer that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub asked: Asked,
    /// The node asked, the peer answers.
    pub by_peer: bool,
    /// Place of the question in the run.
    pub sequence: u64,
    pub seconds: f64,
}

/// Requests without an answer yet: since when, and where in the run.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pending: HashMap<Request, (u64, u64), RandomState>,
    gone: HashSet<u64, RandomState>,
    swept_ns: u64,
}

impl Requests {
    /// Takes note of what a message asks for, or answers. Returns the first question that it answers.
    pub fn message(&mut self, message: &Message, time_ns: u64, sequence: u64) -> Option<Answer> {
        let request = |asked, of| Request { peer: message.peer, of, asked, inbound: message.inbound };
        match message.payload {
            Payload::Ping(nonce) => self.ask(request(Asked::Ping, nonce), time_ns, sequence),
            Payload::GetHeaders => self.ask(request(Asked::Headers, 0), time_ns, sequence),
            Payload::GetAddr => self.ask(request(Asked::Addresses, 0), time_ns, sequence),
            Payload::GetBlockTxn(block, _) => self.ask(request(Asked::BlockTxn, short(block)?), time_ns, sequence),
            Payload::GetData(items) => {
                for (item, hash) in items {
                    if let (Some(asked), Some(of)) = (Asked::of(item), short(hash)) {
                        self.ask(request(asked, of), time_ns, sequence);
                    }
                }
            }
            Payload::NotFound(items) => {
                for (item, hash) in items {
                    if let (Some(asked), Some(of)) = (Asked::of(item), short(hash)) {
                        self.pending.remove(&Request { inbound: !message.inbound, ..request(asked, of) });
                    }
                }
            }
            Payload::Pong(nonce) => return self.answer(message, Asked::Ping, nonce, time_ns),
            Payload::Headers(_) => return self.answer(message, Asked::Headers, 0, time_ns),
            Payload::Addr(_) | Payload::AddrV2(_) => return self.answer(message, Asked::Addresses, 0, time_ns),
            Payload::Tx(tx) => {
                // Asked for by one of its hashes.
                let by_wtxid = short(tx.wtxid).and_then(|of| self.answer(message, Asked::Tx, of, time_ns));
                return by_wtxid.or_else(|| self.answer(message, Asked::Tx, short(tx.txid)?, time_ns));
            }
            Payload::CompactBlock(block) => {
                return self.answer(message, Asked::CompactBlock, short(block.header.hash)?, time_ns);
            }
            Payload::BlockTxn(block) => return self.answer(message, Asked::BlockTxn, short(block)?, time_ns),
            Payload::Block(header) => {
                // A block that is old comes whole, whatever was asked for (BIP 152).
                let block = short(header.hash)?;
                let mut first = None;
                for asked in [Asked::Block, Asked::CompactBlock, Asked::BlockTxn] {
                    let answer = self.answer(message, asked, block, time_ns);
                    first = first.or(answer);
                }
                return first;
            }
            _ => {}
        }
        None
    }

    fn ask(&mut self, request: Request, time_ns: u64, sequence: u64) {
        if self.pending.len() >= MAX_PENDING {
            self.drop_older_half();
        }
        self.pending.insert(request, (time_ns, sequence));
    }

    fn answer(&mut self, message: &Message, asked: Asked, of: u64, time_ns: u64) -> Option<Answer> {
        let request = Request { peer: message.peer, of, asked, inbound: !message.inbound };
        let (since_ns, sequence) = self.pending.remove(&request)?;
        let seconds = time_ns.saturating_sub(since_ns) as f64 / SECOND as f64;
        Some(Answer { asked, by_peer: message.inbound, sequence, seconds })
    }

    /// A connection ended.
    pub fn ended(&mut self, peer: u64) {
        self.gone.insert(peer);
        if self.gone.len() >= 1_000 {
            self.drop_gone();
        }
    }

    /// How many questions of a kind are open: asked, whether the peer is to answer, how many.
    pub fn open(&self, peer: u64) -> Vec<(Asked, bool, u64)> {
        let mut open: Vec<(Asked, bool, u64)> = Vec::new();
        for request in self.pending.keys().filter(|request| request.peer == peer) {
            match open.iter_mut().find(|(asked, by_peer, _)| *asked == request.asked && *by_peer != request.inbound) {
                Some((.., count)) => *count += 1,
                None => open.push((request.asked, !request.inbound, 1)),
            }
        }
        open
    }

    fn drop_gone(&mut self) {
        if !self.gone.is_empty() {
            let Self { pending, gone, .. } = self;
            pending.retain(|request, _| !gone.contains(&request.peer));
            gone.clear();
        }
    }

    /// Somebody asks for more than any node would.
    fn drop_older_half(&mut self) {
        let mut since: Vec<u64> = self.pending.values().map(|(since_ns, _)| *since_ns).collect();
        let middle = since.len() / 2;
        let (_, median, _) = since.select_nth_unstable(middle);
        let median = *median;
        self.pending.retain(|_, (since_ns, _)| *since_ns > median);
    }

    /// Forgets all.
    pub fn forget(&mut self) {
        self.pending = HashMap::default();
        self.gone.clear();
    }

    /// Lets time pass.
    pub fn tick(&mut self, now_ns: u64) {
        self.drop_gone();
        if now_ns >= self.swept_ns.saturating_add(SWEEP_NS) {
            self.swept_ns = now_ns;
            self.pending.retain(|_, (since_ns, _)| since_ns.saturating_add(TIMEOUT_NS) >= now_ns);
            self.pending.shrink_to(self.pending.len() * 2);
        }
    }
}
