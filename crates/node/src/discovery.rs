//! Waiting for a node until it is there, which all extractors do that reach a node by its files, process or RPC server.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::sleep;

use crate::{Host, LocateError, Located, Target, WarnOnce};

/// The longest pause between two looks for a node on another machine. Shorter ones would only fill its log or its network.
const REMOTE_PAUSE: Duration = Duration::from_secs(1);

/// What is configured of a node contradicts itself, so that no waiting helps.
#[derive(Debug, thiserror::Error)]
#[error("node {node}: {source}")]
pub struct TargetError {
    /// Name of the node.
    pub node: String,
    /// What is wrong, and what to change.
    pub source: LocateError,
}

/// Why a look for a node did not find it.
#[derive(Debug)]
pub enum NotFound<E> {
    /// The node is starting: it will be there in a moment, and there is nothing to warn of.
    Starting,
    /// What is wrong, and what would help. It may pass.
    Temporary(String),
    /// No waiting helps.
    Permanent(E),
}

/// Looks for one node again and again, and warns once of a trouble that lasts.
#[derive(Debug)]
pub struct Discovery {
    machine: Host,
    target: Target,
    node: String,
    pause: Duration,
    next_pause: Duration,
    warnings: WarnOnce,
}

impl Discovery {
    /// Looks for `target`, which is called `node` in the log. There are pauses of `pause` between two looks; a trouble is logged when it has lasted for
    /// `settled`, since a node that is restarted passes through several within a moment.
    #[must_use]
    pub fn new(target: Target, node: &str, pause: Duration, settled: Duration) -> Self {
        Self::on(Host::this(), target, node, pause, settled)
    }

    /// [`Discovery::new`] on another machine than this, as tests have it.
    #[must_use]
    pub fn on(machine: Host, target: Target, node: &str, pause: Duration, settled: Duration) -> Self {
        Self { machine, target, node: node.to_owned(), pause, next_pause: pause, warnings: WarnOnce::after(settled) }
    }

    /// The node that is looked for.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Its name in the log.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Locates the node now. It reads files and /proc, which takes milliseconds, or more where a disk is slow: it is for threads that may block.
    ///
    /// # Errors
    /// [`NotFound::Permanent`] if the target contradicts itself, else [`NotFound::Temporary`].
    pub fn locate<E: From<TargetError>>(&self) -> Result<Located, NotFound<E>> {
        locate(&self.machine, &self.target, &self.node)
    }

    /// Locates the node in a thread that may block, and makes of it there what `then` makes.
    ///
    /// # Errors
    /// Those of [`Discovery::locate`] and of `then`. At the end of the runtime, [`NotFound::Starting`].
    pub async fn locate_in_background<T, E>(
        &self,
        then: impl FnOnce(Located) -> Result<T, NotFound<E>> + Send + 'static,
    ) -> Result<T, NotFound<E>>
    where
        T: Send + 'static,
        E: From<TargetError> + Send + 'static,
    {
        let (machine, target, node) = (self.machine.clone(), self.target.clone(), self.node.clone());
        let look = tokio::task::spawn_blocking(move || then(locate(&machine, &target, &node)?));
        match look.await {
            Ok(outcome) => outcome,
            Err(end) => match end.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(NotFound::Starting),
            },
        }
    }

    /// Takes the outcome of a look: logs a trouble once if it lasts, and forgets it when the node is there. None if the node is not there yet.
    ///
    /// # Errors
    /// The permanent one.
    pub fn note<T, E>(&mut self, outcome: Result<T, NotFound<E>>) -> Result<Option<T>, E> {
        match outcome {
            Ok(found) => {
                self.warnings.over();
                self.next_pause = self.pause;
                Ok(Some(found))
            }
            Err(NotFound::Starting) => {
                self.warnings.over();
                Ok(None)
            }
            Err(NotFound::Temporary(text)) => {
                self.warnings.trouble(&self.node, text);
                Ok(None)
            }
            Err(NotFound::Permanent(error)) => Err(error),
        }
    }

    /// Waits before the next look. The pauses grow where the node is on another machine.
    pub async fn pause(&mut self) {
        sleep(self.next_pause).await;
        if self.target.is_remote() {
            self.next_pause = (self.next_pause * 3 / 2).min(REMOTE_PAUSE);
        }
    }
}

fn locate<E: From<TargetError>>(machine: &Host, target: &Target, node: &str) -> Result<Located, NotFound<E>> {
    target.locate_on(machine).map_err(|source| match source {
        LocateError::Name(_) | LocateError::HalfLogin => {
            NotFound::Permanent(TargetError { node: node.to_owned(), source }.into())
        }
        source => NotFound::temporary(source),
    })
}

impl<E> NotFound<E> {
    /// Something that may pass; `trouble` says what is wrong, and what would help.
    pub fn temporary(trouble: impl Display) -> Self {
        Self::Temporary(trouble.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn discovery(target: Target) -> Discovery {
        let nothing = std::path::Path::new("/nonexistent");
        Discovery::on(Host::at(nothing, nothing), target, "alice", Duration::from_millis(1), Duration::ZERO)
    }

    #[tokio::test]
    async fn looks_that_find_nothing_yet() {
        let mut discovery = discovery(Target::default());
        let outcomes: [Result<i32, NotFound<TargetError>>; 4] = [
            Err(NotFound::Starting),
            Err(NotFound::temporary("away")),
            discovery.locate_in_background(|_| Ok(0)).await,
            Ok(1),
        ];
        let mut noted = Vec::new();
        for outcome in outcomes {
            noted.push(discovery.note(outcome).unwrap());
            discovery.pause().await;
        }
        assert_eq!(noted, [None, None, None, Some(1)]);
    }

    #[tokio::test]
    async fn a_target_that_contradicts_itself_is_a_permanent_error() {
        let half = Target { rpc_user: Some("u".to_owned()), ..Target::default() };
        let mut discovery = discovery(half);
        let outcome: Result<(), NotFound<TargetError>> = discovery.locate_in_background(|_| Ok(())).await;
        let error = discovery.note(outcome).unwrap_err().to_string();
        assert!(error.starts_with("node alice: rpc_user and rpc_password go together"), "{error}");
    }

    #[tokio::test]
    async fn pauses_grow_for_a_node_on_another_machine() {
        let remote = Target { rpc: Some(crate::HostPort::new("192.0.2.1", 8332)), ..Target::default() };
        for (target, grows) in [(Target::default(), false), (remote, true)] {
            let mut discovery = discovery(target);
            let first = discovery.next_pause;
            discovery.pause().await;
            assert_eq!(discovery.next_pause > first, grows);
            discovery.note(Ok::<_, NotFound<TargetError>>(())).unwrap();
            assert_eq!(discovery.next_pause, first);
        }
    }
}
