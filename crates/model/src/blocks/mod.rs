//! Blocks: when which part of them came, from whom, and how long the node took; and the chain that they make.

mod block;

use std::collections::VecDeque;

use event::message::{Header, Message, Payload, short};
use event::names;
use event::pb::ebpf_extractor::block::block_event::Event as Arrived;
use event::pb::ebpf_extractor::validation::BlockConnected;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{MutatedBlock, UpdateTip};
use event::pb::rpc_extractor::BlockchainInfo;
use event::{pb, time};
use smol_str::SmolStr;

pub use block::{Announcement, Block, ChainEvent, Reconstruction, Source, Stage};

use crate::Change;
use crate::bounded::{RecentMap, push};
use crate::bounds::{
    CATCHING_UP_NS, CONNECTED, MAX_BLOCKS, MAX_BLOCKS_OF_PEER, MAX_CHAIN_EVENTS, MAX_TEXT, MAX_UNCONFIRMED_BLOCKS, OLD,
    SAME_MUTATION_NS, SECOND, SETTLE_NS,
};
use crate::text::{Hash, cut, hash, hash_of_text, short_of};
use block::is_new;

/// A header that was seen for the first time.
struct NewHeader {
    hash: Hash,
    height: Option<u32>,
    /// The peer that sent it.
    peer: Option<u64>,
    in_compact_block: bool,
    source: Source,
}

/// Blocks of one node.
#[derive(Debug)]
pub struct Blocks {
    /// The last ones, oldest first.
    known: VecDeque<Block>,
    tips: VecDeque<ChainEvent>,
    disconnected: VecDeque<ChainEvent>,
    invalid: VecDeque<ChainEvent>,
    /// Those that were connected, so that each counts once.
    connected: RecentMap<()>,
    /// Old blocks that were received.
    old: RecentMap<()>,
    /// None of the blocks is due before this time.
    due_ns: u64,
    /// Height of the last tip in debug.log.
    tip_height: u32,
    /// Run of the IPC extractor that reported a tip.
    ipc_run: Option<u64>,
    /// By getblockchaininfo.
    initial_download: Option<bool>,
    /// When an old block was connected last.
    caught_up_ns: u64,
    /// When a mutated block was reported last.
    mutated_ns: u64,
}

impl Default for Blocks {
    fn default() -> Self {
        Self {
            known: VecDeque::new(),
            tips: VecDeque::new(),
            disconnected: VecDeque::new(),
            invalid: VecDeque::new(),
            connected: RecentMap::new(CONNECTED.0, CONNECTED.1),
            old: RecentMap::new(OLD.0, OLD.1),
            due_ns: u64::MAX,
            tip_height: 0,
            ipc_run: None,
            initial_download: None,
            caught_up_ns: 0,
            mutated_ns: 0,
        }
    }
}

impl Blocks {
    /// A block that is remembered.
    pub fn find(&self, hash: &Hash) -> Option<&Block> {
        self.known.iter().rev().find(|block| block.hash == *hash)
    }

    /// The last blocks, oldest first.
    pub fn known(&self) -> &VecDeque<Block> {
        &self.known
    }

    /// The last tips, oldest first.
    pub fn tips(&self) -> &VecDeque<ChainEvent> {
        &self.tips
    }

    /// The last blocks that were disconnected, oldest first.
    pub fn disconnected(&self) -> &VecDeque<ChainEvent> {
        &self.disconnected
    }

    /// The last blocks and chains that were invalid or mutated, oldest first.
    pub fn invalid(&self) -> &VecDeque<ChainEvent> {
        &self.invalid
    }

    fn is_catching_up(&self, now_ns: u64) -> bool {
        self.initial_download == Some(true) || now_ns < self.caught_up_ns.saturating_add(CATCHING_UP_NS)
    }

    /// Whether the node has caught up with the chain: not while it downloads old blocks. None as long as nothing shows it.
    pub fn has_caught_up(&self, now_ns: u64) -> Option<bool> {
        let is_new = |block: &Block| {
            let at_ns = block.at(Stage::Connected).or_else(|| block.at(Stage::Tip));
            at_ns.zip(block.time).is_some_and(|(at_ns, time)| is_new(time, at_ns))
        };
        if self.is_catching_up(now_ns) {
            return Some(false);
        }
        (self.initial_download.is_some() || self.known.iter().any(is_new)).then_some(true)
    }

