//! How soon the node announces on our own P2P connection what it has: transactions and blocks.

use std::collections::VecDeque;

use event::pb::p2p_extractor::BlockAnnouncement;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::{Body, Record, names};
use model::bounded::push;
use model::bounds::{MAX_BLOCKS, SECOND};
use model::text::{Hash, hash};
use model::{Announced, Change, Observer, Relayed};

use super::node::{Context, Peers};
use super::peer::Details;
use super::rate::Samples;
use super::types::Types;

/// The maximum number of delays of transactions kept, and of blocks.
const MAX_SAMPLES: (usize, usize) = (1_000, 100);

/// What a node announced.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    /// From when the node had a transaction until it announced it, in seconds.
    pub transactions: Samples,
    /// The same of blocks.
    pub blocks: Samples,
    /// From when a compact block came until the node had checked the block (BIP 152), in seconds.
    pub validations: Samples,
    /// The last blocks that it announced, oldest first.
    announced: VecDeque<Block>,
}

/// A block that the node announced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub hash: Hash,
    /// Type of the message.
    pub message_type: &'static str,
    /// When, nanoseconds since the UNIX epoch.
    pub at_ns: u64,
    pub height: Option<u32>,
    /// Since when the node had it, and what shows that.
    pub relayed: Option<Relayed>,
    /// How long the node took to check it, as seen from outside, in seconds.
    pub validation: Option<f64>,
}

impl Relays {
    /// The last blocks that the node announced, oldest first.
    pub fn announced(&self) -> impl Iterator<Item = &Block> {
        self.announced.iter()
    }

    /// A block that the node announced.
    pub fn find(&self, hash: &Hash) -> Option<&Block> {
        self.announced.iter().rev().find(|block| block.hash == *hash)
    }

    fn find_mut(&mut self, hash: &Hash) -> Option<&mut Block> {
        self.announced.iter_mut().rev().find(|block| block.hash == *hash)
    }

    fn announcement(&mut self, announcement: &BlockAnnouncement, time_ns: u64) {
        let Some(hash) = hash(&announcement.block_hash).filter(|hash| self.find(hash).is_none()) else { return };
        let types = ["inv", "headers", "cmpctblock"];
        let message_type = types.into_iter().find(|known| *known == announcement.message_type);
        let block = Block {
            hash,
            message_type: message_type.unwrap_or(names::UNKNOWN),
            at_ns: time_ns,
            height: announcement.height,
            relayed: None,
            validation: None,
        };
        push(&mut self.announced, block, MAX_BLOCKS);
    }

    fn served(&mut self, block_hash: &[u8], duration_ns: u64) {
        let seconds = duration_ns as f64 / SECOND as f64;
        self.validations.add(seconds, MAX_SAMPLES.1);
        if let Some(block) = hash(block_hash).and_then(|hash| self.find_mut(&hash)) {
            block.validation = Some(seconds);
        }
    }
}

impl Observer<Types, Details> for Relays {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(Body::P2pExtractor(p2p)) = record.body() else { return };
        match &p2p.p2p_event {
            Some(P2pEvent::BlockAnnouncement(announcement)) => self.announcement(announcement, context.time_ns),
            Some(P2pEvent::BlockServed(served)) => self.served(&served.block_hash, served.duration_ns),
            _ => {}
        }
    }

    fn change(&mut self, change: &Change, _: &mut Peers, _: &mut Context) {
        let Change::Relayed(relayed) = change else { return };
        match relayed.what {
            Announced::Transaction => self.transactions.add(relayed.seconds(), MAX_SAMPLES.0),
            Announced::Block(_) => {
                self.blocks.add(relayed.seconds(), MAX_SAMPLES.1);
                if let Some(block) = self.find_mut(&relayed.hash) {
                    block.relayed = Some(*relayed);
                }
            }
        }
    }
}
