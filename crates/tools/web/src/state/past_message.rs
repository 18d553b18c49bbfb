//! Compact records of past messages. Their text is made only for an answer.

use std::fmt::{self, Display, Formatter};

use event::message::{ItemType, Message, Payload};

use super::types::Type;

/// A message of a peer, as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PastMessage {
    pub at_ns: u64,
    /// Sequence number of its event within the extractor's run.
    pub sequence: u64,
    /// Sequence number of the request that it replies to, and the seconds since then.
    pub reply_to: Option<(u64, f32)>,
    pub size: u32,
    pub kind: Type,
    pub inbound: bool,
    pub summary: Summary,
}

/// The summary of a message's content.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Summary {
    Nothing,
    Items { txs: u16, blocks: u16, others: u16 },
    Tx(u64),
    Block(u64),
    Headers(u16),
    Addresses(u16),
    Nonce(u64),
    Fee(i64),
    Version { version: u32, height: i32 },
    BlockTxnRequest { txs: u16, block: u64 },
}

impl Summary {
    /// The summary of a message. `items` are the counted entries of its list.
    pub fn of(message: &Message, items: Items) -> Self {
        let block = |hash: &[u8]| {
            hash.first_chunk::<8>().map_or(Self::Nothing, |first| Self::Block(u64::from_le_bytes(*first)))
        };
        match message.payload {
            Payload::Ping(nonce) | Payload::Pong(nonce) => Self::Nonce(nonce),
            Payload::Inv(_) | Payload::GetData(_) | Payload::NotFound(_) => {
                Self::Items { txs: items.txs, blocks: items.blocks, others: items.others }
            }
            Payload::Tx(tx) => {
                tx.txid.last_chunk::<8>().map_or(Self::Nothing, |last| Self::Tx(u64::from_le_bytes(*last)))
            }
            Payload::Headers(headers) => Self::Headers(clamp(headers.count())),
            Payload::Addr(_) | Payload::AddrV2(_) => Self::Addresses(items.others),
            Payload::EmptyAddrV2 => Self::Addresses(0),
            Payload::FeeFilter(fee) => Self::Fee(fee),
            Payload::Version(version) => Self::Version { version: version.version, height: version.start_height },
            Payload::CompactBlock(compact) => block(compact.header.hash),
            Payload::Block(header) => block(header.hash),
            Payload::GetBlockTxn(hash, txs) => match block(hash) {
                Self::Block(block) => Self::BlockTxnRequest { txs: clamp(txs), block },
                other => other,
            },
            Payload::BlockTxn(hash) => block(hash),
            Payload::OldPing | Payload::GetHeaders | Payload::GetAddr | Payload::Reject(_) | Payload::Other => {
                Self::Nothing
            }
        }
    }
}

/// The number of entries of a list, by type.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Items {
    pub txs: u16,
    pub blocks: u16,
    pub others: u16,
}

impl Items {
    /// Counts an entry.
    #[inline]
    pub fn add(&mut self, item: ItemType) {
        let count = if item.is_tx() {
            &mut self.txs
        } else if item.is_block() {
            &mut self.blocks
        } else {
            &mut self.others
        };
        *count = count.saturating_add(1);
    }
}

pub(crate) fn clamp(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match *self {
            Self::Nothing => Ok(()),
            Self::Items { txs, blocks, others } => {
                let mut between = "";
                for (count, name) in [(txs, "tx"), (blocks, "block"), (others, "other")] {
                    if count > 0 {
                        write!(f, "{between}{count} {name}")?;
                        between = ", ";
                    }
                }
                if between.is_empty() { f.write_str("empty") } else { Ok(()) }
            }
            // The beginning of a txid as block explorers show it, and the end of a block hash, which begins with zeros.
            Self::Tx(last) => write!(f, "{last:016x}…"),
            Self::Block(first) => write!(f, "…{first:016x}"),
            Self::Headers(1) => f.write_str("1 header"),
            Self::Headers(count) => write!(f, "{count} headers"),
            Self::Addresses(1) => f.write_str("1 address"),
            Self::Addresses(count) => write!(f, "{count} addresses"),
            Self::Nonce(nonce) => write!(f, "nonce {nonce:016x}"),
            Self::Fee(fee) => write!(f, "{fee} sat/kvB"),
            Self::Version { version, height } => write!(f, "version {version}, height {height}"),
            Self::BlockTxnRequest { txs, block } => write!(f, "{txs} tx of …{block:016x}"),
        }
    }
}