    /// The block with a hash; a new one if there is none. `peer` is the one that announces it, if it is a peer's claim only.
    fn touch(&mut self, hash: Hash, peer: Option<u64>, at_ns: u64) -> Option<&mut Block> {
        let index = match self.known.iter().rposition(|block| block.hash == hash) {
            Some(index) => index,
            None => {
                self.make_room(peer);
                self.known.push_back(Block::new(hash, at_ns, peer));
                self.known.len().saturating_sub(1)
            }
        };
        let block = self.known.get_mut(index)?;
        block.confirmed |= peer.is_none();
        Some(block)
    }

    /// Makes room for one more. Claims go first, and those of the peer that makes another one: claims cost a peer nothing until the node
    /// checks them.
    fn make_room(&mut self, peer: Option<u64>) {
        let (mut claims, mut of_peer, mut oldest, mut oldest_of_peer) = (0, 0, None, None);
        for (index, block) in self.known.iter().enumerate().filter(|(_, block)| !block.confirmed) {
            claims += 1;
            oldest = oldest.or(Some(index));
            if peer.is_some() && block.peer == peer {
                of_peer += 1;
                oldest_of_peer = oldest_of_peer.or(Some(index));
            }
        }
        if of_peer >= MAX_BLOCKS_OF_PEER {
            oldest_of_peer.and_then(|index| self.known.remove(index));
        } else if claims >= MAX_UNCONFIRMED_BLOCKS {
            oldest.and_then(|index| self.known.remove(index));
        } else if self.known.len() >= MAX_BLOCKS {
            self.known.pop_front();
        }
    }

    /// Notes what a message of a peer says of blocks.
    #[inline]
    pub(crate) fn message(&mut self, message: &Message, at_ns: u64, changes: &mut Vec<Change>) {
        if !message.inbound {
            return;
        }
        match message.payload {
            Payload::Inv(items) => {
                // Blocks come first, and few at a time: more of them are old ones.
                let blocks = || items.take_while(|(item, _)| item.is_block());
                if blocks().take(MAX_BLOCKS_OF_PEER + 1).count() <= MAX_BLOCKS_OF_PEER {
                    for hash in blocks().filter_map(|(_, bytes)| hash(bytes)) {
                        self.announced(hash, None, &[Stage::Header], message, at_ns, changes);
                    }
                }
            }
            Payload::Headers(headers) => {
                let are_few = headers.take(MAX_BLOCKS_OF_PEER + 1).count() <= MAX_BLOCKS_OF_PEER;
                for header in headers.filter(|header| are_few || is_new(header.time, at_ns)) {
                    self.header(header, &[Stage::Header], message, at_ns, changes);
                }
            }
            Payload::CompactBlock(block) => {
                self.header(block.header, &[Stage::Header, Stage::CompactBlock], message, at_ns, changes);
            }
            Payload::Block(header) => {
                if !is_new(header.time, at_ns)
                    && let Some(hash) = short(header.hash)
                {
                    self.old.put(hash, at_ns, ());
                }
                self.header(header, &[Stage::Header, Stage::Block], message, at_ns, changes);
            }
            _ => {}
        }
    }

    fn header(&mut self, of: Header, stages: &[Stage], message: &Message, at_ns: u64, changes: &mut Vec<Change>) {
        if let Some(hash) = hash(of.hash) {
            self.announced(hash, Some(of.time), stages, message, at_ns, changes);
        }
    }

