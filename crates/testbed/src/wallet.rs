//! Coins and transactions without the node's wallet: outputs that anyone can spend, so nothing has to be signed.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use bitcoin::absolute::LockTime;
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::hashes::Hash;
use bitcoin::script::{Builder, ScriptBuf};
use bitcoin::transaction::Version;
use bitcoin::{
    Address, Amount, Block, BlockHash, Network, OutPoint, Sequence, Transaction, TxIn, TxOut, Txid, Witness,
};
use serde_json::json;

use crate::node::Node;

/// Blocks on top of a coinbase before it can be spent.
const MATURITY: u32 = 100;
/// For this many blocks the wallet remembers what may have to be undone. After as many, a transaction that is in no block counts as lost
/// and what it spent as unspent: a node that is killed forgets its mempool.
const KEPT: u32 = 30;
const SIGNALS_REPLACEMENT: Sequence = Sequence::ENABLE_RBF_NO_LOCKTIME;

/// The shape of a transaction to be made.
#[derive(Clone, Debug)]
pub struct Spend {
    /// Satoshis per virtual byte.
    pub fee_rate: u64,
    /// Number of outputs, at least one, all to the wallet.
    pub outputs: usize,
    /// Outputs are added until the transaction has at least this many virtual bytes. 0 adds none.
    pub vsize: usize,
}

impl Default for Spend {
    fn default() -> Self {
        Self { fee_rate: 5, outputs: 2, vsize: 0 }
    }
}

/// Why a node is to reject a transaction. The reason that it gives differs between versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// It pays no fee: `min relay fee not met`.
    NoFee,
    /// It pays out more than it takes in: `bad-txns-in-belowout`.
    SpendsTooMuch,
    /// It spends what nobody knows of: `missing-inputs`, or an orphan if a peer sends it.
    MissingInputs,
    /// The script that it shows is not the one that was paid to: `Witness program hash mismatch`.
    WrongScript,
    /// An output too small to be worth spending: `dust`.
    Dust,
    /// It can't be mined for a long time: `non-final`.
    NonFinal,
}

impl Reject {
    /// All reasons.
    pub const ALL: [Self; 6] =
        [Self::NoFee, Self::SpendsTooMuch, Self::MissingInputs, Self::WrongScript, Self::Dust, Self::NonFinal];
}

#[derive(Clone, Copy, Debug)]
struct Coin {
    value: Amount,
    coinbase: bool,
    /// Height at which the wallet learnt of it.
    made: u32,
    /// Height of the block that has the transaction of this coin.
    block: Option<u32>,
    /// Height at which a transaction was made that spends it.
    spent: Option<u32>,
    /// Height of the block that has such a transaction. The coin is kept for a while, because the block may be replaced.
    gone: Option<u32>,
}

/// The coins of one script, followed through the blocks of a chain. Several wallets don't disturb each other.
#[derive(Debug)]
pub struct Wallet {
    script: ScriptBuf,
    coins: BTreeMap<OutPoint, Coin>,
    height: u32,
    /// The last blocks up to that height, by height.
    blocks: BTreeMap<u32, BlockHash>,
}

impl Default for Wallet {
    fn default() -> Self {
        Self::new()
    }
}

impl Wallet {
    /// An empty wallet with an address of its own.
    pub fn new() -> Self {
        // A script that leaves a number other than zero on the stack can be spent by anyone; the number makes it this wallet's.
        let number: [u8; 8] = (fastrand::u64(..) | 1).to_le_bytes();
        Self {
            script: Builder::new().push_slice(number).into_script(),
            coins: BTreeMap::new(),
            height: 0,
            blocks: BTreeMap::new(),
        }
    }

    /// The address of the wallet.
    pub fn address(&self) -> Address {
        Address::p2wsh(&self.script, Network::Regtest)
    }

    /// The number of coins that [`Self::spend`] can still use: in a block, mature, and not spent.
    pub fn spendable(&self) -> usize {
        self.coins.values().filter(|coin| self.is_spendable(coin)).count()
    }

    fn is_spendable(&self, coin: &Coin) -> bool {
        let mature = |height: u32| !coin.coinbase || self.height >= height.saturating_add(MATURITY - 1);
        coin.spent.is_none() && coin.gone.is_none() && coin.block.is_some_and(mature)
    }

    /// Mines `blocks` blocks that pay to the wallet, with what is in the node's mempool, and takes note of all blocks new to it.
    ///
    /// # Errors
    /// The errors of [`Node::rpc`].
    pub async fn mine(&mut self, node: &Node, blocks: usize) -> Result<Vec<BlockHash>> {
        let hashes = node.mine_to(blocks, &self.address()).await?;
        self.catch_up(node).await?;
        Ok(hashes)
    }

