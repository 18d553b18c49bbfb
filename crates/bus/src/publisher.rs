//! The publishing end of the bus: gives each event its place.

use std::sync::Arc;
use std::time::Duration;

use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{Counter, Dropped, Observer, Status};
use event::{Body, Content, Record, time};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Accounts, Reason};
use crate::local::Bus;
use crate::queue::Delivery;

/// How often an extractor tells that it is alive.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// Publishes the events of one extractor of one node. Cloning it gives another handle to the same
/// run; events of all handles are numbered in the order in which readers get them.
#[derive(Clone)]
pub struct Publisher {
    bus: Bus,
    node: Arc<str>,
    extractor: &'static str,
    run: Arc<Mutex<Run>>,
}

struct Run {
    id: u64,
    next_sequence: u64,
    started_ns: u64,
    ended: bool,
}

impl Run {
    fn new() -> Self {
        // 53 bits, and not 0: JSON readers hold it exactly.
        Self { id: fastrand::u64(1..1 << 53), next_sequence: 1, started_ns: time::now_ns(), ended: false }
    }

    fn stamp(&mut self, node: &Arc<str>, time_ns: u64, content: impl Into<Content>) -> Delivery {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        Delivery::Event(Arc::new(Record::new(Arc::clone(node), self.id, sequence, time_ns, content)))
    }
}

impl Publisher {
    /// A publisher for an extractor ("rpc", "log", ...) of a node. It begins a run.
    pub fn new(bus: &Bus, node: &str, extractor: &'static str) -> Self {
        Self { bus: bus.clone(), node: node.into(), extractor, run: Arc::new(Mutex::new(Run::new())) }
    }

    /// Name of the observed node.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The loss accounts of this process.
    pub fn accounts(&self) -> &Accounts {
        self.bus.accounts()
    }

    /// Publishes something that the node did at a time (nanoseconds since the UNIX epoch).
    pub async fn publish(&self, time_ns: u64, content: impl Into<Content>) {
        let mut run = self.run.lock().await;
        let item = run.stamp(&self.node, time_ns, content);
        self.bus.deliver(vec![item]).await;
    }

    /// Publishes several things at once, which is faster than one by one.
    pub async fn publish_all<C: Into<Content>>(&self, contents: impl IntoIterator<Item = (u64, C)>) {
        let mut run = self.run.lock().await;
        let contents = contents.into_iter();
        let items: Vec<_> = contents.map(|(time_ns, content)| run.stamp(&self.node, time_ns, content)).collect();
        self.bus.deliver(items).await;
    }

    /// Leaves a gap in the sequence for events that were lost before they could be published, so that readers miss them.
    pub async fn lost(&self, events: u64) {
        self.run.lock().await.next_sequence += events;
    }

    /// Ends the run and begins a new one: the node was restarted.
    pub async fn new_run(&self) {
        let mut run = self.run.lock().await;
        self.tell(&run, true).await;
        *run = Run::new();
    }

    /// Ends the run: the last event tells so.
    pub async fn end(&self) {
        let mut run = self.run.lock().await;
        if !run.ended {
            run.ended = true;
            self.tell(&run, true).await;
        }
    }

    /// Tells every few seconds that the extractor is alive, so that readers know a loss from quiet,
    /// until shutdown or [`Publisher::end`].
    pub async fn tell_status(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(STATUS_INTERVAL);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            let run = self.run.lock().await;
            if run.ended {
                return;
            }
            self.tell(&run, false).await;
        }
    }

    async fn tell(&self, run: &Run, ended: bool) {
        let status = Status {
            extractor: self.extractor.to_owned(),
            started_ns: run.started_ns,
            last_sequence: run.next_sequence - 1,
            ended,
            dropped: self.dropped(),
            counters: self.counters(),
        };
        let body = Body::Observer(Observer { observer_event: Some(ObserverEvent::Status(status)) });
        // It has no place in the sequence: readers of flat subjects don't get it, and must see no gap.
        let record = Record::new(Arc::clone(&self.node), run.id, 0, time::now_ns(), body);
        self.bus.deliver_event(Arc::new(record)).await;
    }

    fn dropped(&self) -> Vec<Dropped> {
        let stages = self.accounts().stages();
        let all = stages.iter().flat_map(|stage| Reason::ALL.map(|reason| (stage, reason)));
        all.map(|(stage, reason)| Dropped {
            stage: stage.name().to_owned(),
            reason: reason.name().to_owned(),
            count: stage.dropped(reason),
        })
        .filter(|dropped| dropped.count > 0)
        .collect()
    }

    fn counters(&self) -> Vec<Counter> {
        let counters = self.accounts().counters();
        counters.into_iter().map(|(name, label, value)| Counter { name: name.to_owned(), label, value }).collect()
    }
}
