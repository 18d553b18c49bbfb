//! The testbed itself, with real programs: what every other crate's tests build on has to hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod nats;
mod nodes;
mod scenarios;
mod tracepoint;
