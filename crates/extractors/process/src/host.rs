//! The machine whose processes are read.

use std::path::{Path, PathBuf};

/// A machine, and where its /proc is.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) machine: node::Host,
    proc: PathBuf,
}

impl Host {
    /// The machine that this program runs on.
    pub(crate) fn this() -> Self {
        Self { machine: node::Host::this(), proc: PathBuf::from("/proc") }
    }

    /// A machine whose file system, with its `proc`, is mounted at `root`.
    pub(crate) fn at(root: &Path) -> Self {
        Self { machine: node::Host::at(root, &root.join("root")), proc: root.join("proc") }
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
