//! State of the node's process.

use std::fmt::{self, Display, Formatter};

use super::{CYAN, Look, SHOWN};
use crate::pb::observer::{NodeProcess, NodeThreads};
use crate::quote::Plain;

pub(super) fn line(f: &mut Formatter, look: Look, process: &NodeProcess) -> fmt::Result {
    write!(f, "{} pid={}", look.mark(CYAN, "proc"), process.pid)?;
    cpu(f, &process.threads)?;
    if let Some(memory) = &process.memory {
        write!(f, " rss {}", Size(memory.resident))?;
        if memory.swap > 0 {
            write!(f, " swap {}", Size(memory.swap))?;
        }
    }
    if let Some(open) = process.open_files {
        write!(f, " files {open}")?;
    }
    process.filesystems.iter().try_for_each(|filesystem| {
        let name = if filesystem.name == "datadir" { "disk" } else { &filesystem.name };
        write!(f, " {} {} free", Plain(name), Size(filesystem.available))
    })
}

/// CPU time of all threads, and the threads with the largest shares.
fn cpu(f: &mut Formatter, threads: &[NodeThreads]) -> fmt::Result {
    if threads.is_empty() {
        return Ok(());
    }
    let seconds = |threads: &NodeThreads| threads.cpu_user_seconds + threads.cpu_system_seconds;
    write!(f, " cpu {:.1} s", threads.iter().map(seconds).sum::<f64>())?;
    let mut most: Vec<_> = threads.iter().map(|threads| (seconds(threads), Plain(&threads.name))).collect();
    most.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    for (index, (seconds, name)) in most.iter().take(SHOWN).enumerate() {
        write!(f, "{}{name} {seconds:.1} s", if index == 0 { " (" } else { ", " })?;
    }
    f.write_str(")")
}

/// Bytes, in the unit in which they are less than 1024.
struct Size(u64);

impl Display for Size {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        let (mut size, mut unit) = (self.0 as f64, "B");
        for next in UNITS {
            if size < 1024.0 {
                break;
            }
            (size, unit) = (size / 1024.0, next);
        }
        let digits = usize::from(size < 10.0 && unit != "B");
        write!(f, "{size:.digits$} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (45 << 20, "45 MiB"),
            (1_500_000_000, "1.4 GiB"),
            (12_900_000_000, "12 GiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }
}
