use std::time::Duration;

use anyhow::Result;
use bitcoin::p2p::message::NetworkMessage;
use tokio::time::sleep;

use super::{Actors, Scenario, Stage, Strength};
use crate::wallet::Reject;

/// Transactions that nodes reject, each for another reason. From a peer, because a node does not log what it rejects on an RPC.
pub const SCENARIO: Scenario = Scenario {
    name: "invalid_transactions",
    about: "A peer sends transactions that are invalid or against the node's policy.",
    attack: true,
    actors: Actors::One,
    from: &[95],
    first: Duration::from_secs(3),
    pause: Duration::from_secs(12),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

async fn act(mut stage: Stage) -> Result<()> {
    let options = stage.peer("/bitcore:8.25.0/");
    let mut peer = stage.connect(options).await?;
    for _ in 0..stage.by_strength(1, 3) {
        for reason in Reject::ALL {
            let tx = stage.wallet().await.rejected(reason)?;
            peer.send(NetworkMessage::Tx(tx))?;
            // Older versions hang up on invalid scripts.
            peer.sync().await?;
            sleep(stage.by_strength(Duration::from_secs(1), Duration::from_millis(100))).await;
        }
    }
    Ok(())
}