    /// Mines until at least `coins` coins can be spent.
    ///
    /// # Errors
    /// The errors of [`Node::rpc`].
    pub async fn fund(&mut self, node: &Node, coins: usize) -> Result<()> {
        self.mine(node, coins).await?;
        let missing = coins.saturating_sub(self.spendable());
        if missing > 0 {
            node.mine(MATURITY as usize).await?;
            self.catch_up(node).await?;
        }
        Ok(())
    }

    /// Takes note of the blocks that the node has and the wallet has not seen, and of those that the node has replaced.
    ///
    /// # Errors
    /// The errors of [`Node::rpc`].
    pub async fn catch_up(&mut self, node: &Node) -> Result<()> {
        let (tip, _) = node.tip().await?;
        while let Some((&height, &hash)) = self.blocks.last_key_value() {
            if height <= tip && block_hash(node, height).await? == hash {
                break;
            }
            self.blocks.pop_last();
        }
        let common = self.blocks.last_key_value().map_or(0, |(height, _)| *height);
        if common < self.height {
            self.roll_back(common);
        }
        for height in common + 1..=tip {
            let hash = block_hash(node, height).await?;
            let hex = node.rpc("getblock", json!([hash.to_string(), 0])).await?;
            let block = deserialize_hex(hex.as_str().context("getblock gave no text")?)?;
            self.scan(&block, height);
            self.blocks.insert(height, hash);
        }
        while self.blocks.len() > KEPT as usize {
            self.blocks.pop_first();
        }
        Ok(())
    }

    fn scan(&mut self, block: &Block, height: u32) {
        self.height = height;
        for tx in &block.txdata {
            for input in &tx.input {
                if let Some(coin) = self.coins.get_mut(&input.previous_output) {
                    coin.gone = Some(height);
                }
            }
            for (outpoint, value) in outputs_to(tx, &self.address().script_pubkey()) {
                let new =
                    Coin { value, coinbase: tx.is_coinbase(), made: height, block: None, spent: None, gone: None };
                self.coins.entry(outpoint).or_insert(new).block = Some(height);
            }
        }
        let long_ago = |then: u32| height > then.saturating_add(KEPT);
        self.coins.retain(|_, coin| match coin.block {
            Some(_) => !coin.gone.is_some_and(long_ago),
            None => !long_ago(coin.made),
        });
        for coin in self.coins.values_mut() {
            coin.spent = coin.spent.filter(|then| !long_ago(*then));
        }
    }

    /// The blocks above `height` are no longer in the chain. Their transactions are in mempools again, except the coinbases.
    fn roll_back(&mut self, height: u32) {
        self.height = height;
        self.coins.retain(|_, coin| !coin.coinbase || coin.block <= Some(height));
        for coin in self.coins.values_mut() {
            coin.made = coin.made.min(height);
            coin.block = coin.block.filter(|block| *block <= height);
            if coin.gone > Some(height) {
                (coin.gone, coin.spent) = (None, Some(height));
            }
        }
    }

    /// A transaction that spends a coin that is in a block. Its outputs are coins from now on, its input is none any more; see
    /// [`Self::forget`] for when no node takes it.
    ///
    /// # Errors
    /// No coin can be spent, or the fee is more than it is worth.
    pub fn spend(&mut self, spend: &Spend) -> Result<Transaction> {
        let (outpoint, value) = self.coin()?;
        self.build(outpoint, value, spend)
    }

    /// A transaction that spends the first output of `parent`, which may be in no block yet.
    ///
    /// # Errors
    /// The fee is more than that is worth.
    pub fn spend_from(&mut self, parent: &Transaction, spend: &Spend) -> Result<Transaction> {
        let value = parent.output.first().context("the parent has no output")?.value;
        self.build(OutPoint::new(parent.compute_txid(), 0), value, spend)
    }

    /// `length` transactions, each of which spends the one before; the first a coin that is in a block.
    ///
    /// # Errors
    /// The errors of [`Self::spend`].
    pub fn chain(&mut self, length: usize, spend: &Spend) -> Result<Vec<Transaction>> {
        let mut chain: Vec<Transaction> = Vec::with_capacity(length);
        for _ in 0..length {
            let next = match chain.last() {
                Some(parent) => self.spend_from(parent, spend)?,
                None => self.spend(spend)?,
            };
            chain.push(next);
        }
        Ok(chain)
    }

    /// A transaction that spends the same coin as `tx` (made by this wallet). Nodes take it in place of `tx` if it pays enough more.
    ///
    /// # Errors
    /// The fee is more than the coin is worth.
    pub fn replace(&mut self, tx: &Transaction, spend: &Spend) -> Result<Transaction> {
        let input = tx.input.first().context("the transaction has no input")?.previous_output;
        let value = self.coins.get(&input).context("the transaction spends no coin of this wallet")?.value;
        self.drop_outputs(tx);
        self.build(input, value, spend)
    }

