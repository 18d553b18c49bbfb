use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::{Actors, Scenario, Stage, Strength};
use crate::wallet::Wallet;

/// A branch of three blocks that replaces the last two: a reorganisation of depth 2 at all nodes.
pub const SCENARIO: Scenario = Scenario {
    name: "reorg",
    about: "A node finds a branch that replaces the last blocks of all nodes: two blocks, or one in the weak form.",
    attack: true,
    actors: Actors::One,
    from: &[],
    first: Duration::from_secs(12),
    pause: Duration::from_secs(60),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

async fn act(stage: Stage) -> Result<()> {
    let node = stage.node();
    let depth = stage.by_strength(1, 2);
    let mut wallet = stage.wallet().await;
    let (height, _) = node.tip().await?;
    let first = height.checked_sub(depth - 1).context("the chain is too short")?;
    let stale = node.rpc("getblockhash", json!([first])).await?;
    node.rpc("invalidateblock", json!([stale])).await?;
    // To somebody new: otherwise the blocks might become the very same again.
    let mined = node.mine_to(depth as usize + 1, &Wallet::new().address()).await;
    node.rpc("reconsiderblock", json!([stale])).await?;
    mined?;
    wallet.catch_up(node).await?;
    stage.publish(depth + 1).await
}
