use std::time::Duration;

use anyhow::Result;

use super::{Actors, Scenario, Stage, Strength};

/// A block at a time, by the nodes in turn.
pub const SCENARIO: Scenario = Scenario {
    name: "blocks",
    about: "Nodes find blocks, with what is in their mempools.",
    attack: false,
    actors: Actors::One,
    from: &[],
    first: Duration::from_secs(2),
    pause: Duration::from_secs(7),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

async fn act(stage: Stage) -> Result<()> {
    stage.wallet().await.mine(stage.node(), 1).await?;
    stage.publish(1).await
}
