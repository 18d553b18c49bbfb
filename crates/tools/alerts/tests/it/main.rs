//! The tool from outside: events in, alerts out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod addresses;
mod benign;
mod blocks;
mod book;
mod catalogue;
mod connections;
mod eclipse;
mod instrument;
mod load;
mod log;
mod lost;
mod mempool;
mod node;
mod play;
mod protocol;
mod receivers;
mod replay;
mod settings;
mod spies;
mod statistical;
mod traffic;
