//! Watches the node's process: CPU time of its threads, memory, files, disk.
//!
//! The operating system tells what the node itself does not: which of its threads is busy, what it takes of the
//! machine, and whether the disk will do. All of it is read from /proc and from the data directory every few seconds. A
//! node may stop, move and come back at any time: it is looked for until its process is there, and another process is a new run.
//!
//! What can't be read, as most of another user's process, narrows what is told; it is said once.

mod directory;
mod disk;
mod host;
mod proc;
mod search;
mod state;
mod threads;
mod trouble;

use std::path::Path;
use std::time::Duration;

use bus::Publisher;
use node::{LocateError, Target};
use tokio::task::JoinError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::disk::Disk;
use crate::host::Host;
use crate::search::{Found, Search};
use crate::state::Process;
use crate::trouble::Troubles;

/// The shortest interval: a typing error must not keep the machine busy.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// How to watch a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Pause between two events; at least 10 ms. Default: 5 s.
    pub interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { interval: Duration::from_secs(5) }
    }
}

/// Why the extractor cannot work, whatever the node does.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is told of the node contradicts itself.
    #[error("node {node}: {source}")]
    Target {
        /// Name of the node.
        node: String,
        /// What is wrong, and what to change.
        source: LocateError,
    },
}

/// Publishes the state of the process of `target` until shutdown, and waits for it whenever it is not there. A node on
/// another machine, or whose process can't be seen, is said once and waited for. The caller ends the publisher's run.
///
/// # Errors
/// What no waiting can mend; see [`Error`].
pub async fn run(
    target: Target,
    options: Options,
    publisher: Publisher,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    watch(Host::this(), target, options, publisher, shutdown).await
}

/// [`run`] on another machine than this, as tests have it: one whose file system, with its `proc`, is mounted at `root`.
///
/// # Errors
/// As for `run`.
pub async fn run_at(
    root: &Path,
    target: Target,
    options: Options,
    publisher: Publisher,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    watch(Host::at(root), target, options, publisher, shutdown).await
}

async fn watch(
    host: Host,
    target: Target,
    options: Options,
    publisher: Publisher,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let interval = options.interval.max(MIN_INTERVAL);
    let mut troubles = Troubles::of(publisher.node());
    let mut search = Search::new(host.clone(), target, publisher.node());
    let mut last = None;
    while let Some(found) = shutdown.run_until_cancelled(search.find()).await {
        let found = found?;
        let (id, pid) = (found.id(), found.pid);
        let again = last.replace(id).is_some_and(|last| last != id);
        if again {
            publisher.new_run().await;
        }
        let run = if again { ", a new run of it" } else { "" };
        info!("node {}: watching process {pid}{run}", publisher.node());
        let watched = follow(&host, found, interval, &publisher, &mut troubles, &shutdown);
        if shutdown.run_until_cancelled(watched).await.is_some() {
            info!("node {}: process {pid} ended; looking for the node", publisher.node());
        }
    }
    Ok(())
}

/// Publishes the state of one process until it ends.
async fn follow(
    host: &Host,
    found: Found,
    every: Duration,
    publisher: &Publisher,
    troubles: &mut Troubles,
    stop: &CancellationToken,
) {
    let mut disk = Disk::of(&found, stop.child_token());
    let mut process = Process::new(host, found);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        disk.look(troubles).await;
        // /proc may make its reader wait for a lock of the process.
        let looked = tokio::task::spawn_blocking(move || {
            let look = process.look();
            (process, look)
        });
        let look;
        (process, look) = match looked.await {
            Ok(looked) => looked,
            Err(end) => return at_shutdown(end),
        };
        let Some(mut look) = look else { return };
        troubles.tell(look.troubles);
        disk.tell(&mut look.state);
        publisher.publish(look.time_ns, state::body(look.state)).await;
    }
}

/// A thread gave no outcome: it panicked, or the runtime is shutting down.
fn at_shutdown(end: JoinError) {
    if let Ok(panic) = end.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
}
