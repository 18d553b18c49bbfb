//! Outbound peers: those that the node chose, and that keep it in the network.

use model::Peer;

use crate::detectors::Details;

/// Whether the node chose this peer itself, to stay connected.
pub(super) fn is_chosen(peer: &Peer<Details>) -> bool {
    !peer.own && matches!(peer.connection_type, "outbound-full-relay" | "block-relay-only")
}
