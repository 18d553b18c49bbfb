//! Watches the node's process: CPU time of its threads, memory, files, disk.
//!
//! The operating system shows what the node itself does not: which of its threads is busy, what it takes of the machine, and whether the disk will
//! do. All of it is read from /proc and from the data directory every few seconds. A node may stop, move and come back at any time: the extractor
//! waits until its process is there, and publishes the states of another process as a new run.
//!
//! Fields that can't be read, as most of another user's process, are left out of the events; each is logged once.

mod directory;
mod disk;
mod host;
mod proc;
mod running;
mod state;
mod threads;
mod unreadable;

use std::path::Path;
use std::time::Duration;

use bus::Publisher;
use event::pb::observer::node_state::State;
use node::{Target, TargetError};
use tokio::task::JoinError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::disk::Disk;
use crate::host::Host;
use crate::running::{RunningNode, discovery, wait_for_process};
use crate::state::Process;
use crate::unreadable::Warnings;

/// The shortest interval: a typing error must not keep the machine busy.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// How often to look whether the process is there, and not stopped.
const LOOK: Duration = Duration::from_secs(1);

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
    /// What is configured of the node contradicts itself.
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// Publishes the state of the process of `target` until shutdown, and waits for it whenever it is not there. A node on
/// another machine, or whose process can't be seen, is logged once and waited for. The caller ends the publisher's run.
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
    let mut warnings = Warnings::of(publisher.node());
    let mut discovery = discovery(&host, target, publisher.node());
    let mut last: Option<(u32, u64)> = None;
    loop {
        // That an earlier process has ended says more than that there is none.
        let waiting = last.is_none().then_some(&publisher);
        let found = shutdown.run_until_cancelled(wait_for_process(&mut discovery, &host, waiting)).await;
        let Some(running) = found else { return Ok(()) };
        let running = running?;
        let (id, pid) = (running.id(), running.pid);
        let restarted = last.replace(id).is_some_and(|last| last != id);
        if restarted {
            publisher.new_run().await;
        }
        let run = if restarted { ", a new run of it" } else { "" };
        info!("node {}: watching process {pid}{run}", publisher.node());
        let watched = follow(&host, running, interval, &publisher, &mut warnings, &shutdown);
        if shutdown.run_until_cancelled(watched).await.is_some() {
            publisher.node_is(State::Gone, Some(&format!("process {pid} has ended")));
            info!("node {}: process {pid} ended; looking for the node", publisher.node());
        }
    }
}

/// Publishes the state of one process until it ends.
async fn follow(
    host: &Host,
    running: RunningNode,
    every: Duration,
    publisher: &Publisher,
    warnings: &mut Warnings,
    stop: &CancellationToken,
) {
    let pid = running.pid;
    let mut disk = Disk::of(&running, stop.child_token());
    let mut process = Process::new(host, running);
    let mut readings = interval(every);
    let mut looks = interval(LOOK);
    readings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_due = tokio::select! {
            _ = readings.tick() => true,
            _ = looks.tick() => false,
        };
        if is_due {
            disk.refresh(warnings).await;
        }
        // /proc may make its reader wait for a lock of the process.
        let task = tokio::task::spawn_blocking(move || {
            let stopped = process.is_stopped();
            let reading = if is_due { process.read() } else { None };
            (process, stopped, reading)
        });
        let (stopped, reading);
        (process, stopped, reading) = match task.await {
            Ok(outcome) => outcome,
            Err(end) => return at_shutdown(end),
        };
        match stopped {
            None => return,
            Some(true) => publisher.node_is(State::Hanging, Some(&format!("process {pid} is stopped (SIGSTOP)"))),
            Some(false) => publisher.node_is_up(),
        }
        if !is_due {
            continue;
        }
        let Some(mut reading) = reading else { return };
        warnings.log(reading.unreadable);
        disk.add_to(&mut reading.state);
        publisher.publish(reading.time_ns, state::body(reading.state)).await;
    }
}

/// Passes on the panic of a thread that gave no outcome. If there was none, the runtime is shutting down.
fn at_shutdown(end: JoinError) {
    if let Ok(panic) = end.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
}
