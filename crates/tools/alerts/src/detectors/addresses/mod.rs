//! Addresses that peers gossip.

mod addrman_sources;
mod asked;
mod fingerprint;
mod flood;
mod future;
mod gossiped_as;
mod overlap;
mod unique;
mod unreachable;
mod unroutable;

use crate::detector::detectors;

pub(crate) use asked::{Asked, gossip};

/// What the detectors of addresses keep of a peer.
#[derive(Debug, Default)]
pub(crate) struct OfPeer {
    asked: asked::OfPeer,
    flood: flood::OfPeer,
}

detectors! {
    /// Detectors of addresses.
    Addresses {
        flood: flood::AddressFlood,
        unique: unique::UniqueAddresses,
        unroutable: unroutable::UnroutableAddresses,
        future: future::FutureAddresses,
        unreachable: unreachable::UnreachableAddresses,
        overlap: overlap::GetaddrOverlap,
        fingerprint: fingerprint::SameTimestamps,
        gossiped_as: gossiped_as::GossipedAs,
        addrman_sources: addrman_sources::AddrmanSources,
    }
}
