//! Enrichment of IP addresses: the sets of networks that they are in, and their autonomous systems.

pub use networks::{Facts, Files, SetMask as Sets};
