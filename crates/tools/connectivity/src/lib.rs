//! The connectivity check: whether somebody is at the addresses that peers gossip.
//!
//! Each address that is heard in `addr` and `addrv2` waits in a bounded queue with a share for each
//! peer, is tried within its budget, and not again before its time. What came of it is published as
//! an event, kept in a database, and written to a CSV file if that is wanted. Nobody but the node at the address learns
//! of it, and what it sees of us may be a proxy.

mod budget;
mod csv;
mod heard;
mod queue;
mod ranges;
mod skipped;
mod store;

pub use crate::budget::Rates;
pub use crate::ranges::Ranges;
