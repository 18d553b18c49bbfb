//! Polls a node's RPC server and publishes its answers.
//!
//! RPCs show what no other interface does: the state of every peer, of the mempool, of the address manager. Each method is polled by a task of its
//! own, so that a slow one delays no other. A node may stop, move and come back at any time: the extractor waits until the node answers, watches it
//! while it does, and publishes the answers after a restart as a new run.

mod connection;
mod convert;
mod method;
mod options;
mod poll;

use std::sync::Arc;

use bus::Publisher;
use node::rpc::RpcError;
use node::{Target, TargetError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use crate::method::methods;
pub use crate::options::{Options, UnknownMethod};

use crate::connection::{Connection, Connector};
use crate::poll::{Session, Warnings};

/// Why the extractor cannot work, whatever the node does.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is configured of the node contradicts itself.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The HTTP client could not be made.
    #[error("node {node}: {source}")]
    Client {
        /// Name of the node.
        node: String,
        /// What is wrong.
        source: RpcError,
    },
}

/// Polls the RPC server of `target` until shutdown, and waits for the node whenever it is not there. Calls that are under way at shutdown are
/// abandoned. The caller ends the publisher's run.
///
/// It counts its calls in the publisher's accounts: [`RPC_CALLS`](bus::counters::RPC_CALLS), [`RPC_SECONDS`](bus::counters::RPC_SECONDS) and
/// [`RPC_ERRORS`](bus::counters::RPC_ERRORS).
///
/// # Errors
/// What no waiting can mend; see [`Error`].
pub async fn run(
    target: Target,
    options: Options,
    publisher: Publisher,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let options = Arc::new(options);
    let warnings = Arc::new(Warnings::default());
    let mut connector = Connector::new(target, publisher.clone());
    let mut last: Option<Connection> = None;
    while let Some(connection) = shutdown.run_until_cancelled(connector.connect()).await {
        let mut connection = connection?;
        let restarted = last.take().is_some_and(|last| !connection.continues(&last));
        if restarted {
            publisher.new_run().await;
        }
        let run = if restarted { ", a new run of it" } else { "" };
        info!("node {}: RPC server at {} answers{run}", publisher.node(), connection.client.place());

        let (doubts, doubtful) = mpsc::channel(1);
        let session = Arc::new(Session {
            client: Arc::clone(&connection.client),
            options: Arc::clone(&options),
            publisher: publisher.clone(),
            warnings: Arc::clone(&warnings),
            doubts,
            stop: shutdown.child_token(),
        });
        let polls = session.start();
        let end = session.stop.run_until_cancelled(connector.watch(&mut connection, doubtful, &warnings)).await;
        session.stop.cancel();
        join(polls).await;
        if let Some(why) = end {
            warn!("node {}: {why}; looking for it", publisher.node());
        }
        last = Some(connection);
    }
    Ok(())
}

/// Waits until all polls have ended, which they do soon after they were stopped: an event that is being published gets through.
async fn join(mut polls: JoinSet<()>) {
    while let Some(outcome) = polls.join_next().await {
        if let Err(e) = outcome {
            error!("the polling of an RPC method broke down: {e}");
        }
    }
}
