//! Blocks that the node announces: when it did, by which message, and when it was done with them.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes};
use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::bitcoin_primitives::{BlockHeader, InventoryItem};
use event::pb::ebpf_extractor::message::CompactBlock;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{BlockAnnouncement, BlockServed};
use event::time::nanoseconds;
use lru::LruCache;

/// Blocks that are remembered.
const MAX_BLOCKS: NonZeroUsize = NonZeroUsize::new(2_048).expect("not zero");
/// The most headers in a message that announces blocks; longer ones answer a request (`MAX_BLOCKS_TO_ANNOUNCE`).
const MAX_ANNOUNCED: usize = 8;
/// Blocks whose answer is waited for: as many as a busy node may be behind.
const MAX_ASKED: usize = 16;
/// After so long without an answer none is waited for.
const ANSWER: Duration = Duration::from_secs(120);

/// A question to the node.
#[derive(Debug, PartialEq)]
pub enum Question {
    /// Which headers follow after this block: `getheaders`. It answers that there are none, and takes us for one who has the block.
    After(Bytes),
    /// The first transaction of a block: `getblocktxn`. It answers when it has validated the block.
    FirstTransaction(Bytes),
}

/// What was announced on this connection.
pub struct Blocks {
    /// Heights, as far as they are known.
    announced: LruCache<Bytes, Option<u32>>,
    /// The blocks whose first transactions were asked for, and when they were announced, in this order.
    asked: VecDeque<(Bytes, Instant)>,
}

impl Default for Blocks {
    fn default() -> Self {
        Self { announced: LruCache::new(MAX_BLOCKS), asked: VecDeque::new() }
    }
}

impl Blocks {
    /// An `inv`.
    pub fn inv(&mut self, items: &[InventoryItem], events: &mut Vec<P2pEvent>) -> Option<Question> {
        let blocks = items.iter().filter_map(|item| match &item.item {
            Some(Item::Block(hash) | Item::WitnessBlock(hash) | Item::CompactBlock(hash)) => Some(hash),
            _ => None,
        });
        let last = blocks.inspect(|hash| self.announce(hash, None, "inv", events)).last()?;
        Some(Question::After(last.clone()))
    }

    /// `headers`.
    pub fn headers(&mut self, headers: &[BlockHeader], events: &mut Vec<P2pEvent>) {
        if headers.len() > MAX_ANNOUNCED {
            return;
        }
        for header in headers {
            let height = self.height_after(&header.prev_blockhash);
            self.announce(&header.hash, height, "headers", events);
        }
    }

    /// A `cmpctblock`, which arrived at that time.
    pub fn compact(&mut self, block: &CompactBlock, now: Instant, events: &mut Vec<P2pEvent>) -> Option<Question> {
        let header = &block.header;
        let height = self.height_after(&header.prev_blockhash).or_else(|| height_in(block));
        let before = events.len();
        self.announce(&header.hash, height, "cmpctblock", events);
        self.asked.retain(|(_, since)| now.saturating_duration_since(*since) < ANSWER);
        if events.len() == before || self.asked.len() >= MAX_ASKED {
            return None;
        }
        self.asked.push_back((header.hash.clone(), now));
        Some(Question::FirstTransaction(header.hash.clone()))
    }

    /// A `blocktxn`, or a whole block, which is the answer where the block is no longer one of the newest.
    pub fn served(&mut self, block_hash: &Bytes, now: Instant, events: &mut Vec<P2pEvent>) {
        let place = self.asked.iter().position(|(asked, _)| asked == block_hash);
        if let Some((block_hash, since)) = place.and_then(|place| self.asked.remove(place)) {
            let duration_ns = nanoseconds(now.saturating_duration_since(since));
            events.push(P2pEvent::BlockServed(BlockServed { block_hash, duration_ns }));
        }
    }

    fn height_after(&mut self, parent: &Bytes) -> Option<u32> {
        self.announced.get(parent).copied().flatten()?.checked_add(1)
    }

