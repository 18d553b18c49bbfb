//! Matches P2P messages as requests and answers. Which types answer which is in [`crate::message_types`].

use crate::message::{ItemType, Message, Payload, short};

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Asked {
    Ping,
    Headers,
    Addresses,
    Tx,
    Block,
    CompactBlock,
    BlockTxn,
}

impl Asked {
    /// The kind of a getdata for an entry of this type.
    #[inline]
    fn of(item: ItemType) -> Option<Self> {
        match item {
            ItemType::Tx | ItemType::WTx | ItemType::WitnessTx => Some(Self::Tx),
            ItemType::Block | ItemType::WitnessBlock => Some(Self::Block),
            ItemType::CompactBlock => Some(Self::CompactBlock),
            ItemType::Unknown | ItemType::Error => None,
        }
    }
}

/// A request between the node and a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// The id that the node gave the peer on the other side.
    pub peer: u64,
    /// What identifies it: the first 8 bytes of a hash, a nonce, or 0 where there can be one request at a time.
    pub of: u64,
    /// Its kind.
    pub asked: Asked,
    /// Whether the node received the request.
    pub inbound: bool,
}

/// What a message does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Makes it.
    Asks,
    /// Answers it, if it was made.
    Answers,
    /// Reports that there is no answer: notfound.
    Declines,
}

/// Goes through the requests that a message makes, may answer or declines. `step` returns whether the request is known:
/// a message that answered one request is not offered to a less likely one.
#[inline]
pub fn each(message: &Message, mut step: impl FnMut(Step, Request) -> bool) {
    let asks = |asked, of| Request { peer: message.peer, of, asked, inbound: message.inbound };
    // What this message answers went the other way.
    let answers = |asked, of| Request { inbound: !message.inbound, ..asks(asked, of) };
    match message.payload {
        Payload::Ping(nonce) => {
            step(Step::Asks, asks(Asked::Ping, nonce));
        }
        Payload::GetHeaders => {
            step(Step::Asks, asks(Asked::Headers, 0));
        }
        Payload::GetAddr => {
            step(Step::Asks, asks(Asked::Addresses, 0));
        }
        Payload::GetBlockTxn(block, _) => {
            if let Some(block) = short(block) {
                step(Step::Asks, asks(Asked::BlockTxn, block));
            }
        }
        Payload::GetData(items) => {
            for (item, hash) in items {
                if let (Some(asked), Some(of)) = (Asked::of(item), short(hash)) {
                    step(Step::Asks, asks(asked, of));
                }
            }
        }
        Payload::NotFound(items) => {
            for (item, hash) in items {
                if let (Some(asked), Some(of)) = (Asked::of(item), short(hash)) {
                    step(Step::Declines, answers(asked, of));
                }
            }
        }
        Payload::Pong(nonce) => {
            step(Step::Answers, answers(Asked::Ping, nonce));
        }
        Payload::Headers(_) => {
            step(Step::Answers, answers(Asked::Headers, 0));
        }
        Payload::Addr(_) | Payload::AddrV2(_) => {
            step(Step::Answers, answers(Asked::Addresses, 0));
        }
        Payload::Tx(tx) => {
            // Requested by one of its hashes.
            let mut known = |hash| short(hash).is_some_and(|of| step(Step::Answers, answers(Asked::Tx, of)));
            let _ = known(tx.wtxid) || known(tx.txid);
        }
        Payload::CompactBlock(block) => {
            if let Some(block) = short(block.header.hash) {
                step(Step::Answers, answers(Asked::CompactBlock, block));
            }
        }
        Payload::BlockTxn(block) => {
            if let Some(block) = short(block) {
                step(Step::Answers, answers(Asked::BlockTxn, block));
            }
        }
        Payload::Block(header) => {
            // A block that is old comes whole, whatever was requested (BIP 152).
            if let Some(block) = short(header.hash) {
                for asked in [Asked::Block, Asked::CompactBlock, Asked::BlockTxn] {
                    step(Step::Answers, answers(asked, block));
                }
            }
        }
        _ => {}
    }
}
