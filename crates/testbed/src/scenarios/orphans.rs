use std::time::Duration;

use anyhow::{Context, Result};
use bitcoin::p2p::message::NetworkMessage;

use super::{Actors, Scenario, Stage, Strength};
use crate::wallet::Reject;

/// Transactions before those that they spend, which follow seconds later; in the strong form also many whose parents nobody has.
pub const SCENARIO: Scenario = Scenario {
    name: "orphans",
    about: "A peer sends transactions whose parents the node lacks.",
    attack: true,
    actors: Actors::One,
    from: &[97],
    first: Duration::from_secs(5),
    pause: Duration::from_secs(15),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

/// How long the parent is held back.
const DELAY: Duration = Duration::from_secs(8);

async fn act(mut stage: Stage) -> Result<()> {
    let spend = stage.spend();
    let options = stage.peer("/Satoshi:26.2.0/");
    let mut peer = stage.connect(options).await?;
    let mut family = stage.wallet().await.chain(3, &spend)?;
    let children = family.split_off(1);
    children.iter().cloned().try_for_each(|child| peer.send(NetworkMessage::Tx(child)))?;
    for _ in 0..stage.by_strength(0, 40) {
        let orphan = stage.wallet().await.rejected(Reject::MissingInputs)?;
        peer.send(NetworkMessage::Tx(orphan))?;
    }
    peer.sync().await?;
    let _ = peer.wait_closed(DELAY).await;
    peer.send(NetworkMessage::Tx(family.pop().context("a chain has a first")?))?;
    peer.sync().await
}
