//! The mempool, and what does not get into it.

mod cycling;
mod jump;
mod orphans;
mod rejections;

use crate::detector::detectors;

detectors! {
    /// Detectors of the mempool.
    Mempool {
        jump: jump::MempoolJump,
        rejections: rejections::Rejections,
        cycling: cycling::ReplacementCycling,
        orphans: orphans::OrphanFlood,
    }
}
