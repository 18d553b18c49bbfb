//! Reaching the node: waiting until its RPC server answers, and noticing when that run of the node is over.

use std::sync::Arc;
use std::time::Duration;

use node::rpc::{RpcClient, RpcError};
use node::{Discovery, Located, NotFound, Target};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::Error;
use crate::poll::{Doubt, Warnings};

/// Pause between two looks for a node that is not there. It is short, since a node that is back is to be observed at once, and a look costs little.
const PAUSE: Duration = Duration::from_millis(250);

/// How often to check that the node is still in the same run.
const CHECK: Duration = Duration::from_secs(1);

/// How long a node may take to answer `uptime`.
const PROBE: Duration = Duration::from_secs(5);

/// For how long a trouble must last to be logged: a node that starts passes through several within a second.
const SETTLED: Duration = Duration::from_secs(2);

/// How much less than expected `uptime` may be without a restart, in seconds.
const UPTIME_SLACK: u64 = 5;

/// A node whose RPC server answers, in one run of it.
pub(crate) struct Connection {
    pub client: Arc<RpcClient>,
    /// Process id and start time; none for a node on another machine.
    process: Option<(u32, u64)>,
    /// What it answered to `uptime`, in seconds, and when; none if we may not call that.
    uptime: Option<(u64, Instant)>,
}

impl Connection {
    /// Whether this is the same run of the node as that of an earlier connection.
    pub(crate) fn continues(&self, earlier: &Self) -> bool {
        match (self.process, earlier.process) {
            (None, None) => self.uptime.is_some_and(|(uptime, _)| earlier.is_as_old(uptime)),
            (now, then) => now == then,
        }
    }

    /// Whether a node with this uptime, in seconds, can be in the run of this connection.
    fn is_as_old(&self, uptime: u64) -> bool {
        self.uptime.is_some_and(|(then, at)| {
            uptime.saturating_add(UPTIME_SLACK) >= then.saturating_add(at.elapsed().as_secs())
        })
    }

    /// How the run ended, if the node does not answer any more, or reports a lower uptime than it must have. `doubtful`: a call has failed.
    async fn check_answer(&mut self, doubtful: bool) -> Option<String> {
        // The node logs calls that are forbidden.
        if self.uptime.is_none() && !doubtful {
            return None;
        }
        match probe(&self.client).await {
            Ok(Some((uptime, _))) if self.uptime.is_some() && !self.is_as_old(uptime) => {
                Some(format!("it was restarted {uptime} s ago"))
            }
            Ok(uptime) => {
                self.uptime = uptime;
                None
            }
            Err(RpcError::WarmingUp { .. }) => Some("it was restarted".to_owned()),
            Err(error) if error.is_away() => Some(format!("lost: {error}")),
            Err(_) => None,
        }
    }
}

/// Connects to a node, and watches the connection.
pub(crate) struct Connector {
    discovery: Discovery,
}

impl Connector {
    /// For the node `target`, which is called `node` in the log.
    pub(crate) fn new(target: Target, node: &str) -> Self {
        Self { discovery: Discovery::new(target, node, PAUSE, SETTLED) }
    }

    /// Waits until the node's RPC server answers.
    ///
    /// # Errors
    /// What no waiting can mend.
    pub(crate) async fn connect(&mut self) -> Result<Connection, Error> {
        loop {
            let outcome = try_connect(&self.discovery).await;
            if let Some(connection) = self.discovery.note(outcome)? {
                return Ok(connection);
            }
            self.discovery.pause().await;
        }
    }

    /// Waits until the run of the node that `connection` reaches is over, and returns how it ended.
    pub(crate) async fn watch(
        &self,
        connection: &mut Connection,
        mut doubts: mpsc::Receiver<Doubt>,
        warnings: &Warnings,
    ) -> String {
        let mut ticks = interval(CHECK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let doubt = tokio::select! {
                _ = ticks.tick() => None,
                doubt = doubts.recv() => doubt,
            };
            if let Some(end) = self.check_process(connection).await {
                return end;
            }
            // A node on this machine is called only when there is a reason to.
            if connection.process.is_some() && doubt.is_none() {
                continue;
            }
            if let Some(end) = connection.check_answer(doubt.is_some()).await {
                return end;
            }
            if let Some(Doubt { method, error }) = doubt {
                warnings.failed(self.discovery.node(), method, &error);
            }
        }
    }

    /// How the run ended, if the node's process is another than the one of the connection.
    async fn check_process(&self, connection: &Connection) -> Option<String> {
        let (pid, _) = connection.process?;
        // If it can't be found out now, as with a second node that fits the target, failing calls will show it.
        let now = self.discovery.locate_in_background(Ok::<_, NotFound<Error>>).await.ok()?;
        if process(&now) == connection.process {
            return None;
        }
        Some(match now.pid {
            Some(now) if now != pid => format!("it was restarted: process {pid} is gone, {now} is there"),
            Some(_) => "it was restarted".to_owned(),
            None => format!("its process {pid} ended"),
        })
    }
}

/// Connects to the node if its RPC server answers now.
async fn try_connect(discovery: &Discovery) -> Result<Connection, NotFound<Error>> {
    let located = discovery.locate_in_background(Ok::<_, NotFound<Error>>).await?;
    let client = RpcClient::of(&located)
        .map_err(|source| NotFound::Permanent(Error::Client { node: discovery.node().to_owned(), source }))?;
    let client = Arc::new(client.ok_or_else(|| {
        NotFound::temporary(
            "its RPC server is off or not known; put server=1 at the top of bitcoin.conf, or pass --rpc",
        )
    })?);
    let uptime = match probe(&client).await {
        Ok(uptime) => uptime,
        Err(RpcError::WarmingUp { .. }) => return Err(NotFound::Starting),
        Err(error) if located.foreign_network && error.is_away() => {
            return Err(NotFound::Temporary(format!(
                "{error}; the node is in another network namespace (a container?): publish its RPC port here, or pass --rpc"
            )));
        }
        Err(error) => return Err(NotFound::temporary(error)),
    };
    Ok(Connection { client, process: process(&located), uptime })
}

/// The node's uptime in seconds, and when it answered. None if it answers, but not with that.
///
/// # Errors
/// The node does not answer.
async fn probe(client: &RpcClient) -> Result<Option<(u64, Instant)>, RpcError> {
    match client.call::<u64>("uptime", &[], PROBE).await {
        Ok(uptime) => Ok(Some((uptime, Instant::now()))),
        Err(
            RpcError::Forbidden { .. } | RpcError::NoMethod { .. } | RpcError::Node { .. } | RpcError::Malformed { .. },
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Process id and start time of a node that runs on this machine.
fn process(located: &Located) -> Option<(u32, u64)> {
    located.pid.zip(located.started)
}
