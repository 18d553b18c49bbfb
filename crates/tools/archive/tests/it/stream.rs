//! Events that come from a stream, with checkpoints.

use bus::{Checkpoints, Reason};
use testbed::Disk;
use tokio::sync::watch;

use super::*;

/// What a reader of a stream delivers.
struct Stream {
    checkpoints: Checkpoints,
    confirmed: watch::Receiver<u64>,
}

impl Stream {
    /// The first checkpoint comes before all events.
    async fn start(running: &Running) -> Self {
        let (checkpoints, confirmed) = Checkpoints::new();
        let mut stream = Self { checkpoints, confirmed };
        stream.deliver(running, []).await;
        stream
    }

    /// Events of these sequence numbers, then a checkpoint. Returns its number.
    async fn deliver(&mut self, running: &Running, sequences: impl IntoIterator<Item = u64>) -> u64 {
        let (checkpoint, number) = self.checkpoints.make();
        let events = sequences.into_iter().map(|sequence| Delivery::Event(event(sequence, 2000)));
        running.bus.deliver(events.chain([Delivery::Checkpoint(checkpoint)]).collect()).await;
        number
    }

    async fn until_confirmed(&mut self, number: u64) {
        let confirmed = self.confirmed.wait_for(|confirmed| *confirmed >= number);
        tokio::time::timeout(PATIENCE, confirmed).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_confirmed_is_on_the_disk_and_nothing_is_written_twice() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { max_file_bytes: 20_000, ..options(directory.path()) };
    let running = Running::start(options.clone());
    let mut stream = Stream::start(&running).await;
    for first in (1..200).step_by(20) {
        let number = stream.deliver(&running, first..first + 20).await;
        stream.until_confirmed(number).await;
        assert_eq!(sequences(&all_readable(directory.path())), Vec::from_iter(1..first + 20));
    }
    running.end().await;
    let running = Running::start(options);
    let mut stream = Stream::start(&running).await;
    let number = stream.deliver(&running, 150..=250).await;
    stream.until_confirmed(number).await;
    running.end().await;
    assert_eq!(sequences(&all(directory.path())), Vec::from_iter(1..=250));
}

/// All events that are on the disk, also of files that are being written.
fn all_readable(directory: &Path) -> Vec<Record> {
    let archives = files([directory]).unwrap().into_iter().filter_map(|path| Archive::open(path).ok());
    archives.flat_map(|archive| archive.records(Filter::default())).filter_map(Result::ok).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_stream_wait_for_space() {
    let Some(disk) = Disk::mount("2m") else { return };
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; 1_500_000]).unwrap();
    let directory = disk.path().join("archive");
    let options = Options { max_file_bytes: 100_000, ..options(&directory) };
    let running = Running::start(options.clone());
    let full = || running.bus.accounts().count(&bus::counters::ARCHIVE_FULL, []).get() == 1.0;
    let mut stream = Stream::start(&running).await;
    let mut numbers = Vec::new();
    for first in (1..500).step_by(20) {
        numbers.push(stream.deliver(&running, first..first + 20).await);
    }
    running.until("full disk", |_| full()).await;
    let confirmed = *stream.confirmed.borrow();
    assert!(confirmed < *numbers.last().unwrap(), "{confirmed}");
    std::fs::remove_file(&ballast).unwrap();
    stream.until_confirmed(*numbers.last().unwrap()).await;
    assert_eq!(running.bus.accounts().stage("archive-file").dropped_total(), 0);

    // When it is full again, it can be ended, and goes on where it was.
    std::fs::write(&ballast, vec![1; 2 << 20]).unwrap_err();
    for first in (501..700).step_by(20) {
        stream.deliver(&running, first..first + 20).await;
    }
    running.until("full disk", |_| full()).await;
    let accounts = running.bus.accounts().clone();
    running.end().await;
    let stage = accounts.stage("archive-file");
    assert_eq!(stage.events_in(), stage.events_out() + stage.events_filtered());
    assert_eq!(stage.dropped(Reason::Full), 0);
    std::fs::remove_file(&ballast).unwrap();
    let running = Running::start(options);
    let mut stream = Stream::start(&running).await;
    let number = stream.deliver(&running, 301..=700).await;
    stream.until_confirmed(number).await;
    running.end().await;
    assert_eq!(sequences(&all(&directory)), Vec::from_iter(1..=700));
}
