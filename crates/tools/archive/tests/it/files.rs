//! Files are begun, completed, and removed.

use archive::{Choice, Info, export, filter, merge, split};
use event::selection::SelectionText;
use event::{Kind, original};
use store::archive::Place;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_is_in_one_of_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let selection = Selection { only: vec!["p2p".parse().unwrap()], low_data: true };
    let running = Running::start(Options { max_file_bytes: 100_000, selection, ..options(directory.path()) });
    running.publish(Arc::new(samples().remove(0))).await; // no event of p2p
    for sequence in 1..=2000 {
        running.publish(event(sequence, 400)).await;
        if sequence % 200 == 0 {
            running.until("durability", |running| running.durable() == sequence).await;
        }
    }
    running.end().await;
    assert_eq!(sequences(&all(directory.path())), Vec::from_iter(1..=2000));
    let paths = paths(directory.path());
    assert!(paths.len() > 4, "{paths:?}");
    for path in paths {
        let archive = Archive::open(path).unwrap();
        let info = Info::read(&archive, true);
        assert_eq!((info.status, info.missing.len()), ("complete", 0));
        // Each says what it has not, first of all. The last may have been begun after the last event.
        let Some(first) = archive.records(Filter::default()).next() else { continue };
        let first = first.unwrap();
        assert_eq!((first.envelope().kind, &*first.envelope().node), (Kind::Selection, "alice"));
        assert_eq!((&info.selections, info.selections.len()), (&Info::read(&archive, false).selections, 1));
        assert_eq!(info.selections[0].text, "only kind p2p; without raw transactions and the transactions of blocks");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_end_by_time_too_and_the_oldest_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("other.20200101-000000-000.bin.zst");
    std::fs::write(&other, b"not ours").unwrap();
    let options =
        Options { max_file_age: Duration::from_millis(50), keep_bytes: Some(60_000), ..options(directory.path()) };
    let running = Running::start(options);
    for sequence in 1..=40 {
        running.publish(event(sequence, 4000)).await;
        running.until("durability", |running| running.durable() == sequence).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.end().await;
    assert!(other.exists(), "files with another name are not touched");
    std::fs::remove_file(&other).unwrap();
    let paths = paths(directory.path());
    let bytes: u64 = paths.iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(paths.len() > 3 && bytes < 80_000, "{bytes} bytes in {paths:?}");
    let found = sequences(&all(directory.path()));
    assert_eq!(found, Vec::from_iter(found[0]..=40), "the newest are there");
    assert!(found[0] > 1);
}

/// Name of a file that was begun long ago.
fn name(millisecond: u64) -> String {
    format!("archive.20200101-000000-00{millisecond}.bin.zst")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_were_left_are_completed() {
    let directory = tempfile::tempdir().unwrap();
    let mut left = options(directory.path()).files;
    left.sync_every = Duration::from_secs(3600);
    left.frame_bytes = Some(2000);
    let mut writer = store::archive::Writer::create(&left, event::time::now_ns()).unwrap();
    (1..=50).for_each(|sequence| writer.append(&event(sequence, 100)).unwrap());
    let (path, durable) = (writer.path().to_owned(), writer.durable().events);
    drop(writer);
    assert!(!Archive::open(&path).unwrap().has_table());
    // Writers that were killed before they wrote anything; one of them may just begin to.
    let [unbegun, beginning] = [path.with_file_name(name(1)), path.with_file_name(name(2))];
    let then = std::time::SystemTime::now() - Duration::from_secs(60);
    std::fs::File::create(&unbegun).unwrap().set_modified(then).unwrap();
    std::fs::File::create(&beginning).unwrap();
    let running = Running::start(options(directory.path()));
    running.until("completed file", |_| Archive::open(&path).unwrap().has_table() && !unbegun.exists()).await;
    assert!(beginning.exists());
    std::fs::remove_file(beginning).unwrap();
    running.end().await;
    assert_eq!(sequences(&all(directory.path())), Vec::from_iter(1..=durable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_before_the_archive_are_written_too() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(options(directory.path()));
    let loss =
        bus::Loss { node: "alice".into(), run: 7, missing: 5, time_ns: 1_789_041_600_000_000_000, stage: "nats" };
    running.bus.deliver(vec![Delivery::Lost(Arc::new(loss))]).await;
    running.end().await;
    let paths = paths(directory.path());
    let info = Info::read(&Archive::open(&paths[0]).unwrap(), false);
    assert_eq!((info.gaps, info.events, info.kinds[0].kind.as_str()), (5, 1, "gap"));
}

/// Writes the samples to a file.
fn write_samples(directory: &Path) -> PathBuf {
    let mut writer = store::archive::Writer::create(&options(directory).files, 1_789_041_600_000_000_000).unwrap();
    samples().iter().for_each(|record| writer.append(record).unwrap());
    let path = writer.path().to_owned();
    writer.finish().unwrap();
    path
}

/// The events without what states what is missing, which is written anew with each file.
fn bytes(records: &[Record]) -> Vec<Vec<u8>> {
    let events = records.iter().filter(|record| record.envelope().kind != Kind::Selection);
    events.map(|record| record.bytes().to_vec()).collect()
}

/// What the files of a folder state, each once.
fn stated(directory: &Path) -> Vec<String> {
    let selections = paths(directory).into_iter().flat_map(|path| Archive::open(path).unwrap().selections());
    let mut texts: Vec<_> = selections.map(|(_, selection)| SelectionText(&selection).to_string()).collect();
    texts.dedup();
    texts
}

#[test]
fn files_are_made_of_files() {
    let directory = tempfile::tempdir().unwrap();
    let made = |name: &str| {
        let path = directory.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    let from = write_samples(&made("from"));
    let parts = made("parts");
    let done = split(&from.clone().into(), None, Some(500), &options(&parts).files).unwrap();
    assert!(done.files.len() > 3 && done.missing.is_empty(), "{done:?}");
    assert_eq!(bytes(&all(&parts)), bytes(&samples()));
    let before = stated(from.parent().unwrap());
    assert_eq!((stated(&parts), before.len()), (before.clone(), 1));
    let merged = made("merged");
    // By time, in which the samples are not sorted.
    let places: Vec<_> = done.files.into_iter().map(Place::from).collect();
    merge(&places, Choice::default(), &options(&merged).files).unwrap();
    let mut sorted = bytes(&samples());
    let mut found = bytes(&all(&merged));
    sorted.sort();
    found.sort();
    assert!(found == sorted);
    assert_eq!(stated(&merged), before);
    let filtered = made("filtered");
    let rpc = Filter { kinds: vec!["rpc".parse().unwrap()], ..Filter::default() };
    filter(&[from.clone().into()], rpc.clone().into(), &options(&filtered).files).unwrap();
    let expected: Vec<_> = samples().iter().filter(|record| rpc.matches(record)).map(|r| r.bytes().to_vec()).collect();
    assert_eq!(bytes(&all(&filtered)), expected);
    let (words, low) = before[0].rsplit_once("; ").unwrap();
    assert_eq!(stated(&filtered), [format!("{words}; of these, only kind rpc; {low}")]);

    // For other programs: one frame, and only what they can read.
    let to = directory.path().join("one.bin.zst");
    let done = export(&[from.into()], Choice::default(), &to, 3).unwrap();
    let archive = Archive::open(&to).unwrap();
    assert_eq!(archive.parts().len(), 1);
    assert!(archive.header().is_some());
    let read: Vec<Record> = archive.records(Filter::default()).map(Result::unwrap).collect();
    assert_eq!((read.len() as u64, read.len() as u64 + done.left_out), (done.events, samples().len() as u64));
    assert!(read.iter().all(|record| original::encode(record, 0).is_some()));
}
