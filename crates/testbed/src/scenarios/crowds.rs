//! Attacks and honest crowds that consist of connections.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;
use bitcoin::p2p::message::NetworkMessage;
use tokio::time::{Instant, sleep_until};

use super::honest::{self, Life, Pace};
use super::{ATTACK, Actors, EVERY_DAY, Scenario, Stage};
use crate::peer::{Peer, PeerOptions};

/// Connections from all over the world, as in 2022-11: 40 a minute in the weak form.
pub const INBOUND_FLOOD: Scenario = Scenario {
    name: "inbound_flood",
    about: "Peers from all over the world connect one after the other, and leave after seconds.",
    actors: Actors::PerNode(8),
    from: &[4, 11, 32, 56, 68, 129, 130, 156, 200],
    act: |stage| Box::pin(flood(stage, (Duration::from_secs(11), Duration::from_secs(3)))),
    ..ATTACK
};

/// The same from one /24.
pub const SUBNET_FLOOD: Scenario = Scenario {
    name: "subnet_flood",
    about: "Peers of one /24 connect one after the other, and leave after seconds.",
    actors: Actors::PerNode(4),
    from: &[103],
    act: |stage| Box::pin(subnet_flood(stage)),
    ..ATTACK
};

async fn subnet_flood(mut stage: Stage) -> Result<()> {
    let mut options = stage.peer("/Satoshi:25.0.0/");
    options.from = stage.ip_of_subnets(1);
    come_and_go(stage, options, (Duration::from_secs(7), Duration::from_millis(1200)), None).await
}

async fn flood(mut stage: Stage, every: (Duration, Duration)) -> Result<()> {
    let options = honest::full_node(&mut stage);
    come_and_go(stage, options, every, None).await
}

/// A visit, in which the peer says something or nothing, and a rest: from one visit of this actor to the next on average so long, in the weak
/// and the strong form.
pub(super) async fn come_and_go(
    mut stage: Stage,
    options: PeerOptions,
    (weak, strong): (Duration, Duration),
    says: Option<NetworkMessage>,
) -> Result<()> {
    let every = stage.by_strength(weak, strong);
    let next = Instant::now() + stage.irregular(every);
    let mut peer = stage.connect(options).await?;
    says.into_iter().try_for_each(|message| peer.send(message))?;
    let stays = stage.irregular(every / 2);
    let _ = peer.wait_closed(stays).await;
    drop(peer);
    sleep_until(next).await;
    Ok(())
}

/// Peers that come and stay, until the node is full and evicts one for each new one.
pub const PRESSURE: Scenario = Scenario {
    name: "pressure",
    about: "Peers come to a full node again and again, so that others are evicted.",
    actors: Actors::PerNode(48),
    from: &[106, 110, 112],
    act: |stage| Box::pin(press(stage)),
    ..ATTACK
};

async fn press(mut stage: Stage) -> Result<()> {
    let rest = stage.irregular(stage.by_strength(Duration::from_secs(90), Duration::from_secs(12)));
    tokio::time::sleep(rest).await;
    let options = honest::full_node(&mut stage);
    let mut peer = stage.connect(options).await?;
    let _ = peer.wait_closed(Duration::from_hours(1)).await;
    Ok(())
}

/// Short visits of one autonomous system, from everywhere in it, with one user agent.
pub const AS_VISITS: Scenario = Scenario {
    name: "as_visits",
    about: "Peers of one autonomous system connect, and leave after seconds.",
    actors: Actors::PerNode(6),
    from: &[119],
    act: |stage| Box::pin(as_visit(stage)),
    ..ATTACK
};

async fn as_visit(mut stage: Stage) -> Result<()> {
    let options = stage.peer("/Satoshi:28.1.0/");
    come_and_go(stage, options, (Duration::from_secs(9), Duration::from_secs(2)), None).await
}

/// Peers of one autonomous system that stay: honest, until all of them leave at once.
pub const FLEET: Scenario = Scenario {
    name: "fleet",
    about: "Many honest peers of one provider connect, and stay.",
    actors: Actors::PerNode(40),
    from: &[118],
    pause: Duration::from_secs(60),
    act: |stage| Box::pin(member(stage)),
    ..EVERY_DAY
};

async fn member(mut stage: Stage) -> Result<()> {
    let options = honest::full_node(&mut stage);
    let peer = stage.connect(options).await?;
    Life::new(&mut stage, peer, true, true).live(Pace::USUAL).await
}

/// Honest peers through Tor, as a node that only Tor reaches has them.
pub const THROUGH_TOR: Scenario = Scenario {
    name: "through_tor",
    about: "Honest peers come through Tor; some stay, some leave after seconds.",
    actors: Actors::PerNode(24),
    pause: Duration::from_secs(20),
    act: |stage| Box::pin(through_tor(stage)),
    ..EVERY_DAY
};

async fn through_tor(mut stage: Stage) -> Result<()> {
    let mut options = honest::full_node(&mut stage);
    options.from = Ipv4Addr::LOCALHOST.into();
    let mut peer = Peer::connect(stage.node().onion_addr(), options).await?;
    if stage.rng.u8(..5) == 0 {
        let stays = stage.irregular(Duration::from_secs(10));
        let _ = peer.wait_closed(stays).await;
        return Ok(());
    }
    Life::new(&mut stage, peer, true, true).live(Pace::USUAL).await
}

/// Programs that map the network: they ask for addresses, and leave.
pub const CRAWLERS: Scenario = Scenario {
    name: "crawlers",
    about: "Crawlers of several operators connect, ask for addresses, and leave with the answer.",
    actors: Actors::PerNode(4),
    from: &[136, 152, 167, 187],
    pause: Duration::from_secs(12),
    act: |stage| Box::pin(crawl(stage)),
    ..EVERY_DAY
};

async fn crawl(mut stage: Stage) -> Result<()> {
    // Each operator has one program, and a few addresses.
    let crawlers = ["/bitnodes.io:0.3/", "/btc-crawler:0.1.0/", "/DSN-KIT:1.0/", "/Satoshi:27.0.0/"];
    let operator = stage.rng.usize(..crawlers.len());
    let mut options = stage.peer(crawlers.get(operator).copied().unwrap_or_default());
    let from = stage.scenario.from.get(operator).copied().unwrap_or_default();
    options.from = Ipv4Addr::new(from, 99, 98, stage.rng.u8(1..4)).into();
    let mut peer = stage.connect(options).await?;
    peer.send(NetworkMessage::GetAddr)?;
    let answer = |message: &NetworkMessage| matches!(message, NetworkMessage::AddrV2(_) | NetworkMessage::Addr(_));
    let _ = peer.wait_for(Duration::from_secs(5), answer).await;
    Ok(())
}

/// A web page in a browser on the node's machine that looks for a node.
pub const LOCAL_PROBE: Scenario = Scenario {
    name: "local_probe",
    about: "A web page on the node's machine sends HTTP to the P2P port: twice in a minute, or all the time.",
    act: |stage| Box::pin(probe(stage)),
    ..ATTACK
};

async fn probe(mut stage: Stage) -> Result<()> {
    let mut options = stage.peer("");
    options.from = Ipv4Addr::LOCALHOST.into();
    let peer = Peer::dial(stage.node().p2p_addr(), &options).await?;
    peer.send_bytes(b"GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1:8333\r\n\r\n".to_vec())?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(peer);
    let rest = stage.irregular(stage.by_strength(Duration::from_secs(25), Duration::from_secs(3)));
    tokio::time::sleep(rest).await;
    Ok(())
}
