//! Whose an address is: named sets of networks, the autonomous system, the group, ranges that are not routed.

pub mod asmap;
mod file;
pub mod ranges;
pub mod sets;

pub use asmap::{Asmap, AsmapError};
pub use file::Stamp;
pub use ranges::{Group, Special, group16, special, subnet};
pub use sets::{SetError, SetMask, SetSource, Sets, Warning};
