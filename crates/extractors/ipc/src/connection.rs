//! Reaching the node's socket, and how long to wait before the next attempt.

use std::time::Duration;

use bus::Publisher;
use event::pb::observer::node_state::State;
use ipc::{Client, IpcError};
use node::{Discovery, Located, NotFound, Target};
use tokio::time::{Instant, sleep_until};

use crate::Error;

/// Pause between two looks for a socket that is not there.
const PAUSE: Duration = Duration::from_millis(250);

/// For how long a trouble must last to be logged: a node that is restarted is away for a while.
const SETTLED: Duration = Duration::from_secs(2);

/// After a connection that failed soon, the next is made so much later, and twice as long each time it fails again: nodes of v30 may suffer from clients that come and go.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// A connection that held so long did not fail soon.
const HELD: Duration = Duration::from_secs(10);

const NO_SOCKET: &str = "it has no IPC socket, or none that is known; put ipcbind=unix in its bitcoin.conf and start it as `bitcoin node` (or \
     bitcoin-node; bitcoind has no IPC), or pass --ipc";

/// A connection to a run of the node.
pub(crate) struct Connection {
    pub client: Client,
    /// Process id and start time; none if its process can't be seen.
    pub process: Option<(u32, u64)>,
}

/// Connects to a node.
pub(crate) struct Connector {
    discovery: Discovery,
    publisher: Publisher,
    connected: Option<Instant>,
    backoff: Duration,
    not_before: Option<Instant>,
}

impl Connector {
    pub(crate) fn new(target: Target, publisher: Publisher) -> Self {
        let discovery = Discovery::new(target, publisher.node(), PAUSE, SETTLED);
        Self { discovery, publisher, connected: None, backoff: FIRST_BACKOFF, not_before: None }
    }

    /// Waits until the node's socket can be connected to.
    ///
    /// # Errors
    /// What no waiting can mend.
    pub(crate) async fn connect(&mut self) -> Result<Connection, Error> {
        if let Some(not_before) = self.not_before.take() {
            sleep_until(not_before).await;
        }
        loop {
            let outcome = self.try_connect().await;
            if let Some(connection) = self.discovery.note(outcome)? {
                self.connected = Some(Instant::now());
                return Ok(connection);
            }
            self.discovery.pause().await;
        }
    }

    /// Takes how a connection ended.
    pub(crate) fn failed(&mut self, error: &IpcError) {
        let held = self.connected.take().is_some_and(|connected| connected.elapsed() > HELD);
        if held {
            self.backoff = FIRST_BACKOFF;
        }
        // A node that has stopped has no socket: looking for that does it no harm.
        if !held || !error.is_away() {
            self.not_before = Some(Instant::now() + self.backoff);
            self.backoff = (self.backoff * 2).min(MAX_BACKOFF);
        }
    }

    async fn try_connect(&self) -> Result<Connection, NotFound<Error>> {
        let located = self.discovery.locate_in_background(Ok::<_, NotFound<Error>>).await?;
        let Located { pid, started, ipc, .. } = &located;
        if ipc.is_empty() {
            self.publisher.node_is(State::Unreadable, Some("it has no IPC socket, or none that is known"));
            return Err(NotFound::temporary(NO_SOCKET));
        }
        let mut trouble = None;
        for socket in ipc {
            match Client::connect(socket).await {
                Ok(client) => return Ok(Connection { client, process: pid.zip(*started) }),
                Err(error) => trouble = Some(error),
            }
        }
        let Some(trouble) = trouble else { return Err(NotFound::Starting) };
        self.publisher.node_is(state(&trouble, pid.is_some()), Some(brief(&trouble.to_string())));
        Err(NotFound::temporary(trouble))
    }
}

/// The state of a node whose socket cannot be used.
pub(crate) fn state(error: &IpcError, runs: bool) -> State {
    match error {
        IpcError::Unreachable { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => State::Denied,
        IpcError::Unreachable { .. } if runs => State::Unreadable,
        IpcError::Unreachable { .. } | IpcError::Lost { .. } => State::Unreachable,
        _ => State::Unreadable,
    }
}

/// What is wrong, without what would help.
pub(crate) fn brief(text: &str) -> &str {
    text.split_once("; ").map_or(text, |(what, _)| what)
}
