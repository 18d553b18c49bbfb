//! Whole files, compressed or not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bus::{Bus, Publisher, Stage};
use event::pb::log_extractor::Log;
use event::pb::log_extractor::log::LogEvent;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio_util::sync::CancellationToken;

use crate::{line, next_entry, subscribe};
use testbed::log;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Reads files; gives the entries by run, in order, the stage's account and the outcome.
async fn read(paths: &[PathBuf]) -> (BTreeMap<u64, Vec<Log>>, std::sync::Arc<Stage>, Result<(), String>) {
    log::keep();
    let bus = Bus::new();
    let mut events = subscribe(&bus);
    let publisher = {
        let bus = bus.clone();
        move |_: &Path| Publisher::new(&bus, "archive", "log")
    };
    let task = extractor_log::read_files(paths.to_vec(), publisher, CancellationToken::new());
    let reading = async {
        let outcome = task.await.map_err(|error| error.to_string());
        bus.end();
        outcome
    };
    let collecting = async {
        let mut runs: BTreeMap<_, Vec<_>> = BTreeMap::new();
        while let Some((record, entry)) = next_entry(&mut events).await {
            let run = runs.entry(record.envelope().run).or_default();
            run.push(entry);
            assert_eq!(record.envelope().sequence, run.len() as u64);
        }
        runs
    };
    let (outcome, runs) = tokio::join!(reading, collecting);
    let stage = bus.accounts().stage("log");
    assert_eq!(stage.events_in(), stage.events_out() + stage.dropped_total());
    (runs, stage, outcome)
}

#[tokio::test]
async fn all_forms_give_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..50_000).map(|number| line(number) + if number % 100 == 0 { "more\n" } else { "" }).collect();
    let (first, second) = text.split_at(text.len() / 2);
    let joined = |pack: fn(&[u8]) -> Vec<u8>| [pack(first.as_bytes()), pack(second.as_bytes())].concat();
    // The names show nothing.
    let files = [
        ("plain.gz", text.clone().into_bytes()),
        ("gzip", gzip(text.as_bytes())),
        ("gzip-members.log", joined(gzip)),
        ("zstd.txt", zstd(text.as_bytes())),
        ("zstd-frames", joined(zstd)),
        ("empty", Vec::new()),
    ];
    let paths = files.map(|(name, bytes)| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    });
    let (runs, stage, outcome) = read(&paths).await;
    assert_eq!(outcome, Ok(()));
    assert_eq!(stage.events_out(), 5 * 50_000);
    assert_eq!(runs.len(), 5);
    assert!(runs.values().all(|entries| entries.len() == 50_000));
    assert_eq!(runs.values().map(|entries| format!("{entries:?}")).collect::<BTreeSet<_>>().len(), 1);
}

/// Rotated by logrotate with xz, and written by a shell of Windows (`docker logs node > utf16.log`).
#[tokio::test]
async fn other_forms_are_read_or_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let xz: &[u8] = include_bytes!("cases/debug.log.1.xz");
    let line = "2025-01-01T00:00:00Z [net] socket closed, disconnecting peer=9\n";
    let bzip2 = [b"BZh91AY&SY".as_slice(), &[0xb8; 90]].concat();
    let noise: Vec<u8> = (0..10_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    // A block that wants a dictionary of 4 GiB, and the checksum of its header.
    let greedy = [&xz[..12], b"\x02\x00\x21\x01\x28\x00\x00\x00\xe6\xa0\x11\xb3".as_slice()].concat();
    let files = [
        ("greedy.xz", greedy, "its xz data can't be unpacked (needed memory too big"),
        ("debug.log.1.xz", xz.to_vec(), ""),
        ("two.xz", xz.repeat(2), ""),
        ("mark.log", ["\u{feff}", line].concat().into_bytes(), ""),
        ("cut.xz", xz[..xz.len() / 2].to_vec(), "its xz data are cut off; get the whole file; "),
        ("utf16.log", include_bytes!("cases/utf16.log").to_vec(), "it is UTF-16 text; convert it first (iconv "),
        ("debug.log.1.bz2", bzip2.clone(), "it is bzip2 data; unpack it first (bunzip2); 0 entries in 0 bytes"),
        ("twice.gz", gzip(&bzip2), "it is bzip2 data; unpack it first (bunzip2); 0 entries in 0 bytes"),
        ("noise", noise, "it is binary data; a log is plain text; correct the path; 0 entries in 0 bytes"),
    ];
    let paths = files.each_ref().map(|(name, bytes, _)| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    });
    let (runs, _, outcome) = read(&paths).await;
    assert!(outcome.unwrap_err().starts_with("6 of 9 files could not be read to the end: "));
    let entries: Vec<_> = runs.values().flatten().collect();
    assert_eq!(entries.len(), 1 + 2 + 1);
    for entry in entries {
        assert_eq!(entry.log_timestamp, 1_735_689_600_000_000);
        assert!(matches!(entry.log_event, Some(LogEvent::PeerDisconnected(_))), "{entry:?}");
    }
    for (path, (_, _, problem)) in paths.iter().zip(&files) {
        let sentence = format!("cannot read {} to its end: {problem}", path.display());
        let logged = log::lines(&["ERROR", &sentence]);
        assert_eq!(logged.len(), usize::from(!problem.is_empty()), "{sentence}: {logged:?}");
    }
}

