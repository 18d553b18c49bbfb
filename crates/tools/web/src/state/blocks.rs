//! Blocks: when which part of them came, from whom, and how long the node took; and the chain that they make.

use std::collections::VecDeque;

use event::message::{Message, Payload};
use event::pb::ebpf_extractor::validation::BlockConnected;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{CompactBlockReconstructed, UpdateTip};
use smol_str::SmolStr;

use super::peer::push;
use super::series::SECOND;
use super::text::{Hash, cut, hash, hash_of_text};

/// Blocks that are remembered.
const MAX: usize = 200;
/// Of them so many that only peers told of: strangers can invent those.
const MAX_RUMOURS: usize = 50;
/// Announcers of a block that are remembered.
const MAX_ANNOUNCERS: usize = 16;
/// A message with more headers or blocks tells of old ones.
const MAX_NEW: usize = 8;
/// Tips, and blocks that went wrong, that are remembered.
const MAX_TIPS: usize = 20;

/// A block, as one node saw it.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub hash: Hash,
    pub height: Option<u32>,
    /// The header's time, seconds since the UNIX epoch.
    pub time: Option<u32>,
    pub first_ns: u64,
    /// The node told of it itself.
    pub confirmed: bool,
    pub header_ns: Option<u64>,
    pub compact_ns: Option<u64>,
    pub reconstructed_ns: Option<u64>,
    pub connected_ns: Option<u64>,
    pub tip_ns: Option<u64>,
    pub announced_by: Vec<Announcement>,
    pub reconstruction: Option<Reconstruction>,
    /// Transactions that were asked for, one by one.
    pub required: u32,
    pub connect_seconds: Option<f64>,
    pub transactions: Option<i64>,
    pub inputs: Option<i32>,
    pub sigops: Option<i64>,
    pub size: Option<u64>,
}

/// A peer told of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announcement {
    pub peer: u64,
    pub message: &'static str,
    pub at_ns: u64,
}

/// What a compact block was put together from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reconstruction {
    pub prefilled: u32,
    pub from_mempool: u32,
    pub from_extra_pool: u32,
    pub requested: u32,
    pub requested_bytes: Option<u64>,
}

/// A block at some time.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub hash: Option<Hash>,
    pub height: Option<u32>,
    pub at_ns: u64,
    pub text: SmolStr,
}

/// Blocks of one node.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    /// Oldest first.
    pub known: VecDeque<Block>,
    pub tips: VecDeque<Event>,
    pub disconnected: VecDeque<Event>,
    pub invalid: VecDeque<Event>,
}

impl Block {
    fn new(hash: Hash, first_ns: u64) -> Self {
        Self {
            hash,
            height: None,
            time: None,
            first_ns,
            confirmed: false,
            header_ns: None,
            compact_ns: None,
            reconstructed_ns: None,
            connected_ns: None,
            tip_ns: None,
            announced_by: Vec::new(),
            reconstruction: None,
            required: 0,
            connect_seconds: None,
            transactions: None,
            inputs: None,
            sigops: None,
            size: None,
        }
    }

    fn announced(&mut self, peer: u64, message: &'static str, at_ns: u64) {
        let known = self.announced_by.iter().any(|one| one.peer == peer);
        if !known && self.announced_by.len() < MAX_ANNOUNCERS {
            self.announced_by.push(Announcement { peer, message, at_ns });
        }
    }
}

impl Blocks {
    /// The block with a hash; a new one if there is none.
    fn touch(&mut self, hash: Hash, at_ns: u64, confirmed: bool) -> Option<&mut Block> {
        let index = match self.known.iter().rposition(|block| block.hash == hash) {
            Some(index) => index,
            None => {
                self.make_room();
                self.known.push_back(Block::new(hash, at_ns));
                self.known.len().saturating_sub(1)
            }
        };
        let block = self.known.get_mut(index)?;
        block.confirmed |= confirmed;
        Some(block)
    }

    fn make_room(&mut self) {
        let rumours = self.known.iter().filter(|block| !block.confirmed).count();
        if rumours >= MAX_RUMOURS
            && let Some(oldest) = self.known.iter().position(|block| !block.confirmed)
        {
            self.known.remove(oldest);
        } else if self.known.len() >= MAX {
            self.known.pop_front();
        }
    }

    /// A block that is known.
    pub fn find(&self, hash: &Hash) -> Option<&Block> {
        self.known.iter().rev().find(|block| block.hash == *hash)
    }

    /// Takes note of a message.
    pub fn message(&mut self, message: &Message, at_ns: u64) {
        if !message.inbound {
            return;
        }
        let peer = message.peer;
        match message.payload {
            Payload::Inv(items) => {
                let blocks = || items.filter(|(item, _)| item.is_block());
                if blocks().count() <= MAX_NEW {
                    for block in blocks().filter_map(|(_, bytes)| hash(bytes)) {
                        self.announced(block, peer, "inv", at_ns);
                    }
                }
            }
            Payload::Headers(headers) if headers.count() <= MAX_NEW => {
                for header in headers {
                    let Some(block) = hash(header.hash).and_then(|hash| self.announced(hash, peer, "headers", at_ns))
                    else {
                        continue;
                    };
                    block.time = Some(header.time);
                    block.header_ns.get_or_insert(at_ns);
                }
            }
            Payload::CompactBlock(compact) => {
                let Some(hash) = hash(compact.header.hash) else { return };
                if let Some(block) = self.announced(hash, peer, "cmpctblock", at_ns) {
                    block.time = Some(compact.header.time);
                    block.compact_ns.get_or_insert(at_ns);
                    block.header_ns.get_or_insert(at_ns);
                }
            }
            Payload::Block(header) => {
                let Some(hash) = hash(header.hash) else { return };
                if let Some(block) = self.announced(hash, peer, "block", at_ns) {
                    block.time = Some(header.time);
                    block.size = Some(message.size);
                }
            }
            _ => {}
        }
    }

