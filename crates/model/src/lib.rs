//! What is known of a node, derived once from its events, for all tools. All of it is bounded ([`bounds`]), as events carry untrusted input.
#![allow(dead_code)] // until the model uses it

pub mod blocks;
pub mod bounded;
pub mod bounds;
mod change;
mod requests;
mod restarts;
mod run;
pub mod text;

pub use blocks::Blocks;
pub use change::{Answer, Change, CloseReason, ClosedConnection, Unanswered};
pub use requests::Requests;
pub use restarts::Restarts;
