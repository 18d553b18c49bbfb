//! Whose an address is: named sets of networks, the autonomous system, the group of neighbours, the ranges that are not routed. And a count
//! of different addresses in bounded memory.

pub mod asmap;
mod enrichment;
mod file;
mod hyperloglog;
pub mod ranges;
pub mod sets;

pub use asmap::{Asmap, AsmapError};
pub use enrichment::{Enrichment, Files};
pub use file::Stamp;
pub use hyperloglog::HyperLogLog;
pub use ranges::{Group, Special, group16, special, subnet};
pub use sets::{SetError, SetMask, SetSource, Sets, Warning};