    fn announced(&mut self, hash: Hash, peer: u64, message: &'static str, at_ns: u64) -> Option<&mut Block> {
        let block = self.touch(hash, at_ns, false)?;
        block.announced(peer, message, at_ns);
        Some(block)
    }

    /// A tracepoint told that a block was connected.
    pub fn connected(&mut self, told: &BlockConnected, at_ns: u64) {
        let Some(block) = hash(&told.hash).and_then(|hash| self.touch(hash, at_ns, true)) else { return };
        block.height = u32::try_from(told.height).ok().or(block.height);
        block.connected_ns.get_or_insert(at_ns);
        block.connect_seconds = Some(told.connection_time as f64 / SECOND as f64);
        (block.transactions, block.inputs, block.sigops) =
            (Some(told.transactions), Some(told.inputs), Some(told.sigops));
    }

    /// debug.log told something of blocks.
    pub fn logged(&mut self, entry: &LogEvent, at_ns: u64) {
        match entry {
            LogEvent::HeaderSeen(seen) => {
                let Some(block) = self.told(&seen.block_hash, at_ns) else { return };
                block.height = seen.height.or(block.height);
                block.header_ns.get_or_insert(at_ns);
                let message = if seen.compact_block { "cmpctblock" } else { "headers" };
                if seen.compact_block {
                    block.compact_ns.get_or_insert(at_ns);
                }
                if let Some(peer) = seen.peer_id {
                    block.announced(peer, message, at_ns);
                }
            }
            LogEvent::CompactBlockReconstructed(told) => self.reconstructed(told, at_ns),
            LogEvent::CompactBlockTxRequired(told) => {
                if let Some(block) = self.told(&told.block_hash, at_ns) {
                    block.required = block.required.saturating_add(1);
                }
            }
            LogEvent::BlockConnectedLog(told) => {
                if let Some(block) = self.told(&told.block_hash, at_ns) {
                    block.height = Some(told.block_height);
                    block.connected_ns.get_or_insert(at_ns);
                }
            }
            LogEvent::BlockCheckedLog(told) if told.state != "Valid" => {
                let text = format!("{} {}", told.state, told.debug_message);
                self.invalid(hash_of_text(&told.block_hash), None, text.trim(), at_ns);
            }
            LogEvent::BlockDisconnectedLog(told) => {
                let (hash, height) = (hash_of_text(&told.block_hash), Some(told.block_height));
                push(&mut self.disconnected, Event { hash, height, at_ns, text: SmolStr::default() }, MAX_TIPS);
            }
            LogEvent::InvalidChainFound(told) => {
                let hash = told.block_hash.as_deref().and_then(hash_of_text);
                self.invalid(hash, told.height, "an invalid chain was found", at_ns);
            }
            LogEvent::MutatedBlock(told) => self.invalid(None, None, &format!("mutated: {}", told.state), at_ns),
            LogEvent::UpdateTip(tip) if !tip.background => self.tip(tip, at_ns),
            _ => {}
        }
    }

    fn told(&mut self, hash: &str, at_ns: u64) -> Option<&mut Block> {
        self.touch(hash_of_text(hash)?, at_ns, true)
    }

    fn reconstructed(&mut self, told: &CompactBlockReconstructed, at_ns: u64) {
        let Some(block) = self.told(&told.block_hash, at_ns) else { return };
        block.reconstructed_ns.get_or_insert(at_ns);
        block.reconstruction = Some(Reconstruction {
            prefilled: told.prefilled,
            from_mempool: told.from_mempool,
            from_extra_pool: told.from_extra_pool,
            requested: told.requested,
            requested_bytes: told.requested_bytes,
        });
    }

    fn tip(&mut self, tip: &UpdateTip, at_ns: u64) {
        let Some(block) = self.told(&tip.block_hash, at_ns) else { return };
        block.height = Some(tip.height);
        block.tip_ns.get_or_insert(at_ns);
        let time = event::time::parse_rfc3339(&tip.date).map(|time_ns| (time_ns / SECOND) as u32);
        block.time = block.time.or(time);
        let hash = Some(block.hash);
        push(&mut self.tips, Event { hash, height: Some(tip.height), at_ns, text: SmolStr::default() }, MAX_TIPS);
    }

    fn invalid(&mut self, hash: Option<Hash>, height: Option<u32>, text: &str, at_ns: u64) {
        push(&mut self.invalid, Event { hash, height, at_ns, text: cut(text, 200) }, MAX_TIPS);
    }

    /// Without debug.log, getblockchaininfo tells of tips.
    pub fn polled(&mut self, hash: Hash, height: u32, at_ns: u64) {
        if self.tips.back().is_none_or(|tip| tip.hash != Some(hash)) {
            push(
                &mut self.tips,
                Event { hash: Some(hash), height: Some(height), at_ns, text: SmolStr::default() },
                MAX_TIPS,
            );
        }
    }
}
