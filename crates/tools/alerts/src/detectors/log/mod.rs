//! What the node says of its own state, in debug.log and elsewhere.

mod clock;
mod disk_full;
mod node_warning;
mod rate_limit;
mod self_connections;

use crate::detector::detectors;

detectors! {
    /// Detectors of what the node says of its own state.
    Log {
        rate_limit: rate_limit::LogRateLimit,
        self_connections: self_connections::SelfConnections,
        disk_full: disk_full::DiskFull,
        node_warning: node_warning::NodeWarning,
        clock: clock::ClockOff,
    }
}
