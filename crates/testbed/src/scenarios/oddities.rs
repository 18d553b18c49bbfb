use std::time::Duration;

use anyhow::{Context, Result};

use super::{Actors, Scenario, Stage, Strength};
use crate::oddity::Oddity;

/// The [`Oddity`]s one after another.
pub const SCENARIO: Scenario = Scenario {
    name: "oddities",
    about: "Peers send malformed, oversized or senseless messages.",
    attack: true,
    actors: Actors::One,
    from: &[99],
    first: Duration::from_secs(3),
    pause: Duration::from_secs(8),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

async fn act(mut stage: Stage) -> Result<()> {
    let oddity = *Oddity::ALL.get(stage.round % Oddity::ALL.len()).context("no oddities")?;
    // It also wants to write on terminals.
    let options = stage.peer("/\u{1b}[31modd\u{1b}[0m \"quoted\"/");
    oddity.perform(stage.node().p2p_addr(), options, Duration::from_secs(2)).await
}
