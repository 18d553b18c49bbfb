//! Connections that are opened and that end. Tracepoints and debug.log report them, or both: each counts once.

use event::names;
use event::pb::log_extractor::DisconnectReason;
use model::{Change, CloseReason, ClosedConnection};
use networks::group16;

use super::seconds;
use crate::fold::{Context, Observer, Origin, Peer, Peers};
use crate::ids;
use crate::store::Store;

/// Connections of a node.
#[derive(Debug, Default)]
pub(super) struct Connections;

fn name(reason: DisconnectReason) -> String {
    reason.as_str_name().to_ascii_lowercase()
}

/// Whether the address is that of the peer, as far as it is known. debug.log alone does not show which of the local connections come from
/// a proxy, as all those through Tor do.
fn is_own_address(peer: &Peer) -> bool {
    let is_reported = peer.polled.is_some() || peer.opened.is_some_and(|opened| opened.traced);
    is_reported || peer.network != "not_publicly_routable"
}

fn opened(peer: &Peer, context: &mut Context) {
    let direction = names::direction(peer.connection_type == "inbound");
    context.sink.inc(ids::CONNECTIONS_OPENED, &[direction, peer.connection_type, peer.network]);
    for name in context.enrichment.names(peer.sets) {
        context.sink.inc(ids::SET_CONNECTIONS, &[name, direction]);
    }
    if let (Some(ip), "inbound") = (peer.ip, direction)
        && is_own_address(peer)
    {
        context.sink.inc(ids::GROUP_CONNECTIONS_OPENED, &[&group16(ip).to_string()]);
        if context.enrichment.has_asmap() {
            let asn = context.enrichment.asn_of(ip).unwrap_or(0);
            context.sink.inc(ids::AS_CONNECTIONS_OPENED, &[&asn.to_string()]);
        }
    }
}

/// A lifetime counts if the beginning and the end were reported.
fn closed(connection: &ClosedConnection, why: CloseReason, store: &mut Store) {
    let (Some(opened_ns), CloseReason::Disconnected(_) | CloseReason::Evicted) = (connection.opened_ns, why) else {
        return;
    };
    let labels = [connection.network, connection.connection_type, &why.name()];
    store.observe(ids::CONNECTION_LIFETIME, &labels, seconds(opened_ns, connection.closed_ns));
}

impl Observer<Store> for Connections {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if matches!(origin, Origin::Connections | Origin::LogNet) {
            for network in ["ipv4", "ipv6", "onion", "i2p", "cjdns"] {
                store.add(ids::EVICTIONS, &[network], 0.0);
            }
        }
        if origin != Origin::LogNet {
            return;
        }
        for reason in (0..).map_while(|number| DisconnectReason::try_from(number).ok()) {
            store.add(ids::DISCONNECTS, &[&name(reason)], 0.0);
        }
    }

    #[inline]
    fn change(&mut self, change: &Change, peers: &mut Peers, context: &mut Context) {
        match change {
            Change::PeerOpened { id } => {
                if let Some(peer) = peers.find(*id) {
                    opened(peer, context);
                }
            }
            Change::PeerEvicted { network, .. } => context.sink.inc(ids::EVICTIONS, &[network]),
            Change::DisconnectLogged { reason, .. } => context.sink.inc(ids::DISCONNECTS, &[&name(*reason)]),
            Change::PeerClosed { connection, why } => closed(connection, *why, context.sink),
            _ => {}
        }
    }
}
