//! The extractor on files that are treated badly, and on those of real nodes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod archive;
mod follow;
mod hostile;
mod pipe;
mod real;
mod typed;

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Delivery, Publisher, Stage, Subscription, WhenFull};
use event::pb::log_extractor::Log;
use event::pb::log_extractor::log::LogEvent;
use event::{Body, Filter, Record};
use extractor_log::{Error, Options, Source};
use testbed::eventually;
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
    task: JoinHandle<Result<(), Error>>,
}

/// Starts an extractor for a node that is called `name`: a name of its own for each test, by which its log lines are known.
fn observe(name: &str, source: Source, options: Options) -> Observed {
    log::keep();
    let bus = Bus::new();
    let events = subscribe(&bus);
    let shutdown = CancellationToken::new();
    let publisher = Publisher::new(&bus, name, "log");
    let task = tokio::spawn(extractor_log::run(source, options, publisher, shutdown.clone()));
    Observed { bus, events, shutdown, task }
}

/// Starts one that follows a file from its end, and waits until it does.
async fn follow(name: &str, path: &Path, options: Options) -> Observed {
    let observed = observe(name, Source::File(path.to_owned()), options);
    opened(name, 1).await;
    observed
}

/// Waits until the extractor of this name has opened its file so many times.
async fn opened(name: &str, times: usize) {
    let lines = || log::lines(&["INFO", &format!("node {name}: reading ")]).len();
    let outcome = eventually("the log is read", PATIENCE, || async { (lines() >= times).then_some(()) }).await;
    outcome.unwrap_or_else(|error| panic!("{error}: {:?}", log::lines(&[name])));
}

fn subscribe(bus: &Bus) -> Subscription {
    bus.subscribe("test", Filter::default(), 1_000_000, WhenFull::Block)
}

/// The next event that is an entry of the log, skipping those about the extractor itself.
async fn next_entry(events: &mut Subscription) -> Option<(Arc<Record>, Log)> {
    loop {
        match timeout(PATIENCE, events.next()).await {
            Ok(Some(Delivery::Event(record))) => {
                if let Some(Body::LogExtractor(log)) = record.body() {
                    let log = log.clone();
                    return Some((record, log));
                }
            }
            Ok(None) => return None,
            Ok(other) => panic!("{other:?}"),
            Err(_) => panic!("no event in {PATIENCE:?}"),
        }
    }
}

impl Observed {
    async fn next(&mut self) -> (Arc<Record>, Log) {
        next_entry(&mut self.events).await.expect("another event")
    }

    /// The text of the next entry, which has no type of its own.
    async fn next_text(&mut self) -> String {
        text(&self.next().await.1)
    }

    /// Checks that the next entries are these, in order.
    async fn expect(&mut self, numbers: Range<u32>) {
        for number in numbers {
            assert_eq!(self.next_text().await, format!("number {number}"));
        }
    }

    fn stage(&self) -> Arc<Stage> {
        self.bus.accounts().stage("log")
    }

    /// Stops it, which must not take long, and checks that nothing is left and everything is accounted for.
    async fn stop(mut self) {
        self.shutdown.cancel();
        timeout(Duration::from_secs(10), &mut self.task).await.expect("stops promptly").unwrap().unwrap();
        let stage = self.stage();
        assert_eq!(stage.events_in(), stage.events_out() + stage.dropped_total());
        self.bus.end();
        let left = next_entry(&mut self.events).await;
        assert!(left.is_none(), "{left:?}");
    }
}

fn text(log: &Log) -> String {
    match &log.log_event {
        Some(LogEvent::UnknownLogMessage(message)) => message.raw_message.clone(),
        other => panic!("{other:?}"),
    }
}

/// An entry, as the node writes it with -logtimemicros.
fn line(number: u32) -> String {
    format!("2026-06-23T16:{:02}:{:02}.000001Z number {number}\n", number / 60 % 60, number % 60)
}

/// Opens a log for appending, as the node does, or makes one.
fn append(path: &Path) -> File {
    File::options().append(true).create(true).open(path).unwrap()
}

/// Writes entries, each at once.
fn write(file: &mut File, numbers: Range<u32>) {
    for number in numbers {
        file.write_all(line(number).as_bytes()).unwrap();
    }
}
