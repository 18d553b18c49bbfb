//! Publishes a node's tip when it changes, by Bitcoin Core's IPC interface.
//!
//! The node answers within milliseconds of the change, without being polled, and says whether it is still catching up. It needs neither its RPC
//! server nor its log, only a socket (`-ipcbind`). A reorganization of several blocks is one change. A node may stop, move and come back at any time: the extractor
//! waits until its socket is there, and publishes what it has after a restart as a new run.

mod connection;
mod follow;

use std::time::Duration;

use bus::Publisher;
use node::{Target, TargetError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::connection::{Connection, Connector};
use crate::follow::{End, follow};

/// How to observe tips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Also publish the tip so often when it has not changed; none: only when it changes.
    pub query_interval: Option<Duration>,
}

/// Why the extractor cannot work, whatever the node does.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is configured of the node contradicts itself.
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// Publishes tips of `target` until shutdown, and waits for the node whenever it is not there. A call under way at shutdown is waited for, which takes at
/// most about a second. The caller ends the publisher's run.
///
/// # Errors
/// What no waiting can mend; see [`Error`].
pub async fn run(
    target: Target,
    options: Options,
    publisher: Publisher,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let mut connector = Connector::new(target, publisher.clone());
    let mut last: Option<Option<(u32, u64)>> = None;
    while let Some(connected) = shutdown.run_until_cancelled(connector.connect()).await {
        let Connection { client, process } = connected?;
        // A node closes connections when it stops. Without its process, an end is one of the node.
        let restarted = last.replace(process).is_some_and(|last| last.is_none() || last != process);
        if restarted {
            publisher.new_run().await;
        }
        let run = if restarted { ", a new run of it" } else { "" };
        info!("node {}: connected to its IPC socket {}{run}", publisher.node(), client.socket().display());
        let end = follow(&client, options, &publisher, &shutdown).await;
        client.close().await;
        if let End::Failed(error) = end {
            warn!("node {}: {error}; looking for it", publisher.node());
            connector.failed(&error);
        }
    }
    Ok(())
}
