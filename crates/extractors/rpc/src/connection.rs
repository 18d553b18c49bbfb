//! Reaching the node: waiting until its RPC server answers, and noticing when that run of the node is over.

use std::sync::Arc;
use std::time::Duration;

use bus::Publisher;
use event::pb::observer::node_state::State;
use ipc::IpcError;
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

/// How long a node may take to answer `uptime`, which needs nothing but a free thread of its RPC server. After this time it is hanging.
const PROBE: Duration = Duration::from_millis(2_500);

/// The same for a node that is looked for.
const FIRST_PROBE: Duration = Duration::from_secs(5);

/// For how long a trouble must last to be logged: a node that starts passes through several within a second.
const SETTLED: Duration = Duration::from_secs(2);

/// When a node whose process can't be seen is asked by IPC again whether it carries out RPCs.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// How much less than expected `uptime` may be without a restart, in seconds.
const UPTIME_SLACK: u64 = 5;

/// A node that answers RPCs, in one run of it.
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

    /// How the run ended, if the node does not answer any more, or reports a lower uptime than it must have. One that answers too late is
    /// hanging, which is no end. `doubtful`: a call has failed.
    async fn check_answer(&mut self, doubtful: bool, publisher: &Publisher) -> Option<String> {
        // The node logs calls that are forbidden.
        if self.uptime.is_none() && !doubtful {
            return None;
        }
        match probe(&self.client, PROBE).await {
            Ok(Some((uptime, _))) if self.uptime.is_some() && !self.is_as_old(uptime) => {
                Some(format!("it was restarted {uptime} s ago"))
            }
            Ok(uptime) => {
                self.uptime = uptime;
                publisher.node_is_up();
                None
            }
            Err(RpcError::WarmingUp { .. }) => Some("it was restarted".to_owned()),
            Err(error) => {
                let state = state(&error);
                publisher.node_is(state, Some(brief(&error.to_string())));
                (error.is_away() && state != State::Hanging).then(|| format!("lost: {error}"))
            }
        }
    }
}

/// The state of a node at which a call fails like this.
fn state(error: &RpcError) -> State {
    match error {
        RpcError::Refused { .. } | RpcError::Unreachable { .. } | RpcError::Interrupted { .. } => State::Unreachable,
        RpcError::Timeout { .. } => State::Hanging,
        RpcError::Unauthorized { .. } | RpcError::Forbidden { .. } => State::Denied,
        RpcError::WarmingUp { .. } => State::Starting,
        RpcError::Busy { .. }
        | RpcError::NoMethod { .. }
        | RpcError::Node { .. }
        | RpcError::Malformed { .. }
        | RpcError::TooLarge { .. }
        | RpcError::Ipc(IpcError::Failed { .. }) => State::Up,
        RpcError::Ipc(IpcError::Unreachable { .. } | IpcError::Lost { .. }) => State::Unreachable,
        RpcError::Ipc(IpcError::Busy { .. }) => State::Hanging,
        RpcError::Ipc(IpcError::Forbidden { .. }) => State::Denied,
        _ => State::Unreadable,
    }
}

/// What is wrong, without what would help.
fn brief(text: &str) -> &str {
    text.split_once("; ").map_or(text, |(what, _)| what)
}

/// Connects to a node, and watches the connection.
pub(crate) struct Connector {
    discovery: Discovery,
    publisher: Publisher,
    /// The process that was last known to run the node.
    process: Option<u32>,
    by_ipc: ByIpc,
}

impl Connector {
    /// For the node `target`, whose events and states go to `publisher`.
    pub(crate) fn new(target: Target, publisher: Publisher) -> Self {
        let discovery = Discovery::new(target, publisher.node(), PAUSE, SETTLED);
        Self { discovery, publisher, process: None, by_ipc: ByIpc::default() }
    }

    /// Waits until the node's RPC server answers.
    ///
    /// # Errors
    /// What no waiting can mend.
    pub(crate) async fn connect(&mut self) -> Result<Connection, Error> {
        loop {
            let outcome = try_connect(&self.discovery, &mut self.by_ipc).await.map_err(|away| {
                self.report(&away);
                away.why
            });
            if let Some(connection) = self.discovery.note(outcome)? {
                self.process = connection.process.map(|(pid, _)| pid);
                self.publisher.node_is_up();
                return Ok(connection);
            }
            self.discovery.pause().await;
        }
    }

