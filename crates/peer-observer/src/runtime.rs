//! The threads that everything runs in. What has to be done before there are any is done before this.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::allocator;

/// Starts the threads, and runs a verb to its end in them: two for several parts at once.
pub fn block_on(verb: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    block_on_threads(2, verb)
}

/// The same with so many threads. One is enough for a single extractor, and costs less: a second is woken to look for work whenever the first has some.
pub fn block_on_threads(threads: usize, verb: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    allocator::start_threads();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(threads).enable_all().build().context("cannot start")?;
    let outcome = runtime.block_on(verb);
    // A thread may still wait for a terminal or for standard input; nobody waits for it.
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome
}