    /// A transaction that nodes reject, and `reason` is why. The wallet's coins stay as they are.
    ///
    /// # Errors
    /// No coin can be spent.
    pub fn rejected(&self, reason: Reject) -> Result<Transaction> {
        let (outpoint, value) = self.coin()?;
        let mut tx = self.unfunded(outpoint, 1);
        let half = value / 2;
        let out = |value| TxOut { value, script_pubkey: self.address().script_pubkey() };
        tx.output = match reason {
            Reject::NoFee => vec![out(value)],
            Reject::SpendsTooMuch => vec![out(value + Amount::ONE_SAT)],
            Reject::Dust => vec![out(half), out(Amount::ONE_SAT)],
            Reject::MissingInputs | Reject::WrongScript | Reject::NonFinal => vec![out(half)],
        };
        for input in &mut tx.input {
            match reason {
                Reject::MissingInputs => {
                    input.previous_output.txid = Txid::from_byte_array(std::array::from_fn(|_| fastrand::u8(..)));
                }
                Reject::WrongScript => input.witness = Witness::from_slice(&[[0x51]]),
                Reject::NonFinal => tx.lock_time = LockTime::from_consensus(400_000_000),
                Reject::NoFee | Reject::SpendsTooMuch | Reject::Dust => {}
            }
        }
        Ok(tx)
    }

    /// Takes back that `tx` was made: its outputs are no coins, its input is one again.
    pub fn forget(&mut self, tx: &Transaction) {
        self.drop_outputs(tx);
        for input in &tx.input {
            if let Some(coin) = self.coins.get_mut(&input.previous_output) {
                coin.spent = None;
            }
        }
    }

    /// Gives `tx` to a node, whatever it pays; on failure the wallet forgets it.
    ///
    /// # Errors
    /// The node rejected it: an [`crate::RpcError`] with the reason.
    pub async fn send(&mut self, node: &Node, tx: &Transaction) -> Result<Txid> {
        let sent = node.rpc("sendrawtransaction", json!([serialize_hex(tx), 0])).await;
        if sent.is_err() {
            self.forget(tx);
        }
        Ok(sent?.as_str().context("sendrawtransaction gave no text")?.parse()?)
    }

    fn coin(&self) -> Result<(OutPoint, Amount)> {
        let coin = self.coins.iter().filter(|(_, coin)| self.is_spendable(coin)).max_by_key(|(_, coin)| coin.value);
        coin.map(|(outpoint, coin)| (*outpoint, coin.value))
            .context("the wallet has no coin to spend; mine more blocks")
    }

    fn drop_outputs(&mut self, tx: &Transaction) {
        for (outpoint, _) in outputs_to(tx, &self.address().script_pubkey()) {
            self.coins.remove(&outpoint);
        }
    }

    fn unfunded(&self, coin: OutPoint, outputs: usize) -> Transaction {
        let output = TxOut { value: Amount::ZERO, script_pubkey: self.address().script_pubkey() };
        Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: coin,
                script_sig: ScriptBuf::new(),
                sequence: SIGNALS_REPLACEMENT,
                witness: Witness::from_slice(&[self.script.as_bytes()]),
            }],
            output: vec![output; outputs.max(1)],
        }
    }

    fn build(&mut self, coin: OutPoint, value: Amount, spend: &Spend) -> Result<Transaction> {
        let mut tx = self.unfunded(coin, spend.outputs);
        if let Some(more) = spend.vsize.checked_sub(tx.vsize())
            && let Some(output) = tx.output.first().cloned()
        {
            let count = tx.output.len() + more.div_ceil(output.size());
            tx.output.resize(count, output);
        }
        let fee = Amount::from_sat(spend.fee_rate.saturating_mul(tx.vsize() as u64));
        let each = value.checked_sub(fee).map(|rest| rest / tx.output.len() as u64).filter(|each| each.to_sat() > 1000);
        let Some(each) = each else {
            bail!("a coin of {value} is too small for {} outputs and a fee of {fee}", tx.output.len())
        };
        for output in &mut tx.output {
            output.value = each;
        }
        if let Some(coin) = self.coins.get_mut(&coin) {
            coin.spent = Some(self.height);
        }
        for (outpoint, value) in outputs_to(&tx, &self.address().script_pubkey()) {
            self.coins.insert(
                outpoint,
                Coin { value, coinbase: false, made: self.height, block: None, spent: None, gone: None },
            );
        }
        Ok(tx)
    }
}

fn outputs_to(tx: &Transaction, script: &ScriptBuf) -> Vec<(OutPoint, Amount)> {
    let txid = tx.compute_txid();
    let ours = (0..).zip(&tx.output).filter(|(_, output)| output.script_pubkey == *script);
    ours.map(|(index, output)| (OutPoint::new(txid, index), output.value)).collect()
}

async fn block_hash(node: &Node, height: u32) -> Result<BlockHash> {
    let hash = node.rpc("getblockhash", json!([height])).await?;
    Ok(hash.as_str().context("getblockhash gave no text")?.parse()?)
}

/// An address for coins that nobody is going to need.
pub(crate) fn anyone_can_spend() -> Address {
    Address::p2wsh(&Builder::new().push_int(1).into_script(), Network::Regtest)
}
