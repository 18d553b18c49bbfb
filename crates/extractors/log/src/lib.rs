//! Reads a node's debug.log and publishes its entries.
//!
//! The log shows what no other interface does: why a peer was disconnected, how a compact block was put together, what the
//! node thinks of a chain. It is a file that the node only ever appends to, but others rename, truncate, compress and
//! remove it, and the node may come back with another one: [`run`] follows it through all of that, [`read_files`] reads what is
//! left of earlier times.
//!
//! All reading is done in threads that may block, since files have no other interface, and since one thread per log that
//! reads, decodes and publishes costs the least.

mod access;
mod archive;
mod feed;
mod file;
mod follow;
pub mod keep;
mod pipe;
mod place;
mod resume;
mod sink;
mod wake;

use std::io;
use std::path::PathBuf;

use bus::Publisher;
use node::{Target, TargetError};
use tokio::runtime::Handle;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

pub use crate::archive::read_files;

use crate::feed::Feed;
use crate::follow::Follower;

/// Where the log comes from.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one per log")]
pub enum Source {
    /// The debug.log of a node, wherever that is now. One that the target names ([`Target::debug_log`]) is taken as it is.
    Node(Target),
    /// A file, which need not be there yet, or a FIFO.
    File(PathBuf),
    /// Standard input, until its end.
    Stdin,
}

/// How to read a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Also read what the file has already. Default: no.
    pub from_start: bool,
    /// Let the kernel report changes of the file. Without it, as on file systems that report none, the file is looked at five times a second.
    /// Default: yes.
    pub inotify: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { from_start: false, inotify: true }
    }
}

/// Why the extractor cannot work, whatever happens to the log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is configured of the node contradicts itself.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The node is on another machine.
    #[error(
        "node {node}: it is on another machine, and so is its debug.log; run `peer-observer extract log` there, or pass \
         --debug-log if the file can be read here"
    )]
    Elsewhere {
        /// Name of the node.
        node: String,
    },
    /// The files that are kept cannot be used.
    #[error("node {node}: its log cannot be kept: {cause}")]
    Keep {
        /// Name of the node.
        node: String,
        /// Why, and what would help.
        cause: String,
    },
    /// Standard input failed.
    #[error("cannot read standard input: {0}")]
    Stdin(#[source] io::Error),
    /// Some of the files given could not be read to their end.
    #[error(
        "{} of {given} files could not be read to the end: {}",
        files.len(),
        files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    Files {
        /// The files.
        files: Vec<PathBuf>,
        /// Number of files that were to be read.
        given: usize,
    },
}

/// Publishes the entries that are added to a log until shutdown, or until standard input ends. The caller ends
/// the publisher's run; a new one is begun when the log shows a start of the node.
///
/// The time of an event is that of its entry. A line without the node's time has that at which it was read, and no type. Counted in the publisher's
/// accounts: stage `log` (entries), and [`LOG_BYTES`](bus::counters::LOG_BYTES) by node.
///
/// # Errors
/// What no waiting can mend; see [`Error`]. That a file is not there or can't be read is logged once, and tried again.
pub async fn run(
    source: Source,
    options: Options,
    publisher: Publisher,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let stop = shutdown.child_token();
    let _stopped_with_this = stop.clone().drop_guard();
    let feed = Feed::new(publisher, Handle::current());
    let follower = Follower::new(source, options, feed, stop)?;
    let outcome = tokio::task::spawn_blocking(|| follower.run()).await;
    outcome.unwrap_or_else(|end| ended_early(end, Ok(())))
}

/// The outcome of a thread that gave none: its panic is passed on; if there was none, the runtime is shutting down.
fn ended_early<T>(end: JoinError, at_shutdown: T) -> T {
    match end.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => at_shutdown,
    }
}
