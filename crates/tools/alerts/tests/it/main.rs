//! The tool from outside: events in, alerts out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod addresses;
mod book;
mod instrument;
mod node;
mod play;
mod traffic;
