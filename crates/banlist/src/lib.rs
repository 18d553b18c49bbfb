//! Bans of nodes that follow from sets of networks.
//!
//! [`Wanted`] is what the sets say, without [`Protected`] ranges. [`Plan`] compares it with what a node bans and with the
//! [`Ledger`] of bans that we have set: only those are lifted. [`NodeBans`] asks a node, and carries a plan out. [`export`]
//! makes a file for a set of what alerts found.
//!
//! A ban of ours is known by its network and the second at which it ends, which is written to the ledger before the node
//! gets it. So one that is cut short, by a crash or by somebody else, is never taken for another.

pub mod export;
mod ledger;
mod machine;
mod node_bans;
mod plan;
mod protected;
mod wanted;

pub use ledger::{Ledger, Ours};
pub use machine::addresses as machine_addresses;
pub use node_bans::{ApplyError, Done, NodeBans, Pace};
pub use plan::{Banned, Change, Limits, Plan, Step};
pub use protected::Protected;
pub use wanted::{LeftOut, Wanted, wanted};
