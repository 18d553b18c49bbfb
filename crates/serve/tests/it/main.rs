//! The server, from outside. What it answers to whom is tested where there are pages: in the crates `web` and `metrics`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod tls;
