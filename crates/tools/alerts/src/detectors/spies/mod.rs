//! Those who come to listen.

mod as_spy;
mod disguise;
mod known_sets;
mod listen_only;
mod one_operator;
mod same_nonce;
mod subnet_spy;
mod traffic;
mod visits;

use crate::detector::detectors;

pub(crate) use traffic::Traffic;

/// What the detectors of spies keep of a peer.
#[derive(Debug, Default)]
pub(crate) struct OfPeer {
    traffic: traffic::OfPeer,
    oddity: Option<disguise::Oddity>,
}

detectors! {
    /// Detectors of spies.
    Spies {
        subnet_spy: subnet_spy::SubnetSpy,
        as_spy: as_spy::AsSpy,
        listen_only: listen_only::ListenOnly,
        disguise: disguise::DisguisedAgent,
        one_operator: one_operator::OneOperator,
        same_nonce: same_nonce::SameNonce,
        known_sets: known_sets::KnownSets,
    }
}
