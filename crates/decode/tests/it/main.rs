//! Tests of the debug.log decoder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod lines;
mod prefixes;
mod properties;
mod split;
