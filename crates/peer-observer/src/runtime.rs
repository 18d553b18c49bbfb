//! The threads that everything runs in. What has to be done before there are any is done before this.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

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

/// Begins the end of the process when SIGINT or SIGTERM comes. The second one ends it at once, with exit code 130.
///
/// # Errors
/// The kernel does not let us.
pub fn end_on_signals(end: CancellationToken) -> Result<()> {
    let interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    bus::task::spawn("signals", end_by(interrupt, terminate, end));
    Ok(())
}

async fn end_by(mut interrupt: Signal, mut terminate: Signal, end: CancellationToken) {
    let mut received = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    received().await;
    end.cancel();
    received().await;
    std::process::exit(130)
}

/// Starts so many threads, and runs a command to its end in them; with none, in this one.
///
/// # Errors
/// The command failed, or the threads could not be started.
pub fn block_on<T>(threads: usize, command: impl Future<Output = Result<T>>) -> Result<T> {
    allocator::start_threads();
    let mut builder = match threads {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(threads.max(1)).enable_all().build().context("cannot start")?;
    let outcome = runtime.block_on(command);
    // A thread may still wait for a terminal or for standard input; nobody waits for it.
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome
}
