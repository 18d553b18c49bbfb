//! Files are written and read, whole, cut and damaged, by us and by the tools of zstd.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod broken;
mod logs;
mod others;
mod query;
#[cfg(feature = "s3")]
mod remote;
mod written;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use event::json::from_json;
use event::{Filter, NodeNames, Record};
use store::archive::{Archive, Damage, Options, Writer};

/// One event of each kind.
const SAMPLES: &str = include_str!("../../../event/tests/it/samples.jsonl");
/// 2026-09-10 12:00 in nanoseconds.
const NOW: u64 = 1_789_041_600_007_000_000;

fn samples() -> Vec<Record> {
    let mut names = NodeNames::default();
    SAMPLES.lines().map(|line| from_json(line, &mut names).unwrap()).collect()
}

/// This many events of two nodes: the samples again and again, with times a millisecond apart, in their encoded form.
fn many(count: usize) -> Vec<Record> {
    let samples = samples();
    let records = samples.iter().cycle().take(count).enumerate().map(|(index, sample)| {
        let node = if index % 3 == 0 { "bob" } else { "alice" };
        let time = NOW + index as u64 * 1_000_000;
        Record::new(node.into(), 7, index as u64 + 1, time, sample.body().unwrap().clone())
    });
    records.map(|record| Record::from_bytes(record.bytes().clone(), &mut NodeNames::default()).unwrap()).collect()
}

/// A directory in memory where there is one, for thousands of files are made, and written through to the disk.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn options(directory: &Path) -> Options {
    Options { level: 3, frame_bytes: Some(2000), sync_every: Duration::from_secs(3600), ..Options::new(directory) }
}

/// Writes a complete file.
fn write(options: &Options, records: &[Record]) -> PathBuf {
    let mut writer = Writer::create(options, NOW).unwrap();
    records.iter().for_each(|record| writer.append(record).unwrap());
    let path = writer.path().to_owned();
    writer.finish().unwrap();
    path
}

fn bytes(records: &[Record]) -> Vec<Bytes> {
    records.iter().map(|record| record.bytes().clone()).collect()
}

/// What can be read of a file, and what cannot.
fn read(path: &Path, filter: Filter) -> (Vec<Bytes>, Vec<Damage>) {
    let (mut events, mut damage) = (Vec::new(), Vec::new());
    for record in Archive::open(path).unwrap().records(filter) {
        match record {
            Ok(record) => events.push(record.bytes().clone()),
            Err(missing) => damage.push(missing),
        }
    }
    (events, damage)
}
