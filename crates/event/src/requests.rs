//! Matches P2P messages as requests and answers. Which types answer which is in [`crate::message_types`].

use crate::message::{ItemType, Message, Payload, short};

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum RequestKind {
    Ping,
    Headers,
    Addresses,
    Tx,
    Block,
    CompactBlock,
    BlockTxn,
}

impl RequestKind {
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
    pub kind: RequestKind,
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
    let asks = |kind, of| Request { peer: message.peer, of, kind, inbound: message.inbound };
    // What this message answers went the other way.
    let answers = |kind, of| Request { inbound: !message.inbound, ..asks(kind, of) };
    match message.payload {
        Payload::Ping(nonce) => {
            step(Step::Asks, asks(RequestKind::Ping, nonce));
        }
        Payload::GetHeaders => {
            step(Step::Asks, asks(RequestKind::Headers, 0));
        }
        Payload::GetAddr => {
            step(Step::Asks, asks(RequestKind::Addresses, 0));
        }
        Payload::GetBlockTxn(block, _) => {
            if let Some(block) = short(block) {
                step(Step::Asks, asks(RequestKind::BlockTxn, block));
            }
        }
        Payload::GetData(items) => {
            for (item, hash) in items {
                if let (Some(kind), Some(of)) = (RequestKind::of(item), short(hash)) {
                    step(Step::Asks, asks(kind, of));
                }
            }
        }
        Payload::NotFound(items) => {
            for (item, hash) in items {
                if let (Some(kind), Some(of)) = (RequestKind::of(item), short(hash)) {
                    step(Step::Declines, answers(kind, of));
                }
            }
        }
        Payload::Pong(nonce) => {
            step(Step::Answers, answers(RequestKind::Ping, nonce));
        }
        Payload::Headers(_) => {
            step(Step::Answers, answers(RequestKind::Headers, 0));
        }
        Payload::Addr(_) | Payload::AddrV2(_) => {
            step(Step::Answers, answers(RequestKind::Addresses, 0));
        }
        Payload::Tx(tx) => {
            // Requested by one of its hashes.
            let mut known = |hash| short(hash).is_some_and(|of| step(Step::Answers, answers(RequestKind::Tx, of)));
            let _ = known(tx.wtxid) || known(tx.txid);
        }
        Payload::CompactBlock(block) => {
            if let Some(block) = short(block.header.hash) {
                step(Step::Answers, answers(RequestKind::CompactBlock, block));
            }
        }
        Payload::BlockTxn(block) => {
            if let Some(block) = short(block) {
                step(Step::Answers, answers(RequestKind::BlockTxn, block));
            }
        }
        Payload::Block(header) => {
            // A block that is old comes whole, whatever was requested (BIP 152).
            if let Some(block) = short(header.hash) {
                for kind in [RequestKind::Block, RequestKind::CompactBlock, RequestKind::BlockTxn] {
                    step(Step::Answers, answers(kind, block));
                }
            }
        }
        _ => {}
    }
}
