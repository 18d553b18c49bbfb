//! Enrichment of IP addresses: the sets of networks that they are in, and their autonomous systems.

pub use networks::{Enrichment, Files, SetMask as Sets, SetSource};
