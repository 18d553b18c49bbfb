//! Our own P2P connection to a node, as several endpoints have it.

use event::Source;
use model::SourceState;
use schemars::JsonSchema;
use serde::Serialize;

use super::values::{Time, round, seconds};
use crate::state::names;
use crate::state::node::Node as State;
use crate::state::own::State as Doing;

/// Our own P2P connection to a node (extractor `p2p`), and what the node says of itself on it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Own {
    /// `open`; `expected`: we wait for the node, or try to reach it; `ended`; `unknown`: nothing comes from the
    /// extractor any more.
    state: &'static str,
    /// Since when.
    since: Time,
    /// `listening`: the node connects to us; `dialling`: we connect to the node.
    way: &'static str,
    /// Where the node sees us: where we listen, or where we connect from. Null if it is not known, and in the public
    /// mode.
    address: Option<String>,
    /// `v1` or `v2`. Null until versions were exchanged.
    transport: Option<&'static str>,
    /// Why it ended, or why there is none yet. Null if there is nothing to say, and in the public mode.
    reason: Option<String>,
    /// The node's user agent, by its version message.
    user_agent: Option<String>,
    /// The node's protocol version, by its version message.
    version: Option<u32>,
    /// Names of the service flags that the node offers on it.
    services: Vec<String>,
    /// Offset of the node's clock from ours, in seconds.
    clock_offset_seconds: Option<i64>,
    /// The node's own address, as it announces it. Null if it announces none, and in the public mode.
    announced_address: Option<String>,
    /// What the node offers to do of its own accord (BIP 434).
    features: Vec<String>,
    /// Round-trip time of our last ping, in seconds: how far the node is behind with its messages. Null unless the
    /// connection is open.
    ping_seconds: Option<f64>,
    /// When its pong came. Null if none ever came.
    pong: Option<Time>,
    /// Seconds since the ping was sent that the node has not answered. Null if there is none.
    ping_wait_seconds: Option<f64>,
}

/// Our own connection to a node. `None` if there is, and was, none.
pub(crate) fn of(node: &State, now_ns: u64) -> Option<Own> {
    let own = &node.pages.own;
    let connection = own.connection.as_ref()?;
    let extractor = node.model.liveness.source(Source::P2p.name()).map(|source| &source.condition);
    let gone = extractor.filter(|of| matches!(of.state, SourceState::Ended | SourceState::Silent));
    let trouble = extractor.filter(|_| connection.state != Doing::Open).and_then(|of| of.reason.as_ref());
    let reason = trouble.or(connection.reason.as_ref());
    let is_open = connection.state == Doing::Open && gone.is_none();
    let version = own.version.as_ref();
    let last = node.pages.pings.own.back();
    Some(Own {
        state: gone.map_or(connection.state.name(), |_| "unknown"),
        since: Time(gone.map_or(connection.since_ns, |gone| gone.since_ns)),
        way: connection.way,
        address: connection.address.as_ref().map(ToString::to_string),
        transport: Some(connection.transport).filter(|transport| !transport.is_empty()),
        reason: reason.map(ToString::to_string),
        user_agent: version.map(|version| version.user_agent.to_string()),
        version: version.map(|version| version.version),
        services: version.map(|version| names::services(version.services)).unwrap_or_default(),
        clock_offset_seconds: version.map(|version| version.clock_offset),
        announced_address: own.announced.as_ref().map(ToString::to_string),
        features: own.features.iter().map(ToString::to_string).collect(),
        ping_seconds: last.map(|(_, seconds)| round(*seconds, 6)).filter(|_| is_open),
        pong: last.map(|(at_ns, _)| Time(*at_ns)),
        ping_wait_seconds: node.pages.pings.waiting_ns.map(|sent_ns| seconds(sent_ns, now_ns)).filter(|_| is_open),
    })
}
