//! Why tracepoints can't be followed, in words that name what would help.

use std::io;
use std::path::{Path, PathBuf};

use decode::tracepoint::Tracepoint;
use thiserror::Error;

use crate::kernel::KernelSupport;

/// Why tracepoints can't be followed.
#[derive(Debug, Error)]
pub enum Error {
    /// The kernel or our privileges prevent it. The text says what does, and the remedy.
    #[error("{0}")]
    Unsupported(String),
    /// The kernel did not take the program.
    #[error("the kernel does not take the tracepoint program: {0}; --log debug shows its reasons")]
    Load(String),
    /// Memory could not be shared with the kernel.
    #[error("cannot map the memory of the tracepoint program: {0}")]
    Memory(#[source] io::Error),
    /// A program file can't be looked at.
    #[error("cannot read the tracepoints of {path}: {reason}")]
    Program {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A program has none of the tracepoints that are wanted.
    #[error(
        "{path} has {}; run a release of Bitcoin Core from bitcoincore.org, or build the node with -DWITH_USDT=ON",
        if *.other { "none of the tracepoints that are wanted" } else { "no tracepoints" }
    )]
    NoTracepoints {
        /// The file.
        path: PathBuf,
        /// Whether it has other tracepoints.
        other: bool,
    },
    /// The kernel did not attach a tracepoint.
    #[error("cannot attach {name} of {path}: {reason}", name = .tracepoint.name())]
    Attach {
        /// The program file.
        path: PathBuf,
        /// The tracepoint.
        tracepoint: Tracepoint,
        /// Why, and what would help where that is known.
        reason: String,
    },
    /// The ring cannot be awaited.
    #[error("cannot wait for events of tracepoints: {0}")]
    Wait(#[source] io::Error),
    /// The thread that reads the ring could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
    /// The thread that reads the ring panicked.
    #[error("the thread that reads the ring buffer panicked; restart peer-observer, and report what it logged")]
    Panicked,
}

impl Error {
    pub(crate) fn load(error: libbpf_rs::Error) -> Self {
        match KernelSupport::this().obstacle() {
            Some(obstacle) => Self::Unsupported(obstacle),
            None => Self::Load(error.to_string()),
        }
    }

    /// `late`: privileges may have been given up since the start.
    pub(crate) fn attach(path: &Path, tracepoint: Tracepoint, error: libbpf_rs::Error, late: bool) -> Self {
        let kernel = KernelSupport::this();
        let refused = error.kind() == libbpf_rs::ErrorKind::PermissionDenied;
        let reason = match kernel.obstacle() {
            Some(_) if refused && late && !kernel.attaches_with_little() => GIVEN_UP.to_owned(),
            Some(obstacle) if refused => obstacle,
            _ => error.to_string(),
        };
        Self::Attach { path: path.to_owned(), tracepoint, reason }
    }
}

const GIVEN_UP: &str = "before Linux 6.6 that takes CAP_SYS_ADMIN, which was given up after the start; start peer-observer again \
                        (with --binary it attaches before the node runs)";
