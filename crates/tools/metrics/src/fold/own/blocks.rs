//! New blocks: how they were announced, and how long each stage took until one was the tip.

use event::message::{Header, Message, Payload};
use event::names;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::validation::validation_event::Event as Validation;
use event::pb::ipc_extractor::ipc::IpcEvent;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{MutatedBlock, UpdateTip};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Record, time};

use super::recent::Recent;
use super::{SECOND, log_entry, rpc, seconds, short, short_of_text, tracepoint};
use crate::fold::{Part, Peer, Scope};
use crate::ids;
use crate::store::Store;

/// Blocks that are followed at a time.
const MAX_BLOCKS: usize = 64;

/// Blocks that one peer can have followed at a time: headers cost a stranger nothing until the node checks them.
const MAX_BLOCKS_OF_PEER: usize = 4;

/// Blocks that are older by their own time are history that the node catches up with.
const NEW_SECONDS: u64 = 3 * 3_600;

/// So long after a block was connected or became the tip, other sources may still tell of it.
const GRACE_NS: u64 = 3 * SECOND;

/// So long after an old block was connected, the node still catches up.
const CATCHING_UP_NS: u64 = 60 * SECOND;

/// What happens to a new block, in this order.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Header,
    CompactBlock,
    Block,
    Connected,
    Tip,
}

const STAGES: [&str; 5] = ["header", "compact_block", "block", "connected", "tip"];

/// From which stage to which one times are of interest.
const DELAYS: [(Stage, Stage); 7] = [
    (Stage::Header, Stage::CompactBlock),
    (Stage::Header, Stage::Block),
    (Stage::Header, Stage::Connected),
    (Stage::Header, Stage::Tip),
    (Stage::CompactBlock, Stage::Connected),
    (Stage::Block, Stage::Connected),
    (Stage::Connected, Stage::Tip),
];

/// A new block.
#[derive(Debug, Default)]
struct Block {
    hash: u64,
    /// The peer that it was followed for first, if it was one.
    peer: Option<u64>,
    /// When each stage came, by tracepoints and by debug.log, nanoseconds since the UNIX epoch; 0 if it did not.
    traced_ns: [u64; STAGES.len()],
    logged_ns: [u64; STAGES.len()],
    /// Its own time, seconds since the UNIX epoch.
    time: Option<u32>,
    /// Message and connection type of the first announcement.
    announced: Option<(&'static str, &'static str)>,
    /// When its numbers are taken: some time after it was connected, or became the tip.
    due_ns: Option<u64>,
}

impl Block {
    /// When a stage came. Tracepoints know better than debug.log, which may tell seconds only.
    fn at(&self, stage: Stage) -> Option<u64> {
        let at = |times: &[u64; STAGES.len()]| times.get(stage as usize).copied().filter(|time_ns| *time_ns > 0);
        at(&self.traced_ns).or_else(|| at(&self.logged_ns))
    }
}

/// Who tells.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Tracepoint,
    Log,
}

/// New blocks, and which ones were connected.
#[derive(Debug)]
pub(super) struct Blocks {
    new: Vec<Block>,
    connected: Recent<()>,
    /// Blocks received that are no news.
    old: Recent<()>,
    /// Height of the last tip, and the run that told it by IPC.
    tip_height: u32,
    ipc_run: Option<u64>,
    initial_download: bool,
    caught_up_ns: u64,
    mutated_ns: u64,
}

impl Default for Blocks {
    fn default() -> Self {
        Self {
            new: Vec::new(),
            connected: Recent::new(2_048, 86_400 * SECOND),
            old: Recent::new(1_024, 600 * SECOND),
            tip_height: 0,
            ipc_run: None,
            initial_download: false,
            caught_up_ns: 0,
            mutated_ns: 0,
        }
    }
}

fn is_new(time: u32, now_ns: u64) -> bool {
    u64::from(time).saturating_add(NEW_SECONDS) >= now_ns / SECOND
}

impl Blocks {
    /// The block with this hash; followed from now on if it was not, and there is room.
    fn follow(&mut self, hash: u64, peer: Option<u64>) -> Option<&mut Block> {
        if let Some(at) = self.new.iter().position(|block| block.hash == hash) {
            return self.new.get_mut(at);
        }
        let of_peer = |block: &Block| peer.is_some() && block.peer == peer && block.due_ns.is_none();
        if self.new.iter().filter(|block| of_peer(block)).count() >= MAX_BLOCKS_OF_PEER {
            self.new.remove(self.new.iter().position(of_peer)?);
        }
        if self.new.len() >= MAX_BLOCKS {
            self.new.remove(self.new.iter().position(|block| block.due_ns.is_none()).unwrap_or(0));
        }
        self.new.push(Block { hash, peer, ..Block::default() });
        self.new.last_mut()
    }

