//! The extractor on a machine that is made up, and against real nodes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod fake;
mod real;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Delivery, Publisher, Subscription, WhenFull};
use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{NodeProcess, NodeThreads, Observer};
use event::{Body, Filter, Record};
use extractor_process::Options;
use node::Target;
use testbed::log;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long to wait for what must happen. Generous: the machine may be busy with a build.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running extractor and what it publishes.
struct Observed {
    events: Subscription,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), extractor_process::Error>>,
}

/// Starts an extractor for a node that is called `name` (a name of its own for each test, by which its log lines are known),
/// on a machine whose file system is at `root`.
fn observe(name: &str, root: &Path, target: Target) -> Observed {
    log::keep();
    let bus = Bus::new();
    let events = bus.subscribe("test", Filter::default(), 100_000, WhenFull::Block);
    let shutdown = CancellationToken::new();
    let publisher = Publisher::new(&bus, name, "process");
    let options = Options { interval: Duration::from_millis(20) };
    let (root, stop) = (root.to_owned(), shutdown.clone());
    let task = tokio::spawn(async move {
        if root == Path::new("/") {
            extractor_process::run(target, options, publisher, stop).await
        } else {
            extractor_process::run_at(&root, target, options, publisher, stop).await
        }
    });
    Observed { events, shutdown, task }
}

impl Observed {
    /// The next state of a process.
    async fn next(&mut self) -> (Arc<Record>, NodeProcess) {
        loop {
            let record = match timeout(PATIENCE, self.events.next()).await {
                Ok(Some(Delivery::Event(record))) => record,
                Ok(other) => panic!("{other:?}"),
                Err(_) => panic!("no event in {PATIENCE:?}"),
            };
            if let Some(Body::Observer(Observer { observer_event: Some(ObserverEvent::Process(state)) })) =
                record.body()
            {
                let state = state.clone();
                return (record, state);
            }
        }
    }

    /// The next state in which `wanted`.
    async fn next_with(&mut self, wanted: impl Fn(&NodeProcess) -> bool) -> (Arc<Record>, NodeProcess) {
        loop {
            let (record, state) = self.next().await;
            if wanted(&state) {
                return (record, state);
            }
        }
    }

    /// Stops it, which must not take long.
    async fn stop(self) {
        self.shutdown.cancel();
        timeout(Duration::from_secs(5), self.task).await.expect("stops promptly").unwrap().unwrap();
    }
}

/// Number of threads of a name, and their CPU time in hundredths of a second.
fn threads(state: &NodeProcess, name: &str) -> Option<(u32, u64, u64)> {
    let hundredths = |seconds: f64| (seconds * 100.0).round() as u64;
    let row = |t: &NodeThreads| (t.count, hundredths(t.cpu_user_seconds), hundredths(t.cpu_system_seconds));
    state.threads.iter().find(|threads| threads.name == name).map(row)
}
