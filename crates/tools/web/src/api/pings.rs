//! `api/pings`.

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::own::{self, Own as Connection};
use super::parameters::{ApiError, MINUTES, NODE, Parameter};
use super::peer::{Ping, pings};
use super::values::{Steps, Time, round, steps};
use crate::state::names::direction;
use crate::state::node::Node;
use crate::state::peer::Peer as State;
use crate::state::pings::Pings as PingsState;
use crate::state::series::{Series as Values, Window};

pub(crate) struct Endpoint;

/// The maximum number of pings of a peer in an answer.
const MAX_OF_PEER: usize = 60;
/// The maximum number of our own pings in an answer.
const MAX_OWN: usize = 200;

/// Round-trip times of pings.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Pings {
    /// Our own pings: those of our P2P connections to the nodes (extractor `p2p`). Their round-trip times show how
    /// far a node is behind with processing messages.
    own: Own,
    /// The open peers and their pings, by node and peer id. Our own connection is not among them.
    peers: Vec<Peer>,
    /// Time series of the pings of all peers.
    series: PeerSeries,
}

/// Our own pings.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PingOwn")]
pub(crate) struct Own {
    /// `p2p`, or `none` if there are no such pings.
    source: &'static str,
    /// The nodes, by name.
    nodes: Vec<OwnNode>,
    /// Time series.
    series: OwnSeries,
    /// The last 200 pings, newest first.
    recent: Vec<OwnPing>,
}

/// Our own pings of one node.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PingOwnNode")]
pub(crate) struct OwnNode {
    /// Name of the node.
    node: String,
    /// Our connection to it, with the last ping and the one that waits. Null if there is, and was, none.
    connection: Option<Connection>,
    /// Median round-trip time of the last 600 pings, in seconds. Null if there are none.
    median_seconds: Option<f64>,
    /// 99th percentile of the last 600 pings, in seconds. Null if there are none.
    p99_seconds: Option<f64>,
    /// The longest of the last 600 pings, in seconds. Null if there are none.
    longest_seconds: Option<f64>,
}

/// Time series of our own pings. Null in steps without a pong: the node did not answer, or there was no connection.
/// With several nodes: the maximum of their values.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PingOfOwn")]
pub(crate) struct OwnSeries {
    /// Start of the first step.
    start: Time,
    /// Length of a step, in seconds.
    step_seconds: u64,
    /// Median round-trip time, in seconds.
    median: Steps,
    /// Maximum round-trip time, in seconds.
    max: Steps,
}

/// Time series of the pings between nodes and peers. With several nodes: the maximum of their values.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PingOfPeers")]
pub(crate) struct PeerSeries {
    /// Start of the first step.
    start: Time,
    /// Length of a step, in seconds.
    step_seconds: u64,
    /// Median round-trip time, in seconds.
    median: Steps,
    /// 99th percentile of the round-trip time, in seconds.
    p99: Steps,
}

/// A ping that we sent to a node.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OwnPing {
    /// When the pong was received.
    time: Time,
    /// Name of the node.
    node: String,
    /// Round-trip time, in seconds.
    seconds: f64,
}

/// A peer and its pings.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PingsOfPeer")]
pub(crate) struct Peer {
    /// Name of the node.
    node: String,
    /// Id of the peer, assigned by the node.
    id: u64,
    /// Address and port of the peer.
    addr: String,
    /// `inbound`: the peer opened the connection.
    direction: Option<&'static str>,
    /// Connection type, as getpeerinfo names it.
    connection_type: &'static str,
    /// Round-trip time of the last ping, in seconds.
    ping_seconds: Option<f64>,
    /// Shortest round-trip time, in seconds, by getpeerinfo.
    min_ping_seconds: Option<f64>,
    /// Seconds since the oldest unanswered ping. Null if there is none.
    ping_wait_seconds: Option<f64>,
    /// The last 60 pings, oldest first.
    history: Vec<Ping>,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Pings;
    const PATH: &'static str = "pings";
    const TITLE: &'static str = "Pings";
    const ABOUT: &'static str = "Round-trip times of pings: between nodes and peers, and our own.";
    const PARAMETERS: &'static [Parameter] = &[NODE, MINUTES];

    fn answer(request: &RequestContext) -> Result<Pings, ApiError> {
        let (nodes, window) = (request.nodes()?, request.window());
        let all = |of: &dyn Fn(&PingsState) -> &Values| longest(&nodes, &window, of);
        let (start, step_seconds) = (Time(window.start_ns()), window.step_seconds());
        let mut recent: Vec<OwnPing> = nodes.iter().flat_map(|(name, node)| own(name, node)).collect();
        recent.sort_by_key(|ping| std::cmp::Reverse(ping.time));
        recent.truncate(MAX_OWN);
        let of_node = |(name, node): &(&str, &Node)| {
            let peers = node.model.peers.open().filter(|peer| !peer.own);
            peers.map(|peer| of(name, peer)).collect::<Vec<_>>()
        };
        let mut peers: Vec<Peer> = nodes.iter().flat_map(of_node).collect();
        peers.sort_by(|a, b| (&a.node, a.id).cmp(&(&b.node, b.id)));
        Ok(Pings {
            own: Own {
                source: if recent.is_empty() { "none" } else { "p2p" },
                nodes: nodes.iter().map(|(name, node)| own_node(name, node, request.now_ns)).collect(),
                series: OwnSeries {
                    start,
                    step_seconds,
                    median: all(&|pings| &pings.own_median.median),
                    max: all(&|pings| &pings.own_longest),
                },
                recent,
            },
            peers,
            series: PeerSeries {
                start,
                step_seconds,
                median: all(&|pings| &pings.peers.median),
                p99: all(&|pings| &pings.peers.top),
            },
        })
    }
}

fn longest(nodes: &[(&str, &Node)], window: &Window, of: &dyn Fn(&PingsState) -> &Values) -> Steps {
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

fn own_node(name: &str, node: &Node, now_ns: u64) -> OwnNode {
    let pings = &node.pages.pings;
    let [median_seconds, p99_seconds, longest_seconds] = pings.own_quantiles();
    OwnNode { node: name.to_owned(), connection: own::of(node, now_ns), median_seconds, p99_seconds, longest_seconds }
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
