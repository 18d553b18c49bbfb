//! Memory of processes, from /proc.

use anyhow::{Context, Result};
use procfs::process::{Process, Status};

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Resident now.
    pub resident_kib: u64,
    /// The most that was resident since the process began.
    pub peak_kib: u64,
}

impl Memory {
    /// The memory of this process.
    ///
    /// # Errors
    /// /proc cannot be read.
    pub fn of_this_process() -> Result<Self> {
        Self::of(&Process::myself()?.status()?)
    }

    /// The memory of another process.
    ///
    /// # Errors
    /// The process has ended.
    pub fn of_process(pid: u32) -> Result<Self> {
        Self::of(&Process::new(pid.cast_signed())?.status()?)
    }

    fn of(status: &Status) -> Result<Self> {
        let (resident_kib, peak_kib) = status.vmrss.zip(status.vmhwm).context("the process has no memory")?;
        Ok(Self { resident_kib, peak_kib })
    }

    /// Resident now, in MB of 1,024,000 bytes with one decimal, as the figures have always been printed.
    pub fn resident_mb(self) -> f64 {
        megabytes(self.resident_kib)
    }

    /// The peak, in MB of 1,024,000 bytes with one decimal, as the figures have always been printed.
    pub fn peak_mb(self) -> f64 {
        megabytes(self.peak_kib)
    }
}

fn megabytes(kib: u64) -> f64 {
    (kib as f64 / 102.4).round() / 10.0
}
