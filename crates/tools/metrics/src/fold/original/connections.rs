//! Connections that open, close, are evicted, misbehave.

use event::Record;
use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::connection::connection_event::Event;
use event::pb::ebpf_extractor::connection::{ClosedConnection, InboundConnection, OutboundConnection};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use smol_str::{SmolStr, format_smolstr};

use super::{begin_at_0, begin_each_at_0, ebpf, is_linkinglion};
use crate::fold::{Context, Observer, Origin, Peers};
use crate::store::Store;
use crate::table::ids;

/// Connections, and how many are open.
#[derive(Default)]
pub(super) struct Connections {
    inbound: Open,
    outbound: Open,
}

/// Connections that are open: as many as the node reported when it opened the last one, less those closed since. The node does not report it
/// when it closes one.
#[derive(Default)]
struct Open(Option<u64>);

/// Numbers of networks as labels: `Network` of the node.
const NETWORKS: [&str; 7] = ["0", "1", "2", "3", "4", "5", "6"];

impl Observer<Store> for Connections {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin != Origin::Connections {
            return;
        }
        begin_at_0(
            store,
            &[
                ids::CONN_INBOUND,
                ids::CONN_OUTBOUND,
                ids::CONN_CLOSED,
                ids::CONN_CLOSED_AGE,
                ids::CONN_EVICTED_INBOUND,
                ids::CONN_PRIVATE_TRANSACTION_BROADCAST,
            ],
        );
        let by_network = [ids::CONN_INBOUND_NETWORK, ids::CONN_OUTBOUND_NETWORK, ids::CONN_CLOSED_NETWORK];
        begin_each_at_0(store, &by_network, NETWORKS);
    }

    fn event(&mut self, record: &Record, peers: &mut Peers, context: &mut Context) {
        let Some(EbpfEvent::Connection(connection)) = ebpf(record) else { return };
        match &connection.event {
            Some(Event::Inbound(opened)) => self.inbound(opened, peers, context),
            Some(Event::Outbound(opened)) => self.outbound(opened, context.sink),
            Some(Event::Closed(closed)) => self.closed(closed, context),
            Some(Event::InboundEvicted(_)) => context.sink.inc(ids::CONN_EVICTED_INBOUND, &[]),
            Some(Event::Misbehaving(peer)) => {
                context.sink.inc(ids::CONN_MISBEHAVING, &[&format_smolstr!("{}", peer.id), &peer.message]);
                context.sink.inc(ids::CONN_MISBEHAVING_REASON, &[&peer.message]);
            }
            None => {}
        }
    }
}

impl Connections {
    fn inbound(&mut self, opened: &InboundConnection, peers: &Peers, context: &mut Context) {
        let Context { sink: store, enrichment, .. } = context;
        store.inc(ids::CONN_INBOUND, &[]);
        store.inc(ids::CONN_INBOUND_NETWORK, &[&network(opened.conn.network)]);
        self.inbound.0 = Some(opened.existing_connections);
        store.set(ids::CONN_INBOUND_CURRENT, &[], opened.existing_connections as f64);
        let sets = peers.find(opened.conn.peer_id).map(|peer| peer.sets).unwrap_or_default();
        for (list, id) in [
            ("monero_banlist", ids::CONN_INBOUND_BANLIST_MONERO),
            ("gmax_banlist", ids::CONN_INBOUND_BANLIST_GMAX),
            ("tor_exit", ids::CONN_INBOUND_TOR_EXIT),
        ] {
            // A list that no file was given for is empty, and has no count.
            if enrichment.has(list) {
                store.add(id, &[], f64::from(enrichment.is_in(sets, list)));
            }
        }
        store.add(ids::CONN_INBOUND_LIST_LINKINGLION, &[], f64::from(is_linkinglion(sets, enrichment)));
    }

    fn outbound(&mut self, opened: &OutboundConnection, store: &mut Store) {
        store.inc(ids::CONN_OUTBOUND, &[]);
        store.inc(ids::CONN_OUTBOUND_NETWORK, &[&network(opened.conn.network)]);
        self.outbound.0 = Some(opened.existing_connections);
        store.set(ids::CONN_OUTBOUND_CURRENT, &[], opened.existing_connections as f64);
        if opened.conn.conn_type_name.as_deref() == Some("private-broadcast") {
            store.inc(ids::CONN_PRIVATE_TRANSACTION_BROADCAST, &[]);
        }
    }

    fn closed(&mut self, closed: &ClosedConnection, context: &mut Context) {
        let store = &mut *context.sink;
        store.inc(ids::CONN_CLOSED, &[]);
        store.inc(ids::CONN_CLOSED_NETWORK, &[&network(closed.conn.network)]);
        store.add(ids::CONN_CLOSED_AGE, &[], age(closed.time_established, context.time_ns));
        let inbound = closed.conn.conn_type == ConnType::Inbound as i32;
        let (open, id) = if inbound {
            (&mut self.inbound, ids::CONN_INBOUND_CURRENT)
        } else {
            (&mut self.outbound, ids::CONN_OUTBOUND_CURRENT)
        };
        if let Some(count) = &mut open.0 {
            *count = count.saturating_sub(1);
            store.set(id, &[], *count as f64);
        }
    }
}

/// Seconds since a connection was made; 0 if it is not known when, or was not yet.
fn age(established: u64, time_ns: u64) -> f64 {
    match established {
        0 => 0.0,
        established => (time_ns / 1_000_000_000).saturating_sub(established) as f64,
    }
}

fn network(number: u32) -> SmolStr {
    match NETWORKS.get(number as usize) {
        Some(known) => SmolStr::new_static(known),
        None => format_smolstr!("{number}"),
    }
}
