//! What several benchmarks use.

pub mod memory;
pub mod payloads;
