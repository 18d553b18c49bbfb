//! Blocks: how they come, and what they are.

mod double;
mod header_spam;
mod invalid;
mod mutated;
mod reconstruction;
mod reorg;
mod repeated;
mod stalling;
mod withheld;

use crate::detector::detectors;

/// What the detectors of blocks keep of a peer.
#[derive(Debug, Default)]
pub(crate) struct OfPeer {
    repeated: repeated::OfPeer,
}

detectors! {
    /// Detectors of blocks.
    Blocks {
        stalling: stalling::BlockStalling,
        withheld: withheld::BlockWithheld,
        mutated: mutated::MutatedBlock,
        invalid: invalid::InvalidBlock,
        header_spam: header_spam::HeaderSpam,
        repeated: repeated::BlockRepeated,
        reorg: reorg::Reorg,
        double: double::DoubleBlock,
        reconstruction: reconstruction::LowReconstruction,
    }
}