    /// A peer announces a block, or sends it.
    fn announced(
        &mut self,
        hash: Hash,
        time: Option<u32>,
        stages: &[Stage],
        message: &Message,
        at_ns: u64,
        changes: &mut Vec<Change>,
    ) {
        // What comes after it was connected is no stage of it, but shows who has it.
        let is_news = !self.connected.has(short_of(&hash));
        let is_new_by_time = time.is_none_or(|time| is_new(time, at_ns));
        let Some(block) = self.touch(hash, Some(message.peer), at_ns) else { return };
        let message_type = match message.payload {
            Payload::Inv(_) => "inv",
            Payload::Headers(_) => "headers",
            Payload::CompactBlock(_) => "cmpctblock",
            _ => "block",
        };
        block.announced(message.peer, message_type, at_ns);
        block.time = block.time.or(time);
        if message_type == "block" {
            block.size = Some(message.size);
        }
        if !is_news {
            return;
        }
        if is_new_by_time {
            block.is_followed = true;
            if block.first_announcement.is_none() && message_type != "block" {
                block.first_announcement = Some((message_type, names::connection_type_of_message(message)));
            }
        }
        for stage in stages {
            if block.reach(*stage, Source::Tracepoint, at_ns) {
                changes.push(Change::BlockStage { hash, stage: *stage, at_ns });
            }
        }
    }

    /// The node itself reported a block.
    fn reported(&mut self, hash: Hash, at_ns: u64) -> Option<&mut Block> {
        self.touch(hash, None, at_ns)
    }

    /// The node connected a block, or made it the tip.
    fn reached(&mut self, hash: Hash, stage: Stage, source: Source, at_ns: u64, changes: &mut Vec<Change>) {
        if self.old.has(short_of(&hash)) {
            self.caught_up_ns = at_ns;
        }
        let Some(block) = self.reported(hash, at_ns) else { return };
        let is_first = block.reach(stage, source, at_ns);
        if block.is_followed && block.due_ns.is_none() {
            block.due_ns = Some(at_ns.saturating_add(SETTLE_NS));
            self.due_ns = self.due_ns.min(at_ns.saturating_add(SETTLE_NS));
        }
        if is_first {
            changes.push(Change::BlockStage { hash, stage, at_ns });
        }
        self.connect(hash, at_ns, changes);
    }

    fn connect(&mut self, hash: Hash, at_ns: u64, changes: &mut Vec<Change>) -> bool {
        let is_first = self.connected.touch(short_of(&hash), at_ns, || ()).1;
        if is_first {
            changes.push(Change::BlockConnected { hash });
        }
        is_first
    }

    /// A tracepoint reported that a block was connected.
    pub(crate) fn connected(&mut self, connected: &BlockConnected, at_ns: u64, changes: &mut Vec<Change>) {
        let Some(hash) = hash(&connected.hash) else { return };
        self.reached(hash, Stage::Connected, Source::Tracepoint, at_ns, changes);
        let Some(block) = self.reported(hash, at_ns) else { return };
        block.height = u32::try_from(connected.height).ok().or(block.height);
        block.connect_seconds = Some(connected.connection_time as f64 / SECOND as f64);
        (block.transactions, block.inputs, block.sigops) =
            (Some(connected.transactions), Some(connected.inputs), Some(connected.sigops));
    }

