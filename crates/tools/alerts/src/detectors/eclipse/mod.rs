//! Eclipse and partition: the node is cut off from the others, or follows another chain.

mod chain_split;
mod concentrated;
mod headers_ahead;
mod node_behind;
mod outbound;
mod peers_stuck;
mod replaced;
mod rules_split;
mod stale_tip;

use crate::detector::detectors;

detectors! {
    /// Detectors of eclipses and partitions.
    Eclipse {
        concentrated: concentrated::OutboundConcentrated,
        replaced: replaced::OutboundReplaced,
        stale_tip: stale_tip::StaleTip,
        headers_ahead: headers_ahead::HeadersAhead,
        node_behind: node_behind::NodeBehind,
        chain_split: chain_split::ChainSplit,
        rules_split: rules_split::RulesSplit,
        peers_stuck: peers_stuck::PeersStuck,
    }
}