/// What is assumed about a log is logged, once.
#[tokio::test]
async fn guesses_are_logged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guesses");
    fs::write(&path, "bitcoin | 2025-01-01T00:00:00Z a\nbitcoin | 2018-04-25 03:30:31 b\n".repeat(100)).unwrap();
    read(&[path]).await.2.unwrap();
    let prefix = log::lines(&["INFO", r#"other text stands before the node's time in its log, such as "bitcoin | ""#]);
    assert_eq!(prefix.len(), 1, "{prefix:?}");
    let old = log::lines(&["WARN", "times as Bitcoin Core wrote them before v0.17; they are taken for UTC"]);
    assert_eq!(old.len(), 1, "{old:?}");
    let untimed = || log::lines(&["WARN", "node archive: no line of its log has the node's time", "-logtimestamps=0"]);
    assert_eq!(untimed(), [""; 0]);
    let path = folder.path().join("untimed");
    fs::write(&path, "[net] socket closed, disconnecting peer=9\n").unwrap();
    read(&[path]).await.2.unwrap();
    assert_eq!(untimed().len(), 1);
}

#[tokio::test]
async fn each_start_of_the_node_is_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("debug.log");
    let start = "\n\n\n\n\n2026-06-23T16:19:13Z Bitcoin Core version v29.0.0 (release build)\n".to_owned();
    let text: String =
        [0..10, 10..30, 30..60].map(|lines| start.clone() + &lines.map(line).collect::<String>()).concat();
    fs::write(&path, text).unwrap();
    let (runs, _, outcome) = read(&[path]).await;
    assert_eq!(outcome, Ok(()));
    let lengths: BTreeSet<_> = runs.values().map(Vec::len).collect();
    assert_eq!(lengths, BTreeSet::from([11, 21, 31]));
}

#[tokio::test]
async fn what_cannot_be_read_is_logged_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..50_000).map(line).collect();
    let (whole_gzip, whole_zstd) = (gzip(text.as_bytes()), zstd(text.as_bytes()));
    let cut = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let mut damaged = whole_gzip.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 1000].fill(0xff);
    let files = [
        ("cut.gz", Some(cut(&whole_gzip)), "its gzip data are cut off; get the whole file; "),
        ("cut.zst", Some(cut(&whole_zstd)), "its zstd data are cut off; get the whole file; "),
        ("damaged.gz", Some(damaged), "its gzip data can't be unpacked ("),
        ("missing.gz", None, "it does not exist; 0 entries in 0 bytes of log were read"),
        ("whole.gz", Some(whole_gzip), ""),
        ("whole.zst", Some(whole_zstd), ""),
    ];
    let paths = files.each_ref().map(|(name, bytes, _)| {
        let path = folder.path().join(name);
        if let Some(bytes) = bytes {
            fs::write(&path, bytes).unwrap();
        }
        path
    });
    let (runs, stage, outcome) = read(&paths).await;
    let failed = paths[..4].iter().map(|path| path.display().to_string()).collect::<BTreeSet<_>>();
    let error = outcome.unwrap_err();
    let (count, named) = error.split_once(" could not be read to the end: ").unwrap();
    assert_eq!(count, "4 of 6 files");
    assert_eq!(named.split(", ").map(str::to_owned).collect::<BTreeSet<_>>(), failed);
    let mut lengths: Vec<_> = runs.values().map(Vec::len).collect();
    lengths.sort_unstable();
    // Those that were cut off gave about the half.
    assert_eq!(lengths[3..], [50_000, 50_000]);
    assert!(lengths[..3].iter().all(|length| (10_000..50_000).contains(length)), "{lengths:?}");
    assert_eq!(lengths.iter().sum::<usize>() as u64, stage.events_out());
    for (path, (_, _, problem)) in paths.iter().zip(&files) {
        let sentence = format!("cannot read {} to its end: {problem}", path.display());
        let logged = log::lines(&["ERROR", &sentence, " entries in ", " bytes of log were read"]);
        assert_eq!(logged.len(), usize::from(!problem.is_empty()), "{sentence}: {logged:?}");
    }
}

#[tokio::test]
async fn a_fifo_that_nobody_writes_to_can_be_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let (bus, stop) = (Bus::new(), CancellationToken::new());
    let task = extractor_log::read_files(vec![path], move |_| Publisher::new(&bus, "fifo", "log"), stop.clone());
    let task = tokio::spawn(task);
    tokio::task::yield_now().await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), task).await.expect("stops promptly").unwrap().unwrap();
}
