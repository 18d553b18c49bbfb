//! What happens to the node itself, and to the peers that it chose.

use std::time::Duration;

use anyhow::Result;

use super::ordinary::chosen;
use super::{ATTACK, Actors, EVERY_DAY, Scenario, Stage};
use crate::node::Node;

/// The node ends: killed, or stopped in good order in the weak form.
pub const GONE: Scenario = Scenario {
    name: "gone",
    about: "The node is killed; or stopped in good order.",
    act: |stage| Box::pin(gone(stage)),
    ..ATTACK
};

async fn gone(stage: Stage) -> Result<()> {
    if stage.by_strength(true, false) { stage.node().stop().await } else { stage.node().kill().await }
}

/// The node is killed, and started again after seconds.
pub const CRASH: Scenario = Scenario {
    name: "crash",
    about: "The node is killed and started again: once, or again and again.",
    pause: Duration::from_secs(5),
    act: |stage| Box::pin(crash(stage)),
    ..ATTACK
};

async fn crash(stage: Stage) -> Result<()> {
    stage.node().kill().await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.node().start().await?;
    tokio::time::sleep(stage.by_strength(Duration::from_hours(1), Duration::from_secs(20))).await;
    Ok(())
}

/// The node hangs: it is there, and answers nothing.
pub const HANGS: Scenario = Scenario {
    name: "hangs",
    about: "The node hangs for a minute and a half.",
    pause: Duration::from_hours(1),
    act: |stage| Box::pin(hang(stage)),
    ..ATTACK
};

async fn hang(stage: Stage) -> Result<()> {
    stage.node().freeze(true);
    tokio::time::sleep(Duration::from_secs(90)).await;
    stage.node().freeze(false);
    Ok(())
}

/// The node is stopped in good order and started again, once.
pub const RESTART: Scenario = Scenario {
    name: "restart",
    about: "The node is stopped in good order, and started again.",
    pause: Duration::from_hours(1),
    act: |stage| Box::pin(async move { stage.node().restart().await }),
    ..EVERY_DAY
};

/// The node loses its blocks and gets 2,500 of them again.
pub const SYNC: Scenario = Scenario {
    name: "sync",
    about: "The node begins without any block, and downloads 2,500.",
    pause: Duration::from_hours(1),
    act: |stage| Box::pin(sync(stage)),
    ..EVERY_DAY
};

async fn sync(stage: Stage) -> Result<()> {
    let node = stage.node();
    // Nobody makes blocks meanwhile.
    let _wallet = stage.wallet().await;
    let seed = Node::builder().name("seed").start().await?;
    seed.connect(node).await?;
    crate::sync_blocks(&[&seed, node]).await?;
    seed.disconnect(node).await?;
    seed.mine(2_500).await?;
    node.stop().await?;
    for folder in ["blocks", "chainstate"] {
        std::fs::remove_dir_all(node.datadir().join("regtest").join(folder))?;
    }
    node.start().await?;
    node.connect(&seed).await?;
    crate::sync_blocks(&[&seed, node]).await?;
    tokio::time::sleep(Duration::from_hours(1)).await;
    Ok(())
}

/// Several blocks within seconds.
pub const BURST: Scenario = Scenario {
    name: "burst",
    about: "Eight blocks are found within a few seconds, again and again.",
    pause: Duration::from_secs(50),
    act: |stage| Box::pin(burst(stage)),
    ..EVERY_DAY
};

async fn burst(mut stage: Stage) -> Result<()> {
    for _ in 0..8 {
        stage.wallet().await.mine(stage.node(), 1).await?;
        stage.publish(1).await?;
        tokio::time::sleep(stage.irregular(Duration::from_secs(1))).await;
    }
    Ok(())
}

/// Peers of one operator in the places of those that the node chose.
pub const CAPTURE: Scenario = Scenario {
    name: "capture",
    about: "The node's outbound peers leave, and it connects to peers of one autonomous system.",
    actors: Actors::PerNode(10),
    from: &[170],
    pause: Duration::from_secs(5),
    act: |stage| Box::pin(capture(stage)),
    ..ATTACK
};

async fn capture(mut stage: Stage) -> Result<()> {
    let ip = stage.ip();
    chosen(stage, Some(ip), 0).await
}

/// Outbound peers whose clocks are wrong by the same time.
pub const WRONG_CLOCKS: Scenario = Scenario {
    name: "wrong_clocks",
    about: "The node's outbound peers leave, and it connects to peers whose clocks are wrong: by ten minutes, or by one and a half.",
    actors: Actors::PerNode(10),
    from: &[171, 174, 175, 177, 179, 180, 181, 182, 183, 184],
    pause: Duration::from_secs(5),
    act: |stage| Box::pin(wrong_clock(stage)),
    ..ATTACK
};

async fn wrong_clock(mut stage: Stage) -> Result<()> {
    let (ip, offset) = (stage.ip(), stage.by_strength(90, 600));
    chosen(stage, Some(ip), offset).await
}