    /// Says why the node is not there.
    fn report(&self, away: &Away) {
        match (self.process, &away.why) {
            (Some(pid), _) if !away.runs => self.is_gone(pid),
            (_, NotFound::Starting) => self.publisher.node_is(State::Starting, None),
            (_, NotFound::Temporary(text)) => self.publisher.node_is(away.state, Some(brief(text))),
            (_, NotFound::Permanent(error)) => self.publisher.node_is(away.state, Some(&error.to_string())),
        }
    }

    fn is_gone(&self, pid: u32) {
        self.publisher.node_is(State::Gone, Some(&format!("process {pid} has ended")));
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
            if let Some(end) = connection.check_answer(doubt.is_some(), &self.publisher).await {
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
            None => {
                self.is_gone(pid);
                format!("its process {pid} ended")
            }
        })
    }
}

/// The node is not there, or does not let us in.
struct Away {
    why: NotFound<Error>,
    state: State,
    /// It has a process on this machine.
    runs: bool,
    /// Its RPC server will answer in a moment, or the node is not there at all.
    passes: bool,
}

/// Connects to the node if it answers RPCs now: by its RPC server, else by its IPC interface where that carries them out.
async fn try_connect(discovery: &Discovery, by_ipc: &mut ByIpc) -> Result<Connection, Away> {
    let located = discovery.locate_in_background(Ok::<_, NotFound<Error>>).await;
    let located = located.map_err(|why| Away { why, state: State::Unreadable, runs: false, passes: false })?;
    match by_http(discovery.node(), &located).await {
        Err(away) if !away.passes => by_ipc.connect(&located).await.ok_or(away),
        outcome => outcome,
    }
}

async fn by_http(node: &str, located: &Located) -> Result<Connection, Away> {
    let runs = located.pid.is_some();
    let away = |state, why, passes| Away { why, state, runs, passes };
    let client = RpcClient::of(located).map_err(|source| {
        let error = Error::Client { node: node.to_owned(), source };
        away(State::Unreadable, NotFound::Permanent(error), true)
    })?;
    let client = Arc::new(client.ok_or_else(|| {
        let off = "its RPC server is off or not known; put server=1 at the top of bitcoin.conf, or pass --rpc";
        away(State::Unreadable, NotFound::temporary(off), false)
    })?);
    let uptime = match probe(&client, FIRST_PROBE).await {
        Ok(uptime) => uptime,
        Err(RpcError::WarmingUp { .. }) => return Err(away(State::Starting, NotFound::Starting, true)),
        Err(error) if located.foreign_network && error.is_away() => {
            let why = NotFound::Temporary(format!(
                "{error}; the node is in another network namespace (a container?): publish its RPC port here, or pass --rpc"
            ));
            return Err(away(State::Unreadable, why, false));
        }
        // A node that is stopped removes its cookie.
        Err(error @ RpcError::Cookie { .. }) if !runs => {
            return Err(away(State::Unreachable, NotFound::temporary(error), true));
        }
        Err(error) => {
            // A node that starts or stops is not asked in another way.
            let passes = matches!(
                error,
                RpcError::Refused { .. }
                    | RpcError::Interrupted { .. }
                    | RpcError::Timeout { .. }
                    | RpcError::Busy { .. }
            );
            return Err(away(state(&error), NotFound::temporary(error), passes));
        }
    };
    Ok(Connection { client, process: process(located), uptime })
}

/// Connecting by IPC, which nodes of v30 and v31 have without RPCs: those are not asked again.
#[derive(Default)]
struct ByIpc {
    /// The process that carries out none, and when it was asked.
    without: Option<(Option<(u32, u64)>, Instant)>,
}

impl ByIpc {
    /// Connects to the first of the node's sockets by which it answers.
    async fn connect(&mut self, located: &Located) -> Option<Connection> {
        let process = process(located);
        if self.without.is_some_and(|(of, at)| of == process && (process.is_some() || at.elapsed() < ASK_AGAIN)) {
            return None;
        }
        for socket in &located.ipc {
            let Ok(connected) = ipc::Client::connect(socket).await else { continue };
            let client = Arc::new(RpcClient::by_ipc(connected));
            match probe(&client, FIRST_PROBE).await {
                Ok(uptime) => return Some(Connection { client, process, uptime }),
                Err(_) => self.without = Some((process, Instant::now())),
            }
        }
        None
    }
}

/// The node's uptime in seconds, and when it answered. None if it answers, but not with that.
///
/// # Errors
/// The node does not answer.
async fn probe(client: &RpcClient, within: Duration) -> Result<Option<(u64, Instant)>, RpcError> {
    match client.call::<u64>("uptime", &[], within).await {
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
