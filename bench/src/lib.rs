//! What several benchmarks use.

pub mod payloads;
