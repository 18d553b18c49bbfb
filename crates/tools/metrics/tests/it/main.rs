//! Numbers for Prometheus, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod golden;
mod manual;
mod own;
mod rules;
