//! Connections of the node.

mod as_drop;
mod as_visits;
mod eviction_pressure;
mod inbound_drop;
mod inbound_flood;
mod local_probe;
mod lost;
mod outbound_drop;
mod slots_full;
mod subnet_flood;

use crate::detector::detectors;

detectors! {
    /// Detectors of connections.
    Connections {
        inbound_flood: inbound_flood::InboundFlood,
        subnet_flood: subnet_flood::SubnetFlood,
        as_visits: as_visits::AsVisits,
        eviction_pressure: eviction_pressure::EvictionPressure,
        slots_full: slots_full::SlotsFull,
        inbound_drop: inbound_drop::InboundDrop,
        outbound_drop: outbound_drop::OutboundDrop,
        as_drop: as_drop::AsDrop,
        local_probe: local_probe::LocalProbe,
    }
}
