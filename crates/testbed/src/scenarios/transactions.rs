use std::time::Duration;

use anyhow::Result;

use super::{Actors, Scenario, Stage, Strength};

/// Transactions of the nodes' own users, by RPC; sometimes several that spend one another.
pub const SCENARIO: Scenario = Scenario {
    name: "transactions",
    about: "The users of the nodes make transactions, by RPC.",
    attack: false,
    actors: Actors::One,
    from: &[],
    first: Duration::from_secs(1),
    pause: Duration::from_secs(2),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

async fn act(mut stage: Stage) -> Result<()> {
    let spend = stage.spend();
    let length = if stage.rng.u8(..10) == 0 { 3 } else { 1 };
    let mut wallet = stage.wallet().await;
    for tx in wallet.chain(length, &spend)? {
        wallet.send(stage.node(), &tx).await?;
        stage.world.relay.add_transaction(tx);
    }
    Ok(())
}
