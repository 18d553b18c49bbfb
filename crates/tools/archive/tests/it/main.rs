//! The archiver, with real files and real full disks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod files;
mod full;
mod import;
mod selections;
mod stream;
#[cfg(feature = "s3")]
mod upload;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use archive::{Archiver, Options, Selection};
use bus::{Bus, Delivery, WhenFull};
use event::json::from_json;
use event::{Filter, NodeNames, Record};
use store::archive::{Archive, files};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// One event of each kind.
const SAMPLES: &str = include_str!("../../../../event/tests/it/samples.jsonl");
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn samples() -> Vec<Record> {
    let mut names = NodeNames::default();
    SAMPLES.lines().map(|line| from_json(line, &mut names).unwrap()).collect()
}

/// An event of this sequence number, with this many bytes that cannot be compressed.
fn event(sequence: u64, bytes: usize) -> Arc<Record> {
    let mut random = sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let noise: String = std::iter::repeat_with(|| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        format!("{random:016x}")
    })
    .take(bytes / 8)
    .collect();
    let time = event::time::rfc3339(1_789_041_600_000_000_000 + sequence * 1_000);
    let line = format!(
        r#"{{"time":"{time}","node":"alice","run":7,"sequence":{sequence},"source":"p2p","kind":"feature_offered","body":{{"feature_id":"x","data":"{noise}"}}}}"#
    );
    Arc::new(from_json(&line, &mut NodeNames::default()).unwrap())
}

fn options(directory: &Path) -> Options {
    let files = store::archive::Options {
        level: 1,
        sync_every: Duration::from_millis(20),
        ..store::archive::Options::new(directory)
    };
    Options {
        files,
        filter: Filter::default(),
        selection: Selection::default(),
        inherited: Vec::new(),
        max_file_bytes: u64::MAX,
        max_file_age: Duration::from_secs(3600),
        keep_bytes: None,
        keep_age: None,
        upload: None,
    }
}

struct Running {
    bus: Bus,
    task: JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Running {
    fn start(options: Options) -> Self {
        let bus = Bus::new();
        let events = bus.subscribe("archive", Filter::default(), 1 << 16, WhenFull::Block);
        let archiver = Archiver::open(options).unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(archiver.run(events, bus.clone(), shutdown.clone()));
        Self { bus, task, shutdown }
    }

    async fn publish(&self, record: Arc<Record>) {
        self.bus.deliver(vec![Delivery::Event(record)]).await;
    }

    /// Events that are durable.
    fn durable(&self) -> u64 {
        self.bus.accounts().stage("archive-file").events_out()
    }

    async fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !is(self) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("no {what}"));
    }

    async fn end(self) {
        self.shutdown.cancel();
        self.bus.end();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

/// All events of a directory, which must have no damage.
fn all(directory: &Path) -> Vec<Record> {
    let files = files([directory]).unwrap();
    files.iter().flat_map(|path| Archive::open(path).unwrap().records(Filter::default())).map(Result::unwrap).collect()
}

fn sequences(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.envelope().sequence).filter(|sequence| *sequence > 0).collect()
}

fn paths(directory: &Path) -> Vec<PathBuf> {
    files([directory]).unwrap()
}
