//! Where the node's process is.

use std::path::PathBuf;
use std::time::Duration;

use event::time;
use node::{LocateError, Located, SaidOnce, Target};
use tokio::time::sleep;
use tracing::warn;

use crate::Error;
use crate::host::Host;
use crate::proc::{self, TICKS_PER_SECOND};

/// Pause between two looks for a node that is not there. A look takes milliseconds.
const LOOK: Duration = Duration::from_millis(500);

/// For how long a trouble must last to be told: a node that is restarted is away for a while.
const SETTLED: Duration = Duration::from_secs(2);

/// What may be wrong if there is no process, and what helps.
const NOT_SEEN: &str = "its process is not to be seen; start the node, or, if it runs in another container or is hidden by \
     /proc's option hidepid, run `peer-observer extract process` where it can be seen, as its user or as root";

const NANOSECONDS_PER_TICK: u64 = 1_000_000_000 / TICKS_PER_SECOND;

/// A node's process.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub pid: u32,
    /// Clock ticks since the machine was started; with the pid it identifies the process.
    pub started: u64,
    /// The same in nanoseconds since the UNIX epoch; 0 if that can't be told.
    pub started_ns: u64,
    /// User that it runs as.
    pub owner: Option<String>,
    /// The chain's data directory.
    pub datadir: Option<PathBuf>,
    pub debug_log: Option<PathBuf>,
}

impl Found {
    pub(crate) fn id(&self) -> (u32, u64) {
        (self.pid, self.started)
    }
}

/// Looks for a node's process.
pub(crate) struct Search {
    host: Host,
    target: Target,
    node: String,
    said: SaidOnce,
}

impl Search {
    pub(crate) fn new(host: Host, target: Target, node: &str) -> Self {
        Self { host, target, node: node.to_owned(), said: SaidOnce::after(SETTLED) }
    }

    /// Waits until the node's process is there.
    ///
    /// # Errors
    /// What no waiting can mend.
    pub(crate) async fn find(&mut self) -> Result<Found, Error> {
        loop {
            let (host, target) = (self.host.clone(), self.target.clone());
            // It reads files, some perhaps on a slow disk.
            let looked = tokio::task::spawn_blocking(move || look(&host, &target)).await;
            let trouble = match looked.map_err(crate::at_shutdown).unwrap_or(Ok(None)) {
                Ok(Some(found)) => {
                    self.said.over();
                    return Ok(found);
                }
                Ok(None) => NOT_SEEN.to_owned(),
                Err(source @ (LocateError::Name(_) | LocateError::HalfLogin)) => {
                    return Err(Error::Target { node: self.node.clone(), source });
                }
                Err(source) => source.to_string(),
            };
            if self.target.is_remote() {
                warn!(
                    "node {}: it is on another machine, and so is its process; run `peer-observer extract process` \
                     there (said once)",
                    self.node
                );
                std::future::pending::<()>().await; // what is told of it does not change
            }
            self.said.trouble(&self.node, trouble);
            sleep(LOOK).await;
        }
    }
}

/// The process, if there is one to be seen.
fn look(host: &Host, target: &Target) -> Result<Option<Found>, LocateError> {
    let located = target.locate_on(&host.machine)?;
    let id = located.pid.zip(located.started);
    let alive = |pid| proc::stat(&host.process(pid)).is_ok_and(|stat| !stat.ended);
    Ok(id.filter(|(pid, _)| alive(*pid)).map(|id| found(host, id, located)))
}

fn found(host: &Host, (pid, started): (u32, u64), located: Located) -> Found {
    let age = proc::uptime(&host.uptime()).map(|uptime| uptime.saturating_sub(started));
    let started_ns = age.map(|ticks| time::now_ns().saturating_sub(ticks.saturating_mul(NANOSECONDS_PER_TICK)));
    Found {
        pid,
        started,
        started_ns: started_ns.unwrap_or(0),
        owner: located.owner,
        datadir: located.net_datadir,
        debug_log: located.debug_log,
    }
}
