//! What several benchmarks use.

use std::path::PathBuf;

use anyhow::{Context, Result};

pub mod cpu;
pub mod day;
pub mod detect;
pub mod logs;
pub mod memory;
pub mod payloads;

/// The path of `peer-observer`, built into the same folder as this program.
///
/// # Errors
/// It is not there.
pub fn program() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("peer-observer");
    path.try_exists()?.then_some(path).context("build the program first: cargo build --release -p peer-observer")
}
