use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::honest::{self, Life, Pace};
use super::{Actors, Scenario, Stage, Strength};
use crate::node::ConnectionType;
use crate::peer::PeerListener;

/// Honest peers that the node connects to, in each of the ways it has. Some don't speak the encrypted transport that it tries first.
pub const SCENARIO: Scenario = Scenario {
    name: "outbound",
    about: "The node connects to honest peers: full relay, block-only, manual, feeler, for addresses.",
    attack: false,
    actors: Actors::PerNode(4),
    from: &[60, 61, 62],
    first: Duration::from_secs(2),
    pause: Duration::from_secs(3),
    strength: Strength::Strong,
    act: |stage| Box::pin(act(stage)),
};

async fn act(mut stage: Stage) -> Result<()> {
    let listener = PeerListener::bind_at(stage.ip()).await?;
    let addr = listener.addr()?;
    let options = honest::full_node(&mut stage);
    let connection_type = match stage.rng.u8(..10) {
        0 => None,
        1 => Some(ConnectionType::Feeler),
        2 => Some(ConnectionType::AddrFetch),
        3 => Some(ConnectionType::BlockRelayOnly),
        _ => Some(ConnectionType::OutboundFullRelay),
    };
    let v2 = stage.rng.u8(..4) == 0;
    let connect = async {
        match connection_type {
            Some(connection_type) => stage.node().add_connection(addr, connection_type, v2).await,
            None => stage.node().rpc("addnode", json!([addr.to_string(), "onetry", v2])).await.map(drop),
        }
    };
    let (peer, connected) = tokio::join!(listener.accept(options), connect);
    connected?;
    let relays = connection_type != Some(ConnectionType::BlockRelayOnly);
    Life::new(&mut stage, peer?, relays, true).live(Pace::LIVELY).await
}
