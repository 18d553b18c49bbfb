use std::time::Duration;

use anyhow::Result;

use super::{Actors, Scenario, Stage, Strength};
use crate::wallet::Spend;

/// A transaction from one peer, and from another one that pays more for the same coin (BIP125).
pub const SCENARIO: Scenario = Scenario {
    name: "replacement",
    about: "A peer sends a transaction, and another peer one that replaces it.",
    attack: false,
    actors: Actors::One,
    from: &[64],
    first: Duration::from_secs(5),
    pause: Duration::from_secs(10),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

async fn act(mut stage: Stage) -> Result<()> {
    let spend = stage.spend();
    let (payer, other) = (stage.peer("/Satoshi:30.2.0/"), stage.peer("/Satoshi:28.1.0/"));
    let (mut payer, mut other) = (stage.connect(payer).await?, stage.connect(other).await?);
    let tx = stage.wallet().await.spend(&spend)?;
    stage.offer(&mut payer, &tx).await?;
    payer.sync().await?;
    let more = Spend { fee_rate: spend.fee_rate * 3, ..spend };
    let replacement = stage.wallet().await.replace(&tx, &more)?;
    stage.offer(&mut other, &replacement).await?;
    other.sync().await
}
