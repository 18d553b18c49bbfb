//! Attacks by blocks and headers, other than [`super::STALLING`] and [`super::MUTATED_BLOCK`].

use std::time::Duration;

use anyhow::{Context, Result};
use bitcoin::block::Header;
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::{Amount, Block};

use super::{ATTACK, Actors, Scenario, Stage};

/// Headers that the node does not need: many at a time, or few again and again.
pub const HEADER_SPAM: Scenario = Scenario {
    name: "header_spam",
    about: "A peer sends 2,000 headers at a time, or in the weak form one header each two seconds.",
    from: &[153],
    act: |stage| Box::pin(header_spam(stage)),
    ..ATTACK
};

async fn header_spam(mut stage: Stage) -> Result<()> {
    let options = stage.peer("/Satoshi:27.0.0/");
    let mut peer = stage.connect(options).await?;
    let count = stage.by_strength(1, 2_000);
    loop {
        let blocks = stage.forge(count, Vec::new()).await?;
        let headers: Vec<Header> = blocks.iter().map(|block| block.header).collect();
        peer.send(NetworkMessage::Headers(headers))?;
        let rest = stage.by_strength(Duration::from_secs(2), Duration::from_secs(3));
        if peer.wait_closed(stage.irregular(rest)).await.is_ok() {
            return Ok(());
        }
    }
}

/// A block whose coinbase pays too much: its header is right, and so are the transactions that it has.
pub const INVALID_BLOCK: Scenario = Scenario {
    name: "invalid_block",
    about: "Peers send blocks that pay their miner too much: one, or one after the other.",
    from: &[157],
    act: |stage| Box::pin(invalid_block(stage)),
    ..ATTACK
};

async fn invalid_block(mut stage: Stage) -> Result<()> {
    let options = stage.peer("/Satoshi:27.0.0/");
    let mut peer = stage.connect(options).await?;
    let mut block = stage.forge(1, Vec::new()).await?.pop().context("one block was forged")?;
    let reward = block.txdata.first_mut().and_then(|coinbase| coinbase.output.first_mut());
    reward.context("a coinbase has an output")?.value = Amount::from_int_btc(1_000);
    let block = remade(block);
    peer.send(NetworkMessage::Headers(vec![block.header]))?;
    peer.send(NetworkMessage::Block(block))?;
    let _ = peer.wait_closed(Duration::from_secs(2)).await;
    drop(peer);
    tokio::time::sleep(stage.by_strength(Duration::from_hours(1), Duration::from_secs(3))).await;
    Ok(())
}

/// The block with the root of its transactions, and a nonce that fits.
fn remade(mut block: Block) -> Block {
    block.header.merkle_root = block.compute_merkle_root().unwrap_or(block.header.merkle_root);
    while block.header.validate_pow(block.header.target()).is_err() {
        block.header.nonce += 1;
    }
    block
}

/// Blocks that are announced and never delivered, by peers that answer everything else.
pub const WITHHELD: Scenario = Scenario {
    name: "withheld",
    about: "Peers announce blocks that only they have, and never deliver them: one peer, or five in the strong form.",
    actors: Actors::PerNode(5),
    from: &[158],
    act: |stage| Box::pin(withhold(stage)),
    ..ATTACK
};

async fn withhold(mut stage: Stage) -> Result<()> {
    let number = stage.actor;
    if number >= stage.by_strength(1, 5) {
        std::future::pending::<()>().await;
    }
    let options = stage.peer("/Satoshi:27.1.0/");
    let mut peer = stage.connect(options).await?;
    let blocks = stage.forge(stage.by_strength(1, 3), Vec::new()).await?;
    peer.send(NetworkMessage::Headers(blocks.iter().map(|block| block.header).collect()))?;
    let _ = peer.wait_closed(Duration::from_hours(1)).await;
    Ok(())
}

/// The newest block from one peer more than once, as pools' nodes send it during forks.
pub const REPEATED_BLOCK: Scenario = Scenario {
    name: "repeated_block",
    about: "A peer sends the newest block again and again; twice in the weak form.",
    from: &[160],
    act: |stage| Box::pin(repeat_block(stage)),
    ..ATTACK
};

async fn repeat_block(mut stage: Stage) -> Result<()> {
    let options = stage.peer("/ViaBTC:bitpeer.0.2.0/");
    let mut peer = stage.connect(options).await?;
    let block = stage.world.relay.tip().context("there is no block yet")?;
    for _ in 0..stage.by_strength(2, 20) {
        peer.send(NetworkMessage::Block(Block::clone(&block)))?;
        let _ = peer.wait_closed(Duration::from_secs(1)).await;
    }
    drop(peer);
    tokio::time::sleep(stage.by_strength(Duration::from_hours(1), Duration::from_secs(5))).await;
    Ok(())
}

/// A second block of the height of the tip.
pub const DOUBLE_BLOCK: Scenario = Scenario {
    name: "double_block",
    about: "A peer sends a block of the same height as the newest one: once, or several times.",
    from: &[161],
    act: |stage| Box::pin(double_block(stage)),
    ..ATTACK
};

async fn double_block(mut stage: Stage) -> Result<()> {
    let options = stage.peer("/Satoshi:27.0.0/");
    let mut peer = stage.connect(options).await?;
    // Whoever is first wins: a block of somebody else's, and a block of the node's own.
    let block = stage.forge(1, Vec::new()).await?.pop().context("one block was forged")?;
    stage.wallet().await.mine(stage.node(), 1).await?;
    stage.publish(1).await?;
    peer.send(NetworkMessage::Headers(vec![block.header]))?;
    peer.send(NetworkMessage::Block(block))?;
    let _ = peer.wait_closed(Duration::from_secs(2)).await;
    drop(peer);
    tokio::time::sleep(stage.by_strength(Duration::from_hours(1), Duration::from_secs(10))).await;
    Ok(())
}
