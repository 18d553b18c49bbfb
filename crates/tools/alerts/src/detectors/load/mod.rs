//! Load: what the node does not keep up with.

mod inv_backlog;
mod message_handler_busy;
mod slow_block;
mod slow_validation;

use crate::detector::detectors;

detectors! {
    /// Detectors of load.
    Load {
        inv_backlog: inv_backlog::InvBacklog,
        message_handler_busy: message_handler_busy::MessageHandlerBusy,
        slow_block: slow_block::SlowBlock,
        slow_validation: slow_validation::SlowValidation,
    }
}
