//! Where a scenario is played, and what all of them need.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::hashes::Hash;
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::Inventory;
use bitcoin::script::Builder;
use bitcoin::{Amount, Block, OutPoint, Sequence, Transaction, TxIn, TxMerkleNode, TxOut, Witness, transaction};
use fastrand::Rng;
use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};

use super::{Scenario, Strength};
use crate::gossip::{pick, unix_time};
use crate::internet::is_internet;
use crate::network::Network;
use crate::node::Node;
use crate::peer::{Peer, PeerOptions};
use crate::relay::Relay;
use crate::sent::Sent;
use crate::wallet::{Spend, Wallet, anyone_can_spend};

/// A node asks inbound peers for a transaction after seconds, and later if others have announced it too.
const FETCHED_WITHIN: Duration = Duration::from_secs(20);

/// What all scenarios of a network share.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) wallet: Mutex<Wallet>,
    pub(crate) relay: Relay,
    pub(crate) sent: Sent,
}

/// Where one act of a scenario takes place.
pub struct Stage {
    pub(crate) world: Arc<World>,
    pub(crate) node: Arc<Node>,
    pub(crate) scenario: Scenario,
    /// 0 in the first act, and one more in each.
    pub(crate) round: usize,
    /// Which of the scenario's actors this is: they are numbered from 0.
    pub(crate) actor: usize,
    /// For all that an actor chooses.
    pub(crate) rng: Rng,
    /// The same for all actors of the scenario, in each round: for what they have in common.
    pub(crate) common: Rng,
}

impl Stage {
    /// The node that is visited.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// One of two values, as the scenario is strong or weak.
    pub fn by_strength<T>(&self, weak: T, strong: T) -> T {
        match self.scenario.strength {
            Strength::Weak => weak,
            Strength::Strong => strong,
        }
    }

    /// An address of the scenario: in an internet of one's own ([`crate::internet`]) one that is routed.
    pub fn ip(&mut self) -> IpAddr {
        let own = pick(&mut self.rng, self.scenario.from);
        let [second, third] = [self.rng.u8(..), self.rng.u8(..)];
        self.place(own, second, third)
    }

    /// An address of the scenario in one of so many /24, which are the same for all of its actors.
    pub fn ip_of_subnets(&mut self, subnets: usize) -> IpAddr {
        let mut common = self.common.clone();
        let number = self.rng.usize(..subnets.max(1));
        let mut drawn = || [pick(&mut common, self.scenario.from), common.u8(..), common.u8(..)];
        let [own, second, third] = (0..number).fold(drawn(), |_, _| drawn());
        self.place(own, second, third)
    }

    fn place(&mut self, own: u8, second: u8, third: u8) -> IpAddr {
        let host = self.rng.u8(1..255);
        let octets = if is_internet() { [own, second, third, host] } else { [127, own, third, host] };
        Ipv4Addr::from(octets).into()
    }

    /// A peer of the scenario with that user agent, which is counted.
    pub fn peer(&mut self, user_agent: &str) -> PeerOptions {
        PeerOptions {
            user_agent: user_agent.to_owned(),
            from: self.ip(),
            start_height: self.world.relay.height().try_into().unwrap_or(i32::MAX),
            time_offset: self.rng.i64(-3..=3),
            sent: self.world.sent.label(self.scenario.name, self.node.name()),
            ..PeerOptions::default()
        }
    }

    /// Connects to the node.
    ///
    /// # Errors
    /// The errors of [`Peer::connect`].
    pub async fn connect(&self, options: PeerOptions) -> Result<Peer> {
        Peer::connect(self.node.p2p_addr(), options).await
    }

    /// A duration as between independent events of that mean interval, at most five times the mean.
    pub fn irregular(&mut self, mean: Duration) -> Duration {
        irregular(&mut self.rng, mean)
    }

