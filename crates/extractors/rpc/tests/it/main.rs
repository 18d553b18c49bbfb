//! The extractor against real nodes, and against a server that answers as a test wants it to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod real;
mod scripted;

use std::sync::Arc;
use std::time::Duration;

use bus::counters::Counter;
use bus::{Bus, Delivery, Publisher, Subscription, WhenFull};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Filter, Record};
use extractor_rpc::Options;
use node::Target;
use testbed::log;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long to wait for what must happen. Generous: the machine may be busy with a build.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running extractor and what it publishes.
struct Observed {
    bus: Bus,
    events: Subscription,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), extractor_rpc::Error>>,
}

/// Starts an extractor for a node that is called `name`: a name of its own for each test, by which its log lines are known.
fn observe(name: &str, target: Target, options: Options) -> Observed {
    log::keep();
    let bus = Bus::new();
    let events = bus.subscribe("test", Filter::default(), 100_000, WhenFull::Block);
    let shutdown = CancellationToken::new();
    let publisher = Publisher::new(&bus, name, "rpc");
    let task = tokio::spawn(extractor_rpc::run(target, options, publisher, shutdown.clone()));
    Observed { bus, events, shutdown, task }
}

/// Options with these methods only, all at one interval.
fn only(methods: &[&str], interval: Duration) -> Options {
    let mut options = Options::default();
    for (method, _) in extractor_rpc::methods() {
        options.set_interval(method, methods.contains(&method).then_some(interval)).unwrap();
    }
    options
}

impl Observed {
    async fn next(&mut self) -> Arc<Record> {
        match timeout(PATIENCE, self.events.next()).await {
            Ok(Some(Delivery::Event(record))) => record,
            Ok(other) => panic!("{other:?}"),
            Err(_) => panic!("no event in {PATIENCE:?}"),
        }
    }

    /// The next event that is an answer, skipping those about the extractor itself.
    async fn next_answer(&mut self) -> (Arc<Record>, RpcEvent) {
        loop {
            let record = self.next().await;
            if let Some(Body::RpcExtractor(rpc)) = record.body() {
                let answer = rpc.rpc_event.clone().unwrap();
                return (record, answer);
            }
        }
    }

    /// The next answer of a run other than `run`.
    async fn next_answer_after(&mut self, run: u64) -> (Arc<Record>, RpcEvent) {
        loop {
            let (record, answer) = self.next_answer().await;
            if record.envelope().run != run {
                return (record, answer);
            }
        }
    }

    /// The value of a count; 0 if nothing was counted.
    fn counted<const LABELS: usize>(&self, counter: &Counter<LABELS>, labels: [&str; LABELS]) -> f64 {
        self.bus.accounts().count(counter, labels).get()
    }

    /// Stops it, which must not take long.
    async fn stop(self) {
        self.shutdown.cancel();
        timeout(Duration::from_secs(5), self.task).await.expect("stops promptly").unwrap().unwrap();
    }
}