    fn announce(&mut self, hash: &Bytes, height: Option<u32>, message_type: &str, events: &mut Vec<P2pEvent>) {
        match self.announced.get_mut(hash) {
            Some(known) => *known = known.or(height),
            None => {
                self.announced.put(hash.clone(), height);
                events.push(P2pEvent::BlockAnnouncement(BlockAnnouncement {
                    block_hash: hash.clone(),
                    message_type: message_type.to_owned(),
                    height,
                }));
            }
        }
    }
}

impl Question {
    /// The message type and the payload. `version` is that of the protocol.
    pub fn message(&self, version: i32) -> (&'static str, Vec<u8>) {
        let mut payload = Vec::with_capacity(72);
        match self {
            Self::After(hash) => {
                payload.put_i32_le(version);
                payload.put_u8(1);
                payload.put_slice(hash);
                payload.put_slice(&[0; 32]);
                ("getheaders", payload)
            }
            Self::FirstTransaction(hash) => {
                payload.put_slice(hash);
                payload.put_slice(&[1, 0]); // one index, of the first transaction
                ("getblocktxn", payload)
            }
        }
    }
}

/// The height that a block's first transaction begins with (BIP 34). None if it was not sent along, or the block is older than that rule.
fn height_in(block: &CompactBlock) -> Option<u32> {
    let coinbase = block.transactions.first().filter(|first| first.diff_index == 0)?;
    let raw = coinbase.tx.raw.as_ref()?;
    let transaction: bitcoin::Transaction = bitcoin::consensus::deserialize(raw).ok()?;
    let script = &transaction.input.first()?.script_sig;
    match script.instructions().next()?.ok()? {
        bitcoin::script::Instruction::PushBytes(bytes) => {
            let number = bitcoin::script::read_scriptint(bytes.as_bytes()).ok()?;
            u32::try_from(number).ok()
        }
        // Up to 16 the number is in the opcode.
        bitcoin::script::Instruction::Op(opcode) => {
            opcode.to_u8().checked_sub(0x50).filter(|number| *number <= 16).map(u32::from)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn hash(byte: u8) -> Bytes {
        vec![byte; 32].into()
    }

    fn header(byte: u8) -> BlockHeader {
        BlockHeader { prev_blockhash: hash(byte - 1), hash: hash(byte), ..BlockHeader::default() }
    }

    #[test]
    fn a_block_is_announced_once_and_its_answer_is_timed() {
        let (mut blocks, mut events, start) = (Blocks::default(), Vec::new(), Instant::now());
        let item = InventoryItem { item: Some(Item::Block(hash(1))) };
        assert_eq!(blocks.inv(&[item], &mut events), Some(Question::After(hash(1))));
        blocks.headers(&[header(1)], &mut events);
        let compact = CompactBlock { header: header(2), ..CompactBlock::default() };
        assert_eq!(blocks.compact(&compact, start, &mut events), Some(Question::FirstTransaction(hash(2))));
        assert_eq!(blocks.compact(&compact, start, &mut events), None);
        blocks.served(&hash(1), start, &mut events);
        blocks.served(&hash(2), start + Duration::from_millis(7), &mut events);
        blocks.served(&hash(2), start, &mut events);
        let said: Vec<_> = events
            .iter()
            .map(|event| match event {
                P2pEvent::BlockAnnouncement(block) => (block.block_hash[0], block.message_type.clone(), 0),
                P2pEvent::BlockServed(block) => (block.block_hash[0], "served".to_owned(), block.duration_ns),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [(1, "inv", 0), (2, "cmpctblock", 0), (2, "served", 7_000_000)];
        assert_eq!(said, expected.map(|(block, how, ns)| (block, how.to_owned(), ns)));
    }

    #[test]
    fn an_answer_that_does_not_come_is_not_waited_for_forever() {
        let (mut blocks, mut events, start) = (Blocks::default(), Vec::new(), Instant::now());
        let compact = |byte| CompactBlock { header: header(byte), ..CompactBlock::default() };
        for byte in 1..=MAX_ASKED as u8 {
            assert!(blocks.compact(&compact(byte), start, &mut events).is_some());
        }
        assert!(blocks.compact(&compact(100), start, &mut events).is_none());
        assert!(blocks.compact(&compact(101), start + ANSWER, &mut events).is_some());
    }
}