    /// The coins of the network. Nobody makes blocks or transactions meanwhile.
    pub async fn wallet(&self) -> MutexGuard<'_, Wallet> {
        self.world.wallet.lock().await
    }

    /// The shape of an ordinary transaction.
    pub fn spend(&mut self) -> Spend {
        Spend { fee_rate: self.rng.u64(2..60), outputs: self.rng.usize(1..5), vsize: 0 }
    }

    /// Offers a transaction as honest peers do, and delivers it when the node asks for it.
    ///
    /// # Errors
    /// The node did not ask, or closed the connection.
    pub async fn offer(&self, peer: &mut Peer, tx: &Transaction) -> Result<()> {
        let item = Inventory::WTx(tx.compute_wtxid());
        peer.send(NetworkMessage::Inv(vec![item]))?;
        let asked =
            |message: &NetworkMessage| matches!(message, NetworkMessage::GetData(items) if items.contains(&item));
        peer.wait_for(FETCHED_WITHIN, asked).await?;
        peer.send(NetworkMessage::Tx(tx.clone()))
    }

    /// Lets the other peers know of the node's last `count` blocks.
    ///
    /// # Errors
    /// The errors of [`Node::rpc`].
    pub async fn publish(&self, count: u32) -> Result<()> {
        self.world.publish(&self.node, count).await
    }

    /// Blocks on top of the node's best one, with proof of work, which nobody else has. `transactions` are in the last one.
    ///
    /// # Errors
    /// The errors of [`Node::rpc`].
    pub async fn forge(&mut self, count: usize, transactions: Vec<Transaction>) -> Result<Vec<Block>> {
        let (height, hash) = self.node.tip().await?;
        let hex = self.node.rpc("getblockheader", json!([hash.to_string(), false])).await?;
        let mut parent: Header = deserialize_hex(hex.as_str().context("getblockheader gave no text")?)?;
        let mut blocks = Vec::with_capacity(count);
        for (index, height) in (height + 1..).enumerate().take(count) {
            let mut txdata = vec![coinbase(height, self.rng.u64(..))];
            if index + 1 == count {
                txdata.extend(transactions.iter().cloned());
            }
            let block = block_after(&parent, txdata);
            parent = block.header;
            blocks.push(block);
        }
        Ok(blocks)
    }
}

impl World {
    pub(crate) async fn publish(&self, node: &Node, count: u32) -> Result<()> {
        let (tip, _) = node.tip().await?;
        for height in tip.saturating_sub(count.saturating_sub(1))..=tip {
            self.relay.add_block(block_at(node, height).await?, height);
        }
        Ok(())
    }
}

/// A duration as between independent events of that mean interval, at most five times the mean.
pub(crate) fn irregular(rng: &mut Rng, mean: Duration) -> Duration {
    let factor = -f64::ln(1.0 - rng.f64());
    mean.mul_f64(factor.min(5.0))
}

async fn block_at(node: &Node, height: u32) -> Result<Block> {
    let hash = node.rpc("getblockhash", json!([height])).await?;
    let hex = node.rpc("getblock", json!([hash, 0])).await?;
    Ok(deserialize_hex(hex.as_str().context("getblock gave no text")?)?)
}

/// A coinbase that is valid at that height.
fn coinbase(height: u32, unique: u64) -> Transaction {
    let script_sig = Builder::new().push_int(height.into()).push_slice(unique.to_le_bytes()).into_script();
    let input =
        TxIn { previous_output: OutPoint::null(), script_sig, sequence: Sequence::MAX, witness: Witness::new() };
    let output = TxOut { value: Amount::ZERO, script_pubkey: anyone_can_spend().script_pubkey() };
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![input],
        output: vec![output],
    }
}

fn block_after(parent: &Header, txdata: Vec<Transaction>) -> Block {
    let header = Header {
        version: Version::NO_SOFT_FORK_SIGNALLING,
        prev_blockhash: parent.block_hash(),
        merkle_root: TxMerkleNode::all_zeros(),
        time: unix_time().max(parent.time + 1),
        bits: parent.bits,
        nonce: 0,
    };
    let mut block = Block { header, txdata };
    block.header.merkle_root = block.compute_merkle_root().unwrap_or(block.header.merkle_root);
    // In regtest every second nonce will do.
    while block.header.validate_pow(block.header.target()).is_err() {
        block.header.nonce += 1;
    }
    block
}