    /// A peer tells of a block.
    fn told(&mut self, hash: u64, time: Option<u32>, stages: &[Stage], message: &Message, now_ns: u64) {
        if self.connected.has(hash) {
            return; // it is no news any more
        }
        let announced = (via(message.payload), names::of_message(message));
        let Some(block) = self.follow(hash, Some(message.peer)) else { return };
        block.time = block.time.or(time);
        for stage in stages {
            reach(&mut block.traced_ns, *stage, now_ns);
        }
        if let (None, Some(via)) = (block.announced, announced.0) {
            block.announced = Some((via, announced.1));
        }
    }

    /// A block with its header, from a peer.
    fn told_header(&mut self, header: Header, stages: &[Stage], message: &Message, now_ns: u64) {
        let Some(hash) = short(header.hash) else { return };
        if is_new(header.time, now_ns) {
            self.told(hash, Some(header.time), stages, message, now_ns);
        } else if matches!(message.payload, Payload::Block(_)) {
            self.old.put(hash, now_ns, ());
        }
    }

    /// A block was connected, or is the tip.
    fn connected(&mut self, hash: Option<u64>, stage: Stage, by: By, scope: &mut Scope) {
        let Some(hash) = hash else { return };
        let now_ns = scope.time_ns;
        if self.connected.touch(hash, now_ns, || ()).1 {
            scope.store.inc(ids::BLOCKS_CONNECTED, &[]);
        }
        if self.old.has(hash) {
            self.caught_up_ns = now_ns;
        }
        if let Some(block) = self.new.iter_mut().find(|block| block.hash == hash) {
            let times = if by == By::Tracepoint { &mut block.traced_ns } else { &mut block.logged_ns };
            reach(times, stage, now_ns);
            block.due_ns.get_or_insert(now_ns.saturating_add(GRACE_NS));
        }
    }

    fn tip(&mut self, tip: &UpdateTip, scope: &mut Scope) {
        if tip.background {
            return;
        }
        // A tip that is lower is what is left when blocks are disconnected.
        let is_lower = tip.height < std::mem::replace(&mut self.tip_height, tip.height);
        let Some(hash) = short_of_text(&tip.block_hash).filter(|_| !is_lower) else { return };
        let time = time::parse_rfc3339(&tip.date).map(|time_ns| (time_ns / SECOND) as u32);
        if time.is_some_and(|time| !is_new(time, scope.time_ns)) {
            self.caught_up_ns = scope.time_ns;
        }
        self.connected(Some(hash), Stage::Tip, By::Log, scope);
        if let Some(block) = self.new.iter_mut().find(|block| block.hash == hash) {
            block.time = block.time.or(time);
        }
    }

    fn log(&mut self, entry: &LogEvent, scope: &mut Scope) {
        let now_ns = scope.time_ns;
        match entry {
            LogEvent::HeaderSeen(seen) => {
                let Some(hash) = short_of_text(&seen.block_hash).filter(|hash| !self.connected.has(*hash)) else {
                    return;
                };
                let Some(block) = self.follow(hash, None) else { return };
                reach(&mut block.logged_ns, Stage::Header, now_ns);
                if seen.compact_block {
                    reach(&mut block.logged_ns, Stage::CompactBlock, now_ns);
                }
            }
            LogEvent::BlockConnectedLog(connected) => {
                self.connected(short_of_text(&connected.block_hash), Stage::Connected, By::Log, scope);
            }
            LogEvent::UpdateTip(tip) => self.tip(tip, scope),
            LogEvent::BlockDisconnectedLog(disconnected) => {
                scope.store.inc(ids::BLOCKS_DISCONNECTED, &[]);
                if let Some(hash) = short_of_text(&disconnected.block_hash) {
                    self.connected.remove(hash);
                }
            }
            // debug.log tells of the same mutation twice, first what it is.
            LogEvent::BlockCheckedLog(checked) if mutation(&checked.state).is_some() && !self.is_told(now_ns) => {
                self.mutated(&checked.state, scope);
            }
            LogEvent::MutatedBlock(MutatedBlock { state, .. }) if !state.is_empty() || !self.is_told(now_ns) => {
                self.mutated(state, scope);
            }
            LogEvent::InvalidChainFound(found) if !found.current_best => scope.store.inc(ids::INVALID_CHAINS, &[]),
            LogEvent::StaleTip(_) => scope.store.inc(ids::STALE_TIPS, &[]),
            _ => {}
        }
    }

    /// Whether a block that somebody changed was told of just now.
    fn is_told(&self, now_ns: u64) -> bool {
        seconds(self.mutated_ns, now_ns) <= 1.0
    }

    fn mutated(&mut self, state: &str, scope: &mut Scope) {
        self.mutated_ns = scope.time_ns;
        scope.store.inc(ids::MUTATED_BLOCKS, &[mutation(state).unwrap_or(names::UNKNOWN)]);
    }

