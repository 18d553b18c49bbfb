use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;

use super::honest::{self, Life, Pace};
use super::{Actors, EVERY_DAY, Scenario, Stage};
use crate::node::ConnectionType;
use crate::peer::PeerListener;

/// The first bytes of addresses all over the world.
const EVERYWHERE: [u8; 40] = [
    2, 5, 12, 18, 24, 37, 46, 47, 51, 63, 67, 71, 73, 78, 79, 80, 82, 83, 84, 85, 86, 87, 89, 91, 92, 94, 96, 98, 108,
    109, 134, 138, 144, 151, 155, 163, 176, 178, 185, 217,
];

/// The inbound peers of an ordinary node: they stay for hours.
pub const INBOUND: Scenario = Scenario {
    name: "inbound",
    about: "Peers from all over the world connect, and stay for hours.",
    actors: Actors::PerNode(24),
    from: &EVERYWHERE,
    pause: Duration::from_secs(60),
    act: |stage| Box::pin(inbound(stage)),
    ..EVERY_DAY
};

async fn inbound(mut stage: Stage) -> Result<()> {
    let options = if stage.rng.u8(..8) == 0 { honest::wallet(&mut stage) } else { honest::full_node(&mut stage) };
    let addr_v2 = options.addr_v2;
    let peer = stage.connect(options).await?;
    Life::new(&mut stage, peer, true, addr_v2).live(Pace::USUAL).await
}

/// Visitors of an ordinary node: feelers of other nodes, wallets that are opened for a moment.
pub const VISITORS: Scenario = Scenario {
    name: "visitors",
    about: "Peers from all over the world connect, and leave after seconds.",
    actors: Actors::PerNode(1),
    from: &[6, 16, 33, 40, 52, 74, 81, 107, 154, 159, 188, 209],
    pause: Duration::from_secs(15),
    act: |stage| Box::pin(visit(stage)),
    ..EVERY_DAY
};

async fn visit(mut stage: Stage) -> Result<()> {
    let options = if stage.rng.bool() { honest::wallet(&mut stage) } else { honest::full_node(&mut stage) };
    let mut peer = stage.connect(options).await?;
    let stays = stage.irregular(Duration::from_secs(3));
    let _ = peer.wait_closed(stays).await;
    Ok(())
}

/// The peers that an ordinary node chose: eight full relay ones, and two for blocks only. They stay.
pub const CHOSEN: Scenario = Scenario {
    name: "chosen",
    about: "The node has ten outbound peers all over the world, which stay for hours.",
    actors: Actors::PerNode(10),
    from: &[3, 8, 13, 20, 35, 44, 54, 65, 72, 75, 104, 116, 128, 131, 141, 147, 162, 173, 194, 195, 199, 212],
    pause: Duration::from_secs(20),
    act: |stage| Box::pin(chosen(stage, None, 0)),
    ..EVERY_DAY
};

/// The node connects to a peer of the scenario, which stays; its clock is so many seconds ahead.
pub(super) async fn chosen(mut stage: Stage, ip: Option<IpAddr>, ahead: i64) -> Result<()> {
    let ip = ip.unwrap_or_else(|| stage.ip());
    let listener = PeerListener::bind_at(ip).await?;
    let mut options = honest::full_node(&mut stage);
    options.time_offset += ahead;
    // As Bitcoin Core has it: eight for everything, two for blocks only.
    let relays = stage.actor < 8;
    let connection_type = if relays { ConnectionType::OutboundFullRelay } else { ConnectionType::BlockRelayOnly };
    let connect = stage.node().add_connection(listener.addr()?, connection_type, false);
    let (peer, connected) = tokio::join!(listener.accept(options), connect);
    connected?;
    Life::new(&mut stage, peer?, relays, true).live(Pace::USUAL).await
}
