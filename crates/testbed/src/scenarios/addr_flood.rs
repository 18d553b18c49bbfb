use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;
use bitcoin::p2p::address::{AddrV2, AddrV2Message};
use bitcoin::p2p::message::NetworkMessage;
use fastrand::Rng;
use tokio::time::sleep;

use super::{Actors, Scenario, Stage, Strength};
use crate::gossip::{entry, unix_time};

/// Like the flood of 2021: addresses drawn from all of IPv4, reserved ranges too, with times up to nine minutes ahead. Far more than the
/// one in ten seconds that a node takes from a peer.
pub const SCENARIO: Scenario = Scenario {
    name: "addr_flood",
    about: "A peer sends thousands of made-up addresses; in the weak form ten at a time.",
    attack: true,
    actors: Actors::One,
    from: &[77],
    first: Duration::from_secs(4),
    pause: Duration::from_secs(20),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

/// How long the peer stays after its last message.
const STAYS: Duration = Duration::from_secs(10);

async fn act(mut stage: Stage) -> Result<()> {
    let (count, pause) = stage.by_strength((10, Duration::from_secs(2)), (1000, Duration::from_millis(300)));
    let options = stage.peer("/python-bitcoinlib:0.12.2/");
    let mut peer = stage.connect(options).await?;
    for _ in 0..10 {
        peer.send(NetworkMessage::AddrV2(made_up(&mut stage.rng, count)))?;
        sleep(pause).await;
    }
    peer.sync().await?;
    let _ = peer.wait_closed(STAYS).await;
    Ok(())
}

fn made_up(rng: &mut Rng, count: usize) -> Vec<AddrV2Message> {
    let mut one = |_| entry(AddrV2::Ipv4(Ipv4Addr::from_bits(rng.u32(..))), unix_time() + rng.u32(..540));
    (0..count).map(&mut one).collect()
}
