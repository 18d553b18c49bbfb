//! Spies of other kinds than [`super::SPY`].

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;
use bitcoin::p2p::ServiceFlags;
use bitcoin::p2p::message::NetworkMessage;

use super::crowds::come_and_go;
use super::spy::USER_AGENTS;
use super::{ATTACK, Actors, Scenario, Stage};
use crate::gossip::pick;
use crate::peer::PeerOptions;

/// One operator with four /24, from each of which he comes rarely.
pub const SPREAD_SPY: Scenario = Scenario {
    name: "spread_spy",
    about: "Short connections from four /24 of one autonomous system under many user agents, that only listen.",
    actors: Actors::PerNode(4),
    from: &[105],
    act: |stage| Box::pin(spread(stage)),
    ..ATTACK
};

async fn spread(mut stage: Stage) -> Result<()> {
    let user_agent = pick(&mut stage.rng, &USER_AGENTS);
    let mut options = stage.peer(user_agent);
    options.from = stage.ip_of_subnets(4);
    options.services = ServiceFlags::NONE;
    come_and_go(stage, options, (Duration::from_secs(16), Duration::from_millis(1600)), Some(NetworkMessage::GetAddr))
        .await
}

/// Programs that claim to be Bitcoin Core, older than what they offer.
pub const DISGUISED: Scenario = Scenario {
    name: "disguised",
    about: "Peers of one /24 claim to be Bitcoin Core, of versions that did not have the services that they offer.",
    from: &[111],
    act: |stage| Box::pin(disguised(stage)),
    ..ATTACK
};

async fn disguised(mut stage: Stage) -> Result<()> {
    let user_agent =
        pick(&mut stage.rng, &["/Satoshi:0.16.3/", "/Satoshi:0.13.2/", "/Satoshi:24.0.1/", "/Sat0shi:25.0.0/"]);
    let mut options = stage.peer(user_agent);
    options.services = ServiceFlags::NETWORK | ServiceFlags::WITNESS | ServiceFlags::from(1 << 11);
    options.from = stage.ip_of_subnets(1);
    come_and_go(stage, options, (Duration::from_secs(15), Duration::from_secs(2)), Some(NetworkMessage::GetAddr)).await
}

/// One program at many places, which does not draw its nonces.
pub const SAME_NONCE: Scenario = Scenario {
    name: "same_nonce",
    about: "Peers in many subnets use one and the same nonce.",
    from: &[113, 114],
    act: |stage| Box::pin(same_nonce(stage)),
    ..ATTACK
};

async fn same_nonce(mut stage: Stage) -> Result<()> {
    let nonce = stage.common.clone().u64(1..);
    let options = PeerOptions { nonce: Some(nonce), ..stage.peer("/Satoshi:26.0.0/") };
    come_and_go(stage, options, (Duration::from_secs(12), Duration::from_secs(2)), Some(NetworkMessage::GetAddr)).await
}

/// LinkingLion where it is known to be.
pub const KNOWN_SET: Scenario = Scenario {
    name: "known_set",
    about: "Peers of a network that is in a list of known ones connect, and leave.",
    from: &[143],
    act: |stage| Box::pin(known(stage)),
    ..ATTACK
};

async fn known(mut stage: Stage) -> Result<()> {
    let mut options = stage.peer("/Satoshi:26.0.0/");
    options.from = Ipv4Addr::new(143, 20, 137, stage.rng.u8(1..255)).into();
    come_and_go(stage, options, (Duration::from_secs(14), Duration::from_secs(2)), Some(NetworkMessage::GetAddr)).await
}
