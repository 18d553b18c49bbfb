use std::time::Duration;

use anyhow::{Context, Result};
use bitcoin::Block;
use bitcoin::bip152::HeaderAndShortIds;
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::Inventory;
use bitcoin::p2p::message_compact_blocks::CmpctBlock;

use super::{Actors, Scenario, Stage, Strength};
use crate::wallet::Reject;

/// Announces blocks that only it has, as headers and as compact blocks in turn, and does not deliver them. A node waits for ten minutes.
pub const SCENARIO: Scenario = Scenario {
    name: "stalling",
    about: "A peer announces two blocks and never delivers them; in the weak form one, ten seconds late.",
    attack: true,
    actors: Actors::One,
    from: &[88],
    first: Duration::from_secs(6),
    pause: Duration::from_secs(40),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

const ASKED_WITHIN: Duration = Duration::from_secs(10);
const KEEPS_WAITING: Duration = Duration::from_secs(20);
const DELAY: Duration = Duration::from_secs(10);

async fn act(mut stage: Stage) -> Result<()> {
    let options = stage.peer("/Satoshi:27.1.0/");
    let mut peer = stage.connect(options).await?;
    if stage.round % 2 == 1 {
        return compact(stage, peer).await;
    }
    let blocks = stage.forge(stage.by_strength(1, 2), Vec::new()).await?;
    peer.send(NetworkMessage::Headers(blocks.iter().map(|block| block.header).collect()))?;
    let wanted: Vec<_> = blocks.iter().map(Block::block_hash).collect();
    let asks_for_one = |item: &Inventory| match item {
        Inventory::Block(hash) | Inventory::WitnessBlock(hash) | Inventory::CompactBlock(hash) => wanted.contains(hash),
        _ => false,
    };
    let asks =
        |message: &NetworkMessage| matches!(message, NetworkMessage::GetData(items) if items.iter().any(asks_for_one));
    peer.wait_for(ASKED_WITHIN, asks).await?;
    let _ = peer.wait_closed(stage.by_strength(DELAY, KEEPS_WAITING)).await;
    if stage.by_strength(true, false) {
        blocks.into_iter().try_for_each(|block| peer.send(NetworkMessage::Block(block)))?;
        peer.sync().await?;
    }
    Ok(())
}

/// The node lacks one transaction of the block, and asks for it.
async fn compact(mut stage: Stage, mut peer: crate::Peer) -> Result<()> {
    let lacking = stage.wallet().await.rejected(Reject::MissingInputs)?;
    let block = stage.forge(1, vec![lacking]).await?.pop().context("one block was forged")?;
    let compact_block = HeaderAndShortIds::from_block(&block, stage.rng.u64(..), 2, &[])?;
    peer.send(NetworkMessage::CmpctBlock(CmpctBlock { compact_block }))?;
    peer.wait_for(ASKED_WITHIN, |message| matches!(message, NetworkMessage::GetBlockTxn(_))).await?;
    let _ = peer.wait_closed(KEEPS_WAITING).await;
    Ok(())
}