    /// debug.log reported something of blocks.
    pub(crate) fn logged(&mut self, entry: &LogEvent, at_ns: u64, changes: &mut Vec<Change>) {
        match entry {
            LogEvent::HeaderSeen(seen) => {
                let Some(hash) = hash_of_text(&seen.block_hash) else { return };
                let header = NewHeader {
                    hash,
                    height: seen.height,
                    peer: seen.peer_id,
                    in_compact_block: seen.compact_block,
                    source: Source::Log,
                };
                self.new_header(&header, at_ns, changes);
            }
            LogEvent::CompactBlockReconstructed(block) => {
                let Some(hash) = hash_of_text(&block.block_hash) else { return };
                let reconstruction = Reconstruction {
                    prefilled: block.prefilled,
                    from_mempool: block.from_mempool,
                    from_extra_pool: block.from_extra_pool,
                    requested: block.requested,
                    requested_bytes: block.requested_bytes,
                };
                self.reconstructed(hash, reconstruction, Source::Log, at_ns, changes);
            }
            LogEvent::CompactBlockTxRequired(required) => {
                if let Some(block) = hash_of_text(&required.block_hash).and_then(|hash| self.reported(hash, at_ns)) {
                    block.required = block.required.saturating_add(1);
                }
            }
            LogEvent::BlockConnectedLog(connected) => {
                let Some(hash) = hash_of_text(&connected.block_hash) else { return };
                self.reached(hash, Stage::Connected, Source::Log, at_ns, changes);
                if let Some(block) = self.reported(hash, at_ns) {
                    block.height = Some(connected.block_height);
                }
            }
            LogEvent::UpdateTip(tip) if !tip.background => self.tip(tip, at_ns, changes),
            LogEvent::BlockDisconnectedLog(gone) => {
                let hash = hash_of_text(&gone.block_hash);
                if let Some(hash) = &hash {
                    self.connected.remove(short_of(hash));
                }
                self.disconnected.note(hash, Some(gone.block_height), SmolStr::default(), at_ns);
                changes.push(Change::BlockDisconnected { hash });
            }
            LogEvent::BlockCheckedLog(checked) if checked.state != "Valid" => {
                let text = format!("{} {}", checked.state, checked.debug_message);
                self.invalid.note(hash_of_text(&checked.block_hash), None, cut(text.trim(), MAX_TEXT), at_ns);
                // The same mutation is reported again, without what it is.
                if mutation(&checked.state).is_some() && !self.is_mutation_known(at_ns) {
                    self.mutated(&checked.state, at_ns, changes);
                }
            }
            // That a peer sent it follows, without what it is.
            LogEvent::MutatedBlock(MutatedBlock { state, .. })
                if !state.is_empty() || !self.is_mutation_known(at_ns) =>
            {
                let text = format!("mutated: {state}");
                self.invalid.note(None, None, cut(text.trim_end_matches([':', ' ']), MAX_TEXT), at_ns);
                self.mutated(state, at_ns, changes);
            }
            LogEvent::InvalidChainFound(found) => {
                let hash = found.block_hash.as_deref().and_then(hash_of_text);
                self.invalid.note(hash, found.height, SmolStr::new_static("an invalid chain was found"), at_ns);
            }
            _ => {}
        }
    }

    /// The header of a block was seen for the first time.
    fn new_header(&mut self, header: &NewHeader, at_ns: u64, changes: &mut Vec<Change>) {
        let NewHeader { hash, height, peer, in_compact_block, source } = *header;
        let is_news = !self.connected.has(short_of(&hash));
        let Some(block) = self.reported(hash, at_ns) else { return };
        block.height = height.or(block.height);
        block.is_followed |= is_news;
        if let Some(peer) = peer {
            block.announced(peer, if in_compact_block { "cmpctblock" } else { "headers" }, at_ns);
        }
        for stage in [Stage::Header, Stage::CompactBlock].into_iter().take(1 + usize::from(in_compact_block)) {
            if is_news && block.reach(stage, source, at_ns) {
                changes.push(Change::BlockStage { hash, stage, at_ns });
            }
        }
    }

    /// A block was put together from a compact block.
    fn reconstructed(
        &mut self,
        hash: Hash,
        reconstruction: Reconstruction,
        source: Source,
        at_ns: u64,
        changes: &mut Vec<Change>,
    ) {
        let Some(block) = self.reported(hash, at_ns) else { return };
        if block.reach(Stage::Reconstructed, source, at_ns) {
            changes.push(Change::BlockStage { hash, stage: Stage::Reconstructed, at_ns });
        }
        block.reconstruction = Some(reconstruction);
    }

    /// A proposed tracepoint reported something of a block that a peer sent.
    pub(crate) fn arrived(&mut self, event: &Arrived, at_ns: u64, changes: &mut Vec<Change>) {
        let source = Source::Tracepoint;
        match event {
            Arrived::Header(header) => {
                let Some(hash) = hash(&header.hash) else { return };
                let (height, peer) = (u32::try_from(header.height).ok(), Some(header.peer_id));
                let in_compact_block = header.compact_block;
                self.new_header(&NewHeader { hash, height, peer, in_compact_block, source }, at_ns, changes);
            }
            Arrived::Reconstructed(block) => {
                let Some(hash) = hash(&block.hash) else { return };
                let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
                let reconstruction = Reconstruction {
                    prefilled: count(block.prefilled),
                    from_mempool: count(block.from_mempool),
                    from_extra_pool: count(block.from_extra_pool),
                    requested: count(block.requested),
                    requested_bytes: Some(block.requested_bytes),
                };
                self.reconstructed(hash, reconstruction, source, at_ns, changes);
            }
        }
    }

