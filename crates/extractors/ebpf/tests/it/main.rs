//! The tracepoint extractor in a real kernel, on programs that run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod captured;
mod load;
mod real;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Delivery, Publisher, Subscription, WhenFull};
use event::{Filter, Record};
use extractor_ebpf::kernel::KernelSupport;
use extractor_ebpf::{Capture, Error, Nodes, Observed, Options, Tracepoint, Tracer};
use node::Target;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// For what happens within milliseconds, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything is captured.
fn in_full() -> Options {
    let mut capture = Capture::default();
    capture.set("all=full").unwrap();
    Options { capture, ..Options::default() }
}

/// Whether tracepoints can be attached here; says that the test is skipped if not.
fn require_ebpf() -> bool {
    let obstacle = KernelSupport::this().obstacle();
    if let Some(obstacle) = &obstacle {
        testbed::skipped(obstacle);
    }
    obstacle.is_none()
}

/// An extractor and its only reader.
struct Rig {
    bus: Bus,
    publisher: Publisher,
    reader: Subscription,
    read: VecDeque<Delivery>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Rig {
    /// Attaches to a program and follows the node that `target` says.
    fn start(binary: &Path, target: Target, options: &Options) -> Self {
        let mut tracer = Tracer::load(options).unwrap();
        tracer.attach(binary).unwrap();
        Self::with(tracer, target, 1 << 22)
    }

    fn with(tracer: Tracer, target: Target, queue: usize) -> Self {
        testbed::log::keep();
        let bus = Bus::new();
        let reader = bus.subscribe("test", Filter::default(), queue, WhenFull::Block);
        let publisher = Publisher::new(&bus, "alice", "ebpf");
        let stop = CancellationToken::new();
        let nodes = Nodes::These(vec![Observed { target, publisher: publisher.clone() }]);
        let task = tokio::spawn(extractor_ebpf::run(tracer, nodes, stop.clone()));
        Self { bus, publisher, reader, read: VecDeque::new(), stop, task }
    }

    /// The next event.
    async fn next(&mut self) -> Arc<Record> {
        loop {
            if let Some(Delivery::Event(record)) = self.read.pop_front() {
                return record;
            }
            self.read = timeout(PATIENCE, self.reader.next_many()).await.expect("an event in time");
            assert!(!self.read.is_empty(), "the bus ended");
        }
    }

    /// The first event for which this holds.
    async fn wait_for(&mut self, wanted: impl Fn(&Record) -> bool) -> Arc<Record> {
        loop {
            let record = self.next().await;
            if wanted(&record) {
                return record;
            }
        }
    }

    /// Ends the extractor. All events that were not read yet.
    async fn finish(self) -> (Vec<Arc<Record>>, Counts) {
        let Self { bus, publisher, mut reader, read, stop, task } = self;
        // It reads all the time: the extractor waits for it.
        let reading = tokio::spawn(async move {
            let mut deliveries = Vec::from(read);
            loop {
                let more = reader.next_many().await;
                if more.is_empty() {
                    return deliveries;
                }
                deliveries.extend(more);
            }
        });
        stop.cancel();
        timeout(PATIENCE, task).await.expect("the extractor ends in time").unwrap().unwrap();
        publisher.end().await;
        bus.end();
        let deliveries = reading.await.unwrap();
        let events = deliveries.into_iter().map(|delivery| match delivery {
            Delivery::Event(record) => record,
            Delivery::Lost(loss) => panic!("{loss:?}"),
        });
        (events.collect(), Counts(bus.accounts().counters()))
    }
}

/// The counters of an extractor.
struct Counts(Vec<(&'static str, String, f64)>);

impl Counts {
    fn of(&self, name: &str, tracepoint: Tracepoint) -> u64 {
        let found = self.0.iter().find(|(n, label, _)| *n == name && label == tracepoint.name());
        found.map_or(0, |(_, _, value)| *value as u64)
    }

    /// The same for all tracepoints together.
    fn all(&self, name: &str) -> u64 {
        Tracepoint::ALL.iter().map(|tracepoint| self.of(name, *tracepoint)).sum()
    }

    /// `seen = published + dropped + fault`, for each tracepoint.
    fn assert_balanced(&self) {
        for tracepoint in Tracepoint::ALL {
            let of = |name| self.of(name, *tracepoint);
            let out = of("tracepoint_published") + of("tracepoint_dropped") + of("tracepoint_fault");
            assert_eq!(of("tracepoint_seen"), out + of("tracepoint_of_others"), "{}", tracepoint.name());
        }
    }
}
