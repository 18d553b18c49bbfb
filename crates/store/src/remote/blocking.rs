//! Stores for those who wait as for a disk.

use std::future::Future;
use std::io;
use std::sync::{OnceLock, mpsc};

use tokio::runtime::{Builder, Runtime};

/// The thread of all such waiting. It starts with the first, for a process that gives up privileges must not have any
/// threads before. It never ends: its connections are shared by all.
static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();

/// Waits for something to be done, on any thread.
///
/// # Errors
/// There can be no thread for it, or it panicked.
pub fn wait<T: Send + 'static>(doing: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
    let start = || Builder::new_multi_thread().worker_threads(1).thread_name("store").enable_all().build().ok();
    let runtime = RUNTIME.get_or_init(start).as_ref();
    let runtime = runtime.ok_or_else(|| io::Error::other("cannot start a thread for the store"))?;
    let (done, result) = mpsc::sync_channel(1);
    runtime.spawn(async move { done.send(doing.await) });
    result.recv().map_err(|_| io::Error::other("what was to be done with the store has ended"))
}
