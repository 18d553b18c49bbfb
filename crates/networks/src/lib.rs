//! Whose an address is: named sets of networks, the autonomous system, the group, ranges that are not routed; how many different ones there were.

pub mod asmap;
mod facts;
mod file;
mod hyperloglog;
pub mod ranges;
pub mod sets;

pub use asmap::{Asmap, AsmapError};
pub use facts::{Facts, Files};
pub use file::Stamp;
pub use hyperloglog::HyperLogLog;
pub use ranges::{Group, Special, group16, special, subnet};
pub use sets::{SetError, SetMask, SetSource, Sets, Warning};
