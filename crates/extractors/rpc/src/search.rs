//! Where the node is: looking for it until its RPC server answers, and noticing when that run of it is over.

use std::sync::Arc;
use std::time::Duration;

use node::rpc::{RpcClient, RpcError};
use node::{LocateError, Located, SaidOnce, Target};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::Error;
use crate::poll::{Doubt, Told};

/// Pause between two looks for a node that is not there. Short, since a node that is back is to be observed at once, and a look costs little.
const LOOK: Duration = Duration::from_millis(250);

/// The same for a node elsewhere, after some time.
const LOOK_FAR: Duration = Duration::from_secs(1);

/// How often to check that the node is still the same run of it.
const CHECK: Duration = Duration::from_secs(1);

/// How long a node may take to answer the simplest of questions.
const PROBE: Duration = Duration::from_secs(5);

/// For how long a trouble must last to be told: a node that starts passes through several within a second.
const SETTLED: Duration = Duration::from_secs(2);

/// How much less than expected `uptime` may be without a restart, in seconds.
const UPTIME_SLACK: u64 = 5;

/// A node whose RPC server answers.
pub(crate) struct Found {
    pub client: Arc<RpcClient>,
    /// Process id and start time; none for a node elsewhere.
    process: Option<(u32, u64)>,
    /// What it answered to `uptime`, and when; none if we may not ask.
    uptime: Option<(u64, Instant)>,
}

impl Found {
    /// Whether this is the same run of the node as `earlier` was.
    pub(crate) fn continues(&self, earlier: &Self) -> bool {
        match (self.process, earlier.process) {
            (None, None) => self.uptime.is_some_and(|(uptime, _)| earlier.is_as_old(uptime)),
            (now, then) => now == then,
        }
    }

    /// Whether a node with this uptime can be the run that was found.
    fn is_as_old(&self, uptime: u64) -> bool {
        self.uptime.is_some_and(|(then, at)| uptime + UPTIME_SLACK >= then + at.elapsed().as_secs())
    }
}

/// Why a look for the node found none.
enum Trouble {
    /// It is about to answer.
    Starting,
    /// No waiting helps.
    Hopeless(Error),
    /// What is wrong, and what would help.
    Other(String),
}

/// Looks for the node, and keeps an eye on it.
pub(crate) struct Search {
    target: Target,
    node: String,
    said: SaidOnce,
}

impl Search {
    pub(crate) fn new(target: Target, node: &str) -> Self {
        Self { target, node: node.to_owned(), said: SaidOnce::after(SETTLED) }
    }

    /// Waits until the node's RPC server answers.
    ///
    /// # Errors
    /// What no waiting can mend.
    pub(crate) async fn find(&mut self) -> Result<Found, Error> {
        let mut pause = LOOK;
        loop {
            match self.look().await {
                Ok(found) => {
                    self.said.over();
                    return Ok(found);
                }
                Err(Trouble::Starting) => self.said.over(),
                Err(Trouble::Hopeless(error)) => return Err(error),
                Err(Trouble::Other(text)) => self.said.trouble(&self.node, text),
            }
            sleep(pause).await;
            if self.target.is_remote() {
                pause = (pause * 3 / 2).min(LOOK_FAR);
            }
        }
    }

    async fn look(&self) -> Result<Found, Trouble> {
        let hopeless = |source| Trouble::Hopeless(Error::Client { node: self.node.clone(), source });
        let located = self.locate().await.map_err(|error| self.judge(error))?;
        let client = RpcClient::of(&located).map_err(hopeless)?.ok_or_else(|| {
            Trouble::Other("its RPC server is off or not known; put server=1 in bitcoin.conf, or pass --rpc".to_owned())
        })?;
        let client = Arc::new(client);
        let uptime = match probe(&client).await {
            Ok(uptime) => uptime,
            Err(RpcError::WarmingUp { .. }) => return Err(Trouble::Starting),
            Err(error) if located.foreign_network && error.is_away() => {
                return Err(Trouble::Other(format!(
                    "{error}; the node is in another network namespace (a container?): publish its RPC port here, or pass --rpc"
                )));
            }
            Err(error) => return Err(Trouble::Other(error.to_string())),
        };
        Ok(Found { client, process: process(&located), uptime })
    }

    async fn locate(&self) -> Result<Located, LocateError> {
        let target = self.target.clone();
        // It reads files, some perhaps on a slow disk.
        let located = tokio::task::spawn_blocking(move || target.locate()).await;
        located.unwrap_or_else(|_| Ok(Located::default())) // the runtime is shutting down
    }

    fn judge(&self, source: LocateError) -> Trouble {
        match source {
            LocateError::Name(_) | LocateError::HalfLogin => {
                Trouble::Hopeless(Error::Target { node: self.node.clone(), source })
            }
            source => Trouble::Other(source.to_string()),
        }
    }

    /// Waits until the run of the node that was `found` is over, and says how it ended.
    pub(crate) async fn watch(&self, found: &mut Found, mut doubts: mpsc::Receiver<Doubt>, told: &Told) -> String {
        let mut ticks = interval(CHECK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let doubt = tokio::select! {
                _ = ticks.tick() => None,
                doubt = doubts.recv() => doubt,
            };
            if let Some(end) = self.check_process(found).await {
                return end;
            }
            // A node of this machine is asked only when there is a reason to.
            if found.process.is_some() && doubt.is_none() {
                continue;
            }
            if let Some(end) = check_answer(found, doubt.is_some()).await {
                return end;
            }
            if let Some(Doubt { method, error }) = doubt {
                told.failed(&self.node, method, &error);
            }
        }
    }

    /// How the run ended, if its process is another than the one found.
    async fn check_process(&self, found: &Found) -> Option<String> {
        let (pid, _) = found.process?;
        // If it can't be told now, as with a second node that fits the target, the calls will show.
        let now = self.locate().await.ok()?;
        if process(&now) == found.process {
            return None;
        }
        Some(match now.pid {
            Some(now) if now != pid => format!("it was restarted: process {pid} is gone, {now} is there"),
            Some(_) => "it was restarted".to_owned(),
            None => format!("its process {pid} ended"),
        })
    }
}

/// How the run ended, if the node does not answer any more, or tells a lower uptime than it must have.
async fn check_answer(found: &mut Found, doubtful: bool) -> Option<String> {
    // The node logs what is forbidden.
    if found.uptime.is_none() && !doubtful {
        return None;
    }
    match probe(&found.client).await {
        Ok(Some((uptime, _))) if found.uptime.is_some() && !found.is_as_old(uptime) => {
            Some(format!("it was restarted {uptime} s ago"))
        }
        Ok(uptime) => {
            found.uptime = uptime;
            None
        }
        Err(RpcError::WarmingUp { .. }) => Some("it was restarted".to_owned()),
        Err(error) if error.is_away() => Some(format!("lost: {error}")),
        Err(_) => None,
    }
}

/// Asks the node for its uptime. None if it answers, but not that.
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

fn process(located: &Located) -> Option<(u32, u64)> {
    located.pid.zip(located.started)
}
