//! Attacks by what is gossiped of addresses, other than [`super::ADDR_FLOOD`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::Result;
use bitcoin::p2p::address::{AddrV2, AddrV2Message};
use bitcoin::p2p::message::NetworkMessage;
use fastrand::Rng;

use super::honest;
use super::{ATTACK, Actors, Scenario, Stage};
use crate::gossip::{entry, routable_ip, unix_time};
use crate::node::ConnectionType;
use crate::peer::PeerListener;

/// Addresses with times ahead, as in 2021, by peers that stay below the limit.
pub const FUTURE_ADDRESSES: Scenario = Scenario {
    name: "future_addresses",
    about: "Peers gossip addresses with times minutes ahead, ten at a time; a third of them in the weak form.",
    actors: Actors::PerNode(8),
    from: &[120],
    pause: Duration::from_secs(4),
    act: |stage| {
        Box::pin(gossip(stage, |stage| {
            let honest = stage.rng.u8(..3) > 0 && stage.by_strength(true, false);
            let ahead = if honest { 0 } else { stage.rng.u32(180..540) };
            entry(v2(routable_ip(&mut stage.rng)), unix_time() + ahead)
        }))
    },
    ..ATTACK
};

/// Addresses of which many are in no network that is routed, by peers that stay below the limit.
pub const UNROUTABLE: Scenario = Scenario {
    name: "unroutable",
    about: "Peers gossip addresses that are drawn from all of IPv4; half of them real ones in the weak form.",
    actors: Actors::PerNode(8),
    from: &[121],
    pause: Duration::from_secs(4),
    act: |stage| {
        Box::pin(gossip(stage, |stage| {
            let real = stage.rng.bool() && stage.by_strength(true, false);
            let ip = if real { routable_ip(&mut stage.rng) } else { Ipv4Addr::from_bits(stage.rng.u32(..)).into() };
            entry(v2(ip), unix_time())
        }))
    },
    ..ATTACK
};

/// Addresses of one autonomous system.
pub const ONE_AS: Scenario = Scenario {
    name: "one_as",
    about: "Peers gossip addresses of one autonomous system; in the weak form some of others, too.",
    actors: Actors::PerNode(8),
    from: &[122],
    pause: Duration::from_secs(3),
    act: |stage| {
        Box::pin(gossip(stage, |stage| {
            let other = stage.rng.u8(..4) == 0 && stage.by_strength(true, false);
            let ip = if other { routable_ip(&mut stage.rng) } else { stage.ip() };
            entry(v2(ip), unix_time().saturating_sub(stage.rng.u32(..600)))
        }))
    },
    ..ATTACK
};

/// A peer that gossips ten addresses, and leaves: a message of more than ten is not passed on.
async fn gossip(mut stage: Stage, address: fn(&mut Stage) -> AddrV2Message) -> Result<()> {
    let options = honest::full_node(&mut stage);
    let mut peer = stage.connect(options).await?;
    for _ in 0..stage.by_strength(1, 3) {
        let addresses = (0..10).map(|_| address(&mut stage)).collect();
        peer.send(NetworkMessage::AddrV2(addresses))?;
    }
    peer.sync().await?;
    let rest = stage.irregular(stage.by_strength(Duration::from_secs(12), Duration::from_millis(500)));
    let _ = peer.wait_closed(rest).await;
    Ok(())
}

fn v2(ip: IpAddr) -> AddrV2 {
    match ip {
        IpAddr::V4(ip) => AddrV2::Ipv4(ip),
        IpAddr::V6(ip) => AddrV2::Ipv6(ip),
    }
}

/// Nodes as those of Linode: 2,000 addresses in all, of which each knows a few.
pub const GHOSTS: Scenario = Scenario {
    name: "ghosts",
    about: "Peers of one provider answer getaddr with a few of the same addresses.",
    actors: Actors::PerNode(1),
    from: &[139],
    act: |stage| Box::pin(ghost(stage)),
    ..ATTACK
};

async fn ghost(mut stage: Stage) -> Result<()> {
    let known = stage.by_strength(160, 60);
    let mut common = stage.common.clone();
    let all: Vec<AddrV2Message> = (0..known).map(|_| old(&mut common, 40)).collect();
    let answer = (0..stage.rng.usize(40..60)).filter_map(|_| stage.rng.choice(&all).cloned()).collect();
    let ip = stage.ip();
    asked(&mut stage, ip, "/Satoshi:27.0.0/", answer).await?;
    tokio::time::sleep(stage.irregular(stage.by_strength(Duration::from_secs(25), Duration::from_secs(5)))).await;
    Ok(())
}

/// An address that was last seen up to two days ago, in one of so many /16.
fn old(rng: &mut Rng, groups: u8) -> AddrV2Message {
    let ip = Ipv4Addr::new(140 + rng.u8(..4), rng.u8(..groups), rng.u8(..), rng.u8(1..255));
    entry(AddrV2::Ipv4(ip), unix_time().saturating_sub(rng.u32(3_600..172_800)))
}

/// The node connects to a peer, asks it for addresses, and gets the answer.
async fn asked(stage: &mut Stage, ip: IpAddr, agent: &str, answer: Vec<AddrV2Message>) -> Result<()> {
    let listener = PeerListener::bind_at(ip).await?;
    let mut options = honest::full_node(stage);
    options.user_agent = agent.to_owned();
    let connect = stage.node().add_connection(listener.addr()?, ConnectionType::AddrFetch, false);
    let (peer, connected) = tokio::join!(listener.accept(options), connect);
    connected?;
    let mut peer = peer?;
    peer.wait_for(Duration::from_secs(10), |message| matches!(message, NetworkMessage::GetAddr)).await?;
    peer.send(NetworkMessage::AddrV2(answer))?;
    let _ = peer.wait_closed(Duration::from_secs(2)).await;
    Ok(())
}

/// A node that is reached over IPv4 and IPv6, and answers both with the same times.
pub const TWO_NETWORKS: Scenario = Scenario {
    name: "two_networks",
    about: "One node answers getaddr with the same times over IPv4 and over IPv6.",
    from: &[123],
    pause: Duration::from_secs(5),
    act: |stage| Box::pin(two_networks(stage)),
    ..ATTACK
};

async fn two_networks(mut stage: Stage) -> Result<()> {
    let mut rng = stage.rng.fork();
    let all: Vec<AddrV2Message> = (0..1_000).map(|_| old(&mut rng, 200)).collect();
    let second = Ipv6Addr::new(0x2a01, 0x4f8, stage.rng.u16(..), 1, 0, 0, 0, stage.rng.u16(1..));
    for ip in [stage.ip(), second.into()] {
        // Both are random parts of the same.
        let part = all.iter().filter(|_| stage.rng.u8(..) < stage.by_strength(38, 128)).cloned().collect();
        asked(&mut stage, ip, "/Satoshi:29.0.0/", part).await?;
    }
    Ok(())
}
