//! The machine whose processes are looked at.

use std::path::{Path, PathBuf};

use node::Machine;

/// A machine, and where its /proc is.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) machine: Machine,
    proc: PathBuf,
}

impl Host {
    /// The one that this program runs on.
    pub(crate) fn this() -> Self {
        Self { machine: Machine::this(), proc: PathBuf::from("/proc") }
    }

    /// One whose file system is mounted at `root`.
    pub(crate) fn at(root: &Path) -> Self {
        Self { machine: Machine::at(root, &root.join("root")), proc: root.join("proc") }
    }

    /// The directory of a process.
    pub(crate) fn process(&self, pid: u32) -> PathBuf {
        self.proc.join(pid.to_string())
    }

    /// The file with the time since the machine was started.
    pub(crate) fn uptime(&self) -> PathBuf {
        self.proc.join("uptime")
    }
}
