//! Tests of the decoders.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod cases;
mod lines;
mod message_payloads;
mod messages;
mod prefixes;
mod properties;
mod split;
mod tracepoints;
mod view;
