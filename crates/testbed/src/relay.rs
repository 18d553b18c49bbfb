//! What the scripted peers pass on to each other: the rest of the network, which has more than one node's view of things.

use std::collections::VecDeque;
use std::sync::Arc;

use bitcoin::bip152::{BlockTransactions, BlockTransactionsRequest, HeaderAndShortIds};
use bitcoin::block::Header;
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::Inventory;
use bitcoin::p2p::message_compact_blocks::{BlockTxn, CmpctBlock};
use bitcoin::{Block, BlockHash, Transaction, Txid, Wtxid};
use parking_lot::Mutex;
use tokio::sync::broadcast;

/// Older transactions and blocks are forgotten.
const TRANSACTIONS: usize = 1000;
const BLOCKS: usize = 50;

/// What a peer learns from the others.
#[derive(Clone, Debug)]
pub(crate) enum News {
    Transaction(Wtxid),
    Block(Header),
}

#[derive(Debug)]
pub(crate) struct Relay {
    news: broadcast::Sender<News>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    transactions: VecDeque<(Txid, Wtxid, Arc<Transaction>)>,
    blocks: VecDeque<(BlockHash, Arc<Block>)>,
    height: u32,
}

impl Relay {
    pub(crate) fn new() -> Self {
        Self { news: broadcast::Sender::new(256), kept: Mutex::default() }
    }

    /// All that comes from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    pub(crate) fn add_transaction(&self, tx: Transaction) {
        let (txid, wtxid) = (tx.compute_txid(), tx.compute_wtxid());
        let mut kept = self.kept.lock();
        kept.transactions.push_back((txid, wtxid, Arc::new(tx)));
        if kept.transactions.len() > TRANSACTIONS {
            kept.transactions.pop_front();
        }
        // Nobody listens while no peer is connected.
        let _ = self.news.send(News::Transaction(wtxid));
    }

    pub(crate) fn add_block(&self, block: Block, height: u32) {
        let header = block.header;
        let mut kept = self.kept.lock();
        kept.blocks.push_back((header.block_hash(), Arc::new(block)));
        kept.height = height;
        if kept.blocks.len() > BLOCKS {
            kept.blocks.pop_front();
        }
        let _ = self.news.send(News::Block(header));
    }

    /// The height of the newest block.
    pub(crate) fn height(&self) -> u32 {
        self.kept.lock().height
    }

    /// The newest block.
    pub(crate) fn tip(&self) -> Option<Arc<Block>> {
        self.kept.lock().blocks.back().map(|(_, block)| Arc::clone(block))
    }

    fn block(&self, hash: BlockHash) -> Option<Arc<Block>> {
        self.kept.lock().blocks.iter().find(|(of, _)| *of == hash).map(|(_, block)| Arc::clone(block))
    }

    /// Whether somebody in this network has that transaction.
    pub(crate) fn has(&self, wtxid: Wtxid) -> bool {
        self.kept.lock().transactions.iter().any(|(_, of, _)| *of == wtxid)
    }

    /// The message that answers a `getdata` for `item`, if somebody has it.
    pub(crate) fn find(&self, item: &Inventory) -> Option<NetworkMessage> {
        let transaction = |wanted: &dyn Fn(Txid, Wtxid) -> bool| {
            let kept = self.kept.lock();
            let found = kept.transactions.iter().rev().find(|(txid, wtxid, _)| wanted(*txid, *wtxid));
            found.map(|(_, _, tx)| NetworkMessage::Tx(Transaction::clone(tx)))
        };
        match item {
            Inventory::WTx(id) => transaction(&|_, wtxid| wtxid == *id),
            Inventory::Transaction(id) | Inventory::WitnessTransaction(id) => transaction(&|txid, _| txid == *id),
            Inventory::Block(hash) | Inventory::WitnessBlock(hash) => {
                self.block(*hash).map(|block| NetworkMessage::Block(Block::clone(&block)))
            }
            Inventory::CompactBlock(hash) => {
                let compact_block = HeaderAndShortIds::from_block(&*self.block(*hash)?, fastrand::u64(..), 2, &[]);
                Some(NetworkMessage::CmpctBlock(CmpctBlock { compact_block: compact_block.ok()? }))
            }
            Inventory::Error | Inventory::Unknown { .. } => None,
        }
    }

    /// The answer to a `getblocktxn`.
    pub(crate) fn block_transactions(&self, request: &BlockTransactionsRequest) -> Option<NetworkMessage> {
        let transactions = BlockTransactions::from_request(request, &*self.block(request.block_hash)?).ok()?;
        Some(NetworkMessage::BlockTxn(BlockTxn { transactions }))
    }

    /// The answer to a `getheaders`: the headers up to the newest block, from the first one that the asker does not name. None if that
    /// is too long ago.
    pub(crate) fn headers_after(&self, known: &[BlockHash]) -> Vec<Header> {
        let kept = self.kept.lock();
        let mut headers = Vec::new();
        let mut next = kept.blocks.back().map(|(hash, _)| *hash);
        while let Some(hash) = next {
            if known.contains(&hash) {
                headers.reverse();
                return headers;
            }
            let block = kept.blocks.iter().find(|(of, _)| *of == hash);
            next = block.map(|(_, block)| {
                headers.push(block.header);
                block.header.prev_blockhash
            });
        }
        Vec::new()
    }
}
