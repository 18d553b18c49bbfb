//! The threads that everything runs in. What has to be done before there are any is done before this.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::allocator;

/// From here on SIGHUP ends the process no more: it asks those tools that have files to read them again, and nobody else.
///
/// # Errors
/// The kernel does not let us.
pub fn survive_hangup() -> Result<()> {
    // What tokio has once handled stays handled, also when the runtime is gone. This one has no threads.
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let handled = runtime.block_on(async { signal(SignalKind::hangup()) });
    handled.map(drop).context("cannot wait for SIGHUP")
}

/// Starts so many threads, and runs a command to its end in them.
///
/// # Errors
/// The command failed, or the threads could not be started.
pub fn block_on(threads: usize, command: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    allocator::start_threads();
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(threads).enable_all().build().context("cannot start")?;
    let outcome = runtime.block_on(command);
    // A thread may still wait for a terminal or for standard input; nobody waits for it.
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome
}
