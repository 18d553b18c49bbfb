use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{Actors, Scenario, Stage, Strength};
use crate::wallet::Spend;

/// More transactions at once than the next blocks have room for (see [`crate::Network::start`]): mempools fill, and fees rise.
pub const SCENARIO: Scenario = Scenario {
    name: "fee_spike",
    about: "Many transactions at once, which pay more and more; blocks have no room for all of them.",
    attack: false,
    actors: Actors::One,
    from: &[],
    first: Duration::from_secs(8),
    pause: Duration::from_secs(50),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

const TRANSACTIONS: u64 = 80;

async fn act(mut stage: Stage) -> Result<()> {
    for number in 0..TRANSACTIONS {
        let spend = Spend { fee_rate: 20 + 2 * number, outputs: stage.rng.usize(2..5), vsize: 0 };
        let mut wallet = stage.wallet().await;
        let tx = wallet.spend(&spend)?;
        wallet.send(stage.node(), &tx).await?;
        drop(wallet);
        stage.world.relay.add_transaction(tx);
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
