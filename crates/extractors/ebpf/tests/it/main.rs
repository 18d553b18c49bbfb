//! The tracepoint extractor in a real kernel, on programs that run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod load;
mod real;
mod static_pie;
mod undecodable;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bus::counters::TRACEPOINT_EVENTS;
use bus::{Accounts, Bus, Delivery, Publisher, Subscription, WhenFull};
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

/// Whether tracepoints can be attached here. If not, it reports that the test is skipped.
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
    /// Attaches to a program and follows the node `target`.
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
            other => panic!("{other:?}"),
        });
        (events.collect(), Counts(bus.accounts().clone()))
    }
}

/// The accounts of an extractor.
struct Counts(Accounts);

impl Counts {
    /// Hits of a tracepoint with this result.
    fn of(&self, result: &str, tracepoint: Tracepoint) -> u64 {
        self.0.count(&TRACEPOINT_EVENTS, [tracepoint.name(), result]).get() as u64
    }

    /// Hits of all tracepoints with this result.
    fn all(&self, result: &str) -> u64 {
        Tracepoint::ALL.iter().map(|tracepoint| self.of(result, *tracepoint)).sum()
    }

    /// `seen = published + dropped + fault + undecodable + of_others`, for each tracepoint, and the same for the stage.
    fn assert_balanced(&self) {
        for tracepoint in Tracepoint::ALL {
            let of = |result| self.of(result, *tracepoint);
            let out = of("published") + of("dropped") + of("fault") + of("undecodable");
            assert_eq!(of("seen"), out + of("of_others"), "{}", tracepoint.name());
        }
        let stage = self.0.stage("tracepoints");
        assert_eq!(stage.events_in(), self.all("seen") - self.all("of_others"));
        assert_eq!(stage.events_in(), stage.events_out() + stage.dropped_total());
    }
}
