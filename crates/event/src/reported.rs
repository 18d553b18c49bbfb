//! What a node reported, of fields that the wire format cannot leave out: of a value that the node did not report it has an invented one,
//! which must not be taken for a number.

use crate::pb::rpc_extractor::{BlockchainInfo, ChainTxStats, PeerInfo};

impl PeerInfo {
    /// The height that the peer claimed at first. Bitcoin Core reports it up to v31.
    pub fn reported_starting_height(&self) -> Option<i64> {
        (self.starting_height >= 0).then_some(self.starting_height)
    }

    /// How many transactions wait to be announced to the peer. Bitcoin Core reports it since v31, together with the sequence number.
    pub fn reported_inv_to_send(&self) -> Option<u64> {
        (self.last_inv_sequence.is_some() || self.inv_to_send > 0).then_some(self.inv_to_send)
    }

    /// CPU time that the node spent on the peer's messages, in per mille of the time since it connected. Bitcoin Knots reports it, where the
    /// platform measures it.
    pub fn reported_cpu_load(&self) -> Option<f64> {
        (self.cpu_load > 0.0 && self.cpu_load.is_finite()).then_some(self.cpu_load)
    }
}

impl BlockchainInfo {
    /// The height up to which blocks were deleted, plus one; of nodes that prune.
    pub fn reported_prune_height(&self) -> Option<u32> {
        self.pruned.then_some(self.prune_height)
    }

    /// The size at which blocks are deleted, in bytes; of nodes that prune by size.
    pub fn reported_prune_target_size(&self) -> Option<u64> {
        (self.pruned && self.prune_target_size > 0).then_some(self.prune_target_size)
    }
}

impl ChainTxStats {
    /// Transactions up to the last block of the window. A node that began with a snapshot does not know them.
    pub fn reported_tx_count(&self) -> Option<u32> {
        (self.tx_count > 0).then_some(self.tx_count)
    }
}
