//! Polls a node's RPC server and publishes what it answers.
//!
//! RPCs tell what no other interface does: the state of every peer, of the mempool, of the address manager. Each method
//! is polled by a task of its own, so that a slow one delays no other. A node may stop, move and come back at any
//! time: it is looked for until it answers, watched while it does, and what it says after a restart is a new run.

mod convert;
mod method;
mod options;
mod poll;
mod search;

use std::sync::Arc;

use bus::Publisher;
use node::rpc::RpcError;
use node::{LocateError, Target};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use crate::method::methods;
pub use crate::options::{Options, UnknownMethod};

use crate::poll::{Session, Told};
use crate::search::{Found, Search};

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
    /// There is no HTTP client.
    #[error("node {node}: {source}")]
    Client {
        /// Name of the node.
        node: String,
        /// What is wrong.
        source: RpcError,
    },
}

/// Polls the RPC server of `target` until shutdown, and waits for the node whenever it is not there. Calls that are under way
/// at shutdown are abandoned. The caller ends the publisher's run.
///
/// Counted in the publisher's accounts: `rpc_calls` and `rpc_seconds` (their durations) by method, `rpc_errors` by
/// `method:kind`.
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
    let told = Arc::new(Told::default());
    let mut search = Search::new(target, publisher.node());
    let mut last: Option<Found> = None;
    while let Some(found) = shutdown.run_until_cancelled(search.find()).await {
        let mut found = found?;
        let again = last.take().is_some_and(|last| !found.continues(&last));
        if again {
            publisher.new_run().await;
        }
        let run = if again { ", a new run of it" } else { "" };
        info!("node {}: RPC server at {} answers{run}", publisher.node(), found.client.address());

        let (doubts, doubtful) = mpsc::channel(1);
        let session = Arc::new(Session {
            client: Arc::clone(&found.client),
            options: Arc::clone(&options),
            publisher: publisher.clone(),
            told: Arc::clone(&told),
            doubts,
            stop: shutdown.child_token(),
        });
        let polls = session.start();
        let end = session.stop.run_until_cancelled(search.watch(&mut found, doubtful, &told)).await;
        session.stop.cancel();
        join(polls).await;
        if let Some(why) = end {
            warn!("node {}: {why}; looking for it", publisher.node());
        }
        last = Some(found);
    }
    Ok(())
}

/// Waits until all polls have ended, which they do soon after they are told: an event that is being published gets through.
async fn join(mut polls: JoinSet<()>) {
    while let Some(outcome) = polls.join_next().await {
        if let Err(e) = outcome {
            error!("the polling of an RPC method broke down: {e}");
        }
    }
}
