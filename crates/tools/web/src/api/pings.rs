//! `api/pings`.

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, MINUTES, NODE, Parameter};
use super::peer::{Ping, pings};
use super::values::{Steps, Time, round, steps};
use crate::state::names::direction;
use crate::state::node::Node;
use crate::state::peer::Peer as State;
use crate::state::pings::Pings as Kept;
use crate::state::series::{Series as Values, Window};

pub(crate) struct Endpoint;

/// Pings of a peer that are told of.
const MAX_OF_PEER: usize = 60;
/// Pings of our own that are told of.
const MAX_OWN: usize = 200;

/// How long pings take.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Pings {
    /// Pings of our own: how far behind the nodes are with their messages.
    own: Own,
    /// Peers and their pings, by node and number.
    peers: Vec<Peer>,
    /// All peers' pings by time.
    series: OfPeers,
}

/// Pings of our own.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PingOwn")]
pub(crate) struct Own {
    /// `p2p`, or `none` if no extractor has a connection of its own to the nodes.
    source: &'static str,
    /// By time.
    series: OfOwn,
    /// The last 200, newest first.
    recent: Vec<OwnPing>,
}

/// Pings of our own, by time. Of several nodes, the longest.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PingOfOwn")]
pub(crate) struct OfOwn {
    /// Begin of the first step.
    start: Time,
    /// Length of a step.
    step_seconds: u64,
    /// Half of them are shorter.
    median: Steps,
    /// The longest one.
    max: Steps,
}

/// Pings of peers, by time. Of several nodes, the longest.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PingOfPeers")]
pub(crate) struct OfPeers {
    /// Begin of the first step.
    start: Time,
    /// Length of a step.
    step_seconds: u64,
    /// Half of them are shorter.
    median: Steps,
    /// 99 of 100 are shorter.
    p99: Steps,
}

/// A ping of our own.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OwnPing {
    /// When its pong came.
    time: Time,
    /// The node.
    node: String,
    /// How long it took.
    seconds: f64,
}

/// A peer and its pings.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PingsOfPeer")]
pub(crate) struct Peer {
    /// The node.
    node: String,
    /// The node's number of the peer.
    id: u64,
    /// The peer's address.
    addr: String,
    /// `inbound`: the peer opened the connection.
    direction: Option<&'static str>,
    /// Kind of the connection.
    connection_type: &'static str,
    /// How long the last one took.
    ping_seconds: Option<f64>,
    /// How long the shortest one took.
    min_ping_seconds: Option<f64>,
    /// For how long it owes a pong.
    ping_wait_seconds: Option<f64>,
    /// The last 60, oldest first.
    history: Vec<Ping>,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Pings;
    const PATH: &'static str = "pings";
    const TITLE: &'static str = "Pings";
    const ABOUT: &'static str = "";
    const PARAMETERS: &'static [Parameter] = &[NODE, MINUTES];

    fn answer(request: &RequestContext) -> Result<Pings, ApiError> {
        let (nodes, window) = (request.nodes()?, request.window());
        let all = |of: &dyn Fn(&Kept) -> &Values| longest(&nodes, &window, of);
        let (start, step_seconds) = (Time(window.start_ns()), window.step_seconds());
        let mut recent: Vec<OwnPing> = nodes.iter().flat_map(|(name, node)| own(name, node)).collect();
        recent.sort_by_key(|ping| std::cmp::Reverse(ping.time));
        recent.truncate(MAX_OWN);
        let mut peers: Vec<Peer> =
            nodes.iter().flat_map(|(name, node)| node.model.peers.open().map(move |peer| of(name, peer))).collect();
        peers.sort_by(|a, b| (&a.node, a.id).cmp(&(&b.node, b.id)));
        Ok(Pings {
            own: Own {
                source: if recent.is_empty() { "none" } else { "p2p" },
                series: OfOwn {
                    start,
                    step_seconds,
                    median: all(&|pings| &pings.own_series.median),
                    max: all(&|pings| &pings.own_series.top),
                },
                recent,
            },
            peers,
            series: OfPeers {
                start,
                step_seconds,
                median: all(&|pings| &pings.peers.median),
                p99: all(&|pings| &pings.peers.top),
            },
        })
    }
}

fn longest(nodes: &[(&str, &Node)], window: &Window, of: &dyn Fn(&Kept) -> &Values) -> Steps {
    steps(window, |values| nodes.iter().for_each(|(_, node)| of(&node.pages.pings).max_to(window, values)))
}

fn own(name: &str, node: &Node) -> Vec<OwnPing> {
    let ping = |(at_ns, seconds): &(u64, f64)| OwnPing {
        time: Time(*at_ns),
        node: name.to_owned(),
        seconds: round(*seconds, 6),
    };
    node.pages.pings.own.iter().map(ping).collect()
}

fn of(node: &str, peer: &State) -> Peer {
    let polled = peer.polled.as_deref();
    let positive = |seconds: f64| (seconds > 0.0).then(|| round(seconds, 6));
    let history = pings(peer, MAX_OF_PEER);
    Peer {
        node: node.to_owned(),
        id: peer.id,
        addr: peer.addr.to_string(),
        direction: peer.inbound.map(direction),
        connection_type: peer.connection_type,
        ping_seconds: history
            .last()
            .map(|ping| ping.seconds)
            .or_else(|| polled.and_then(|polled| positive(polled.ping))),
        min_ping_seconds: polled.and_then(|polled| positive(polled.min_ping)),
        ping_wait_seconds: polled.and_then(|polled| positive(polled.ping_wait)),
        history,
    }
}
