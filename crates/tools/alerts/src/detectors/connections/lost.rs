//! Peers that the node loses: not those that it evicts, or that leave soon after they came.

use event::pb::log_extractor::DisconnectReason;
use model::bounds::SECOND;
use model::{Change, CloseReason, ClosedConnection, NodeState, Peer, Peers};

use crate::detectors::Details;
use crate::noted::begins_anew;

/// The connection that a change reports as lost, if it had been observed for so many seconds. Ends that the node or its operator chose
/// are none.
pub(super) fn lost<'a>(change: &'a Change, seconds: f64, peers: &Peers<Details>) -> Option<&'a ClosedConnection> {
    let Change::PeerClosed { connection, why } = change else { return None };
    let is_chosen = match why {
        CloseReason::Evicted | CloseReason::NodeRestarted => true,
        CloseReason::Disconnected(reason) => matches!(
            reason,
            DisconnectReason::Shutdown
                | DisconnectReason::ByOperator
                | DisconnectReason::NetworkInactive
                | DisconnectReason::ExtraOutbound
        ),
        CloseReason::Disappeared => false,
    };
    let peer = peers.find(connection.id).filter(|peer| !is_chosen && !peer.own)?;
    let since_ns = connection.opened_ns.unwrap_or_default().max(peer.first_seen_ns);
    has_lasted(connection.closed_ns.saturating_sub(since_ns), seconds).then_some(connection)
}

/// Whether the node ends, or begins anew: no wonder that its peers are gone.
pub(super) fn ends(change: &Change) -> bool {
    matches!(change, Change::NodeState { to: NodeState::Down | NodeState::Starting, .. }) || begins_anew(change)
}

/// Whether a peer has been connected for so many seconds.
pub(super) fn is_old(peer: &Peer<Details>, seconds: f64, now_ns: u64) -> bool {
    let since_ns = peer.connected_ns.unwrap_or_default().max(peer.first_seen_ns);
    !peer.own && has_lasted(now_ns.saturating_sub(since_ns), seconds)
}

fn has_lasted(ns: u64, seconds: f64) -> bool {
    ns as f64 >= seconds * SECOND as f64
}