    /// debug.log reported a tip of the active chain.
    fn tip(&mut self, tip: &UpdateTip, at_ns: u64, changes: &mut Vec<Change>) {
        // A tip that is lower is what is left when blocks are disconnected: it was connected before.
        let is_lower = tip.height < std::mem::replace(&mut self.tip_height, tip.height);
        let Some(hash) = hash_of_text(&tip.block_hash) else { return };
        let time = time::parse_rfc3339(&tip.date).map(|time_ns| (time_ns / SECOND) as u32);
        if !is_lower {
            if time.is_some_and(|time| !is_new(time, at_ns)) {
                self.caught_up_ns = at_ns;
            }
            self.reached(hash, Stage::Tip, Source::Log, at_ns, changes);
        }
        let Some(block) = self.reported(hash, at_ns) else { return };
        block.height = Some(tip.height);
        block.time = block.time.or(time);
        if is_lower && block.reach(Stage::Tip, Source::Log, at_ns) {
            changes.push(Change::BlockStage { hash, stage: Stage::Tip, at_ns });
        }
        self.tips.note(Some(hash), Some(tip.height), SmolStr::default(), at_ns);
    }

    fn is_mutation_known(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.mutated_ns) <= SAME_MUTATION_NS
    }

    fn mutated(&mut self, state: &str, at_ns: u64, changes: &mut Vec<Change>) {
        self.mutated_ns = at_ns;
        changes.push(Change::BlockMutated { state: mutation(state).unwrap_or(names::UNKNOWN) });
    }

    /// getblockchaininfo answered. Without debug.log, it is what shows tips.
    pub(crate) fn polled(&mut self, info: &BlockchainInfo, at_ns: u64) {
        self.initial_download = Some(info.initialblockdownload);
        if let Some(hash) = hash_of_text(&info.bestblockhash)
            && self.tips.back().is_none_or(|tip| tip.hash != Some(hash))
        {
            self.tips.note(Some(hash), Some(info.blocks), SmolStr::default(), at_ns);
        }
    }

    /// The node reported a tip by IPC.
    pub(crate) fn ipc_tip(
        &mut self,
        tip: &pb::ipc_extractor::BlockTip,
        run: u64,
        at_ns: u64,
        changes: &mut Vec<Change>,
    ) {
        let Some(hash) = hash(&tip.hash) else { return };
        // The first tip of a run was there before.
        if self.ipc_run.replace(run) == Some(run) {
            self.connect(hash, at_ns, changes);
        } else {
            self.connected.touch(short_of(&hash), at_ns, || ());
        }
    }

    /// Reports new blocks of whose stages nothing more is expected.
    #[inline]
    pub(crate) fn settle(&mut self, now_ns: u64, changes: &mut Vec<Change>) {
        if now_ns >= self.due_ns {
            self.settle_due(now_ns, changes);
        }
    }

    fn settle_due(&mut self, now_ns: u64, changes: &mut Vec<Change>) {
        let is_catching_up = self.is_catching_up(now_ns);
        self.due_ns = u64::MAX;
        for block in &mut self.known {
            match block.due_ns {
                Some(due_ns) if due_ns <= now_ns => {
                    block.due_ns = Some(u64::MAX); // once
                    if !is_catching_up && block.is_new(now_ns) {
                        changes.push(Change::BlockSettled { hash: block.hash });
                    }
                }
                Some(due_ns) => self.due_ns = self.due_ns.min(due_ns),
                None => {}
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now_ns: u64, changes: &mut Vec<Change>) {
        self.settle(now_ns, changes);
        self.connected.turn(now_ns);
        self.old.turn(now_ns);
    }
}

/// A list of the last events of one kind.
trait Note {
    fn note(&mut self, hash: Option<Hash>, height: Option<u32>, text: SmolStr, at_ns: u64);
}

impl Note for VecDeque<ChainEvent> {
    fn note(&mut self, hash: Option<Hash>, height: Option<u32>, text: SmolStr, at_ns: u64) {
        push(self, ChainEvent { hash, height, at_ns, text }, MAX_CHAIN_EVENTS);
    }
}

/// The reject reason which shows that a block was changed on the way (`IsBlockMutated`).
pub fn mutation(state: &str) -> Option<&'static str> {
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
