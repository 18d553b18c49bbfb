//! The instrument itself: nobody should take silence for quiet.

mod event_loss;
mod node_gone;
mod restarted;
mod source_silent;
mod version_changed;

use crate::detector::detectors;

detectors! {
    /// Detectors of what is wrong with observing.
    Instrument {
        node_gone: node_gone::NodeGone,
        source_silent: source_silent::SourceSilent,
        event_loss: event_loss::EventLoss,
        restarted: restarted::NodeRestarted,
        version_changed: version_changed::VersionChanged,
    }
}
