//! The tool from outside: real nodes, servers as they answer, and those who read what is served.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod import;
mod nodes;
mod pools;
mod recorded;
mod serve;
mod sources;