    /// Takes the numbers of blocks whose time has come.
    fn settle(&mut self, now_ns: u64, store: &mut Store) {
        let is_due = |block: &mut Block| block.due_ns.is_some_and(|due_ns| due_ns <= now_ns);
        let catching_up = self.initial_download || now_ns < self.caught_up_ns.saturating_add(CATCHING_UP_NS);
        for block in self.new.extract_if(.., is_due) {
            let first = block.at(Stage::Header).unwrap_or(now_ns);
            if !catching_up && block.time.is_some_and(|time| is_new(time, first)) {
                block.count(store);
            }
        }
    }
}

impl Block {
    fn count(&self, store: &mut Store) {
        for (from, to) in DELAYS {
            if let (Some(from_ns), Some(to_ns)) = (self.at(from), self.at(to))
                && let (Some(from), Some(to)) = (STAGES.get(from as usize), STAGES.get(to as usize))
            {
                store.observe(ids::BLOCK_DELAY, &[from, to], seconds(from_ns, to_ns));
            }
        }
        if let (Some(header_ns), Some(time)) = (self.at(Stage::Header), self.time) {
            store.observe(ids::BLOCK_TIME_OFFSET, &[], seconds(u64::from(time) * SECOND, header_ns));
        }
        if let Some((via, connection_type)) = self.announced {
            store.inc(ids::BLOCK_FIRST_ANNOUNCEMENTS, &[via, connection_type]);
        }
    }
}

/// Takes note of when a stage came, if it is the first time.
fn reach(times: &mut [u64; STAGES.len()], stage: Stage, now_ns: u64) {
    if let Some(time_ns) = times.get_mut(stage as usize).filter(|time_ns| **time_ns == 0) {
        *time_ns = now_ns;
    }
}

/// The message that announces a block, if it does.
fn via(payload: Payload) -> Option<&'static str> {
    match payload {
        Payload::Headers(_) => Some("headers"),
        Payload::CompactBlock(_) => Some("cmpctblock"),
        Payload::Inv(_) => Some("inv"),
        _ => None,
    }
}

/// What shows that somebody changed a block (`IsBlockMutated`).
fn mutation(state: &str) -> Option<&'static str> {
    const STATES: [&str; 5] = [
        "bad-txnmrklroot",
        "bad-txns-duplicate",
        "bad-witness-nonce-size",
        "bad-witness-merkle-match",
        "unexpected-witness",
    ];
    STATES
        .into_iter()
        .find(|known| state.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(',')))
}

impl Part for Blocks {
    fn begin(&mut self, store: &mut Store) {
        for id in [ids::BLOCKS_CONNECTED, ids::BLOCKS_DISCONNECTED, ids::INVALID_CHAINS, ids::STALE_TIPS] {
            store.add(id, &[], 0.0);
        }
    }

    fn message(&mut self, message: &Message, _: &Peer, scope: &mut Scope) {
        if !message.inbound {
            return;
        }
        let now_ns = scope.time_ns;
        match message.payload {
            Payload::Inv(items) => {
                // Blocks come first, and few at a time.
                for (_, hash) in items.take_while(|(item, _)| item.is_block()).take(MAX_BLOCKS_OF_PEER) {
                    if let Some(hash) = short(hash) {
                        self.told(hash, None, &[Stage::Header], message, now_ns);
                    }
                }
            }
            Payload::Headers(headers) => {
                for header in headers {
                    self.told_header(header, &[Stage::Header], message, now_ns);
                }
            }
            Payload::CompactBlock(block) => {
                self.told_header(block.header, &[Stage::Header, Stage::CompactBlock], message, now_ns);
            }
            Payload::Block(header) => self.told_header(header, &[Stage::Header, Stage::Block], message, now_ns),
            _ => {}
        }
    }

    fn event(&mut self, record: &Record, scope: &mut Scope) {
        self.settle(scope.time_ns, scope.store);
        if let Some(EbpfEvent::Validation(validation)) = tracepoint(record)
            && let Some(Validation::BlockConnected(connected)) = &validation.event
        {
            scope.store.observe(ids::BLOCK_CONNECTION, &[], connected.connection_time as f64 / SECOND as f64);
            self.connected(short(&connected.hash), Stage::Connected, By::Tracepoint, scope);
        }
        if let Some(entry) = log_entry(record) {
            self.log(entry, scope);
        }
        if let Some(RpcEvent::BlockchainInfo(info)) = rpc(record) {
            self.initial_download = info.initialblockdownload;
        }
        if let Some(Body::IpcExtractor(ipc)) = record.body()
            && let Some(IpcEvent::BlockTip(tip)) = &ipc.ipc_event
            && let Some(hash) = short(&tip.hash)
        {
            // The first tip that a run tells of was there before.
            let is_first = self.ipc_run.replace(scope.run) != Some(scope.run);
            if self.connected.touch(hash, scope.time_ns, || ()).1 && !is_first {
                scope.store.inc(ids::BLOCKS_CONNECTED, &[]);
            }
        }
    }

    fn tick(&mut self, now_ns: u64, scope: &mut Scope) {
        self.settle(now_ns, scope.store);
        self.connected.turn(now_ns);
        self.old.turn(now_ns);
    }
}
