//! Waiting for the node's process.

use std::path::PathBuf;
use std::time::Duration;

use bus::Publisher;
use event::pb::observer::node_state::State;
use event::time;
use node::{Discovery, Located, NotFound, Target};
use tracing::warn;

use crate::Error;
use crate::host::Host;
use crate::proc::{self, TICKS_PER_SECOND};

/// Pause between two looks for a node that is not there. A look takes milliseconds.
const PAUSE: Duration = Duration::from_millis(500);

/// For how long a trouble must last to be logged: a node that is restarted is away for a while.
const SETTLED: Duration = Duration::from_secs(2);

/// What may be wrong if there is no process, and what helps.
const NOT_SEEN: &str = "its process is not to be seen; start the node, or, if it runs in another container or is hidden by \
     /proc's option hidepid, run `peer-observer extract process` where it can be seen, as its user or as root";

const NANOSECONDS_PER_TICK: u64 = 1_000_000_000 / TICKS_PER_SECOND;

/// A node that runs, and what its process is.
#[derive(Clone, Debug)]
pub(crate) struct RunningNode {
    pub pid: u32,
    /// When the process was started, in clock ticks since the machine was. With the pid it identifies the process.
    pub started: u64,
    /// The same in nanoseconds since the UNIX epoch; 0 if that is not known.
    pub started_ns: u64,
    /// User that the process runs as.
    pub owner: Option<String>,
    /// The chain's data directory.
    pub datadir: Option<PathBuf>,
    pub debug_log: Option<PathBuf>,
}

impl RunningNode {
    pub(crate) fn id(&self) -> (u32, u64) {
        (self.pid, self.started)
    }
}

/// What looks for the process of `target`, which is called `node` in the log.
pub(crate) fn discovery(host: &Host, target: Target, node: &str) -> Discovery {
    Discovery::on(host.machine.clone(), target, node, PAUSE, SETTLED)
}

/// Waits until the node's process is there. `publisher` gets that it is not to be seen.
///
/// # Errors
/// What no waiting can mend.
pub(crate) async fn wait_for_process(
    discovery: &mut Discovery,
    host: &Host,
    publisher: Option<&Publisher>,
) -> Result<RunningNode, Error> {
    let unseen = |why| publisher.into_iter().for_each(|publisher| publisher.node_is(State::Unreadable, Some(why)));
    if discovery.target().is_remote() {
        if let Err(NotFound::Permanent(error)) = discovery.locate() {
            return Err(error);
        }
        warn!(
            "node {}: it is on another machine, and so is its process; run `peer-observer extract process` there (logged once)",
            discovery.node()
        );
        unseen("it is on another machine, and so is its process");
        // What is configured of it does not change.
        std::future::pending::<()>().await;
    }
    loop {
        let here = host.clone();
        let outcome = discovery.locate_in_background(move |located| running(&here, located)).await;
        if let Some(running) = discovery.note(outcome)? {
            return Ok(running);
        }
        unseen("its process is not to be seen");
        discovery.pause().await;
    }
}

/// The node's process, if there is one to be seen.
fn running(host: &Host, located: Located) -> Result<RunningNode, NotFound<Error>> {
    let id = located.pid.zip(located.started);
    let alive = |pid| proc::stat(&host.process(pid)).is_ok_and(|stat| !stat.ended);
    let (pid, started) = id.filter(|(pid, _)| alive(*pid)).ok_or_else(|| NotFound::temporary(NOT_SEEN))?;
    let age = proc::uptime(&host.uptime()).map(|uptime| uptime.saturating_sub(started));
    let started_ns = age.map(|ticks| time::now_ns().saturating_sub(ticks.saturating_mul(NANOSECONDS_PER_TICK)));
    Ok(RunningNode {
        pid,
        started,
        started_ns: started_ns.unwrap_or(0),
        owner: located.owner,
        datadir: located.net_datadir,
        debug_log: located.debug_log,
    })
}
