use std::time::Duration;

use anyhow::Result;
use bitcoin::p2p::ServiceFlags;
use bitcoin::p2p::message::NetworkMessage;

use super::{Actors, Scenario, Stage, Strength};

/// Like LinkingLion: from all addresses of one /24, under names drawn from a list, for seconds each. It asks for addresses, listens to
/// announcements, and never announces or fetches anything.
pub const SCENARIO: Scenario = Scenario {
    name: "spy",
    about: "Short connections from one /24 under many user agents, that ask for addresses and only listen.",
    attack: true,
    actors: Actors::PerNode(2),
    from: &[66],
    first: Duration::from_secs(1),
    pause: Duration::from_secs(1),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

pub(super) const USER_AGENTS: [&str; 12] = [
    "/Satoshi:0.18.1/",
    "/Satoshi:0.19.0.1/",
    "/Satoshi:0.20.1/",
    "/Satoshi:0.21.0/",
    "/Satoshi:22.0.0/",
    "/Satoshi:23.0.0/",
    "/Satoshi:24.0.1/",
    "/Satoshi:25.0.0/",
    "/Satoshi:0.17.1/",
    "/bitcoinj:0.14.7/",
    "/bcoin:v2.2.0/",
    "/Bitcoin ABC:0.22.4(EB32.0)/",
];

async fn act(mut stage: Stage) -> Result<()> {
    let user_agent = crate::gossip::pick(&mut stage.rng, &USER_AGENTS);
    let mut options = stage.peer(user_agent);
    options.from = stage.ip_of_subnets(1);
    options.services = ServiceFlags::NONE;
    options.start_height = 0;
    let mut peer = stage.connect(options).await?;
    peer.send(NetworkMessage::GetAddr)?;
    // One of twenty stays and listens.
    let stay = if stage.rng.u8(..20) == 0 { Duration::from_secs(20) } else { Duration::from_millis(700) };
    let stay = stage.irregular(stay);
    let _ = peer.wait_closed(stay).await;
    drop(peer);
    let rest = stage.irregular(stage.by_strength(Duration::from_secs(20), Duration::ZERO));
    tokio::time::sleep(rest).await;
    Ok(())
}
