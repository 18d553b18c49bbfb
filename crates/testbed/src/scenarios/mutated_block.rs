use std::time::Duration;

use anyhow::{Context, Result};
use bitcoin::Block;
use bitcoin::p2p::message::NetworkMessage;

use super::{Actors, Scenario, Stage, Strength};

/// Sends the newest block with its last transaction twice. The header is right, the transactions don't match it.
pub const SCENARIO: Scenario = Scenario {
    name: "mutated_block",
    about: "Peers send a block whose transactions don't match its header: one peer, or five in the strong form.",
    attack: true,
    actors: Actors::One,
    from: &[90],
    first: Duration::from_secs(9),
    pause: Duration::from_secs(40),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

async fn act(mut stage: Stage) -> Result<()> {
    for _ in 0..stage.by_strength(1, 5) {
        let options = stage.peer("/ViaBTC:bitpeer.0.2.0/");
        let mut peer = stage.connect(options).await?;
        let mut block = Block::clone(&*stage.world.relay.tip().context("there is no block yet")?);
        block.txdata.extend(block.txdata.last().cloned());
        peer.send(NetworkMessage::Block(block))?;
        // A node that does not hang up has shown what it makes of it.
        let _ = peer.wait_closed(Duration::from_secs(2)).await;
    }
    Ok(())
}
