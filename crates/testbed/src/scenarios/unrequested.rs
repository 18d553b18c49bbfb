use std::time::Duration;

use anyhow::{Context, Result};
use bitcoin::Block;
use bitcoin::bip152::BlockTransactions;
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::Inventory;
use bitcoin::p2p::message_compact_blocks::BlockTxn;
use tokio::time::sleep;

use super::{Actors, Scenario, Stage, Strength};

/// Answers that nobody has asked for: the newest block again and again, transactions of it, a pong, a notfound. Nodes ignore them.
pub const SCENARIO: Scenario = Scenario {
    name: "unrequested",
    about: "A peer sends a block, transactions of it, pongs and notfounds that the node has not asked for.",
    attack: true,
    actors: Actors::One,
    from: &[93],
    first: Duration::from_secs(10),
    pause: Duration::from_secs(25),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

async fn act(mut stage: Stage) -> Result<()> {
    let options = stage.peer("/ViaBTC:bitpeer.0.2.0/");
    let mut peer = stage.connect(options).await?;
    for _ in 0..stage.by_strength(2, 10) {
        let block = stage.world.relay.tip().context("there is no block yet")?;
        let transactions = BlockTransactions { block_hash: block.block_hash(), transactions: block.txdata.clone() };
        peer.send(NetworkMessage::Block(Block::clone(&block)))?;
        peer.send(NetworkMessage::BlockTxn(BlockTxn { transactions }))?;
        peer.send(NetworkMessage::Pong(stage.rng.u64(..)))?;
        peer.send(NetworkMessage::NotFound(vec![Inventory::WitnessBlock(block.block_hash())]))?;
        sleep(Duration::from_millis(500)).await;
    }
    peer.sync().await
}
