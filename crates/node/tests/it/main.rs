//! Finding nodes on made-up machines, talking to scripted and to real ones.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod discover;
mod real;
mod rpc;
mod types;
