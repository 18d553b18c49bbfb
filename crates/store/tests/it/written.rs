//! What is written is read back.

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use store::archive::{ArchiveError, FileName, Finished, Form, Header, finish, merge};

use super::*;

#[test]
fn a_file_of_every_kind_is_read_as_it_was_written() {
    let directory = directory();
    let records = samples();
    for level in [0, 1, 9, 22] {
        let selection = (level == 9).then(|| "--kind rpc".to_owned());
        let path = write(&Options { level, low_data: level == 9, selection, ..options(directory.path()) }, &records);
        assert_eq!(read(&path, Filter::default()), (bytes(&records), Vec::new()), "level {level}");
        let archive = Archive::open(&path).unwrap();
        let low_data = (level == 9).then_some(true);
        let selection = low_data.map(|_| "--kind rpc".to_owned());
        assert_eq!(archive.header(), Some(&Header { created: NOW / 1_000_000_000, low_data, selection }));
        assert_eq!(archive.form(), if level == 0 { Form::Raw } else { Form::Zstd });
        assert_eq!(archive.has_table(), level != 0);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let name = FileName::of(&path).unwrap();
        assert_eq!((name.base.as_str(), name.created_ms / 1000), ("archive", NOW / 1_000_000_000));
        assert_eq!(finish(&path).unwrap(), Finished::Already);
    }
    let names: Vec<_> = store::archive::files([directory.path()]).unwrap();
    assert_eq!(names.len(), 4, "each has a name of its own: {names:?}");
}

#[test]
fn what_is_durable_is_known() {
    let directory = directory();
    let records = many(200);
    let mut writer = Writer::create(&options(directory.path()), NOW).unwrap();
    assert!(writer.durable().bytes > 0 && writer.due().is_none(), "the header");
    for record in &records {
        writer.append(record).unwrap();
        let durable = writer.durable();
        let (read, damage) = read(writer.path(), Filter::default());
        assert_eq!((read.len() as u64, damage), (durable.events, Vec::new()));
        assert_eq!(std::fs::metadata(writer.path()).unwrap().len(), durable.bytes);
    }
    assert!(writer.durable().events > 100 && writer.pending() > 0 && writer.due().is_some());
    assert!(matches!(finish(writer.path()), Err(ArchiveError::InUse { .. })));
    writer.end_frame().unwrap();
    assert_eq!(writer.durable().events, 200);
}

#[test]
fn a_frame_is_not_open_for_longer_than_it_may() {
    let directory = directory();
    let records = many(2);
    let options = Options { sync_every: Duration::from_millis(1), ..Options::new(directory.path()) };
    let mut writer = Writer::create(&options, NOW).unwrap();
    writer.append(&records[0]).unwrap();
    while writer.due().is_some_and(|due| due > std::time::Instant::now()) {}
    writer.append(&records[1]).unwrap();
    assert_eq!(writer.durable().events, 2);
}

#[test]
fn several_files_are_read_by_time() {
    let directory = directory();
    let records = many(300);
    // Three files that overlap, and one that comes before them.
    let mut of_file = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for (index, record) in records.into_iter().enumerate() {
        of_file[if index < 50 { 3 } else { index % 3 }].push(record);
    }
    let paths: Vec<_> = of_file.iter().map(|records| write(&options(directory.path()), records)).collect();
    for cut in [false, true] {
        if cut {
            // Without an index.
            for path in &paths {
                let archive = Archive::open(path).unwrap();
                let end = archive.parts().iter().rev().nth(1).unwrap().offset;
                std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(end).unwrap();
            }
        }
        let merged = merge(paths.clone(), Filter::default()).unwrap();
        let times: Vec<u64> = merged.map(|record| record.unwrap().envelope().time_ns).collect();
        let expected: Vec<u64> = (0..300).map(|index| NOW + index * 1_000_000).collect();
        assert_eq!(times, expected, "without index: {cut}");
    }
}

/// How a file comes to its end.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Completed by its writer.
    Finished,
    /// Its writer was killed while it wrote: the file has any part of what comes after that was safe.
    Torn,
    /// The power failed: the file is longer than what was safe, by bytes that were never written.
    Zeros,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is written, in frames of any size, made safe at any time, and rotated and killed anywhere: what was safe is read, once, byte for byte
    /// and in order, and so is what a filter lets pass of it.
    #[test]
    fn nothing_durable_is_lost(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..120),
        frame_bytes in prop::sample::select(vec![1usize, 500, 3000, 100_000]),
        level in prop::sample::select(vec![0, 1, 3, 5]),
        files in prop::collection::vec(
            (
                0usize..60,
                prop::collection::vec(0usize..60, 0..5),
                prop::sample::select(vec![End::Finished, End::Torn, End::Zeros]),
                any::<prop::sample::Index>(),
            ),
            1..4,
        ),
        wanted in any::<prop::sample::Index>(),
    ) {
        let directory = directory();
        let samples = samples();
        let options = Options { frame_bytes: Some(frame_bytes), level, ..options(directory.path()) };
        let wanted = wanted.get(&samples).envelope();
        let filter = Filter {
            kinds: vec![wanted.kind.name().parse().unwrap()],
            peers: wanted.peer.into_iter().collect(),
            ..Filter::default()
        };
        let mut events = picks.iter().map(|pick| pick.get(&samples));
        for (count, syncs, end, cut) in files {
            let mut writer = Writer::create(&options, NOW).unwrap();
            let mut written: Vec<&Record> = events.by_ref().take(count).collect();
            for (number, record) in written.iter().enumerate() {
                writer.append(record).unwrap();
                if syncs.contains(&number) {
                    writer.sync().unwrap();
                }
            }
            let (path, mut safe) = (writer.path().to_owned(), writer.durable());
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            match end {
                End::Finished => {
                    safe.events = written.len() as u64;
                    writer.finish().unwrap();
                }
                End::Torn => {
                    let more: Vec<_> = samples.iter().take(3).collect();
                    more.iter().for_each(|record| writer.append(record).unwrap());
                    writer.sync().unwrap();
                    written.extend(more);
                    let length = writer.durable().bytes - safe.bytes;
                    file.set_len(safe.bytes + cut.index(length as usize + 1) as u64).unwrap();
                    drop(writer);
                }
                End::Zeros if level == 0 => drop(writer), // zeros are records without content there
                End::Zeros => {
                    file.set_len(safe.bytes + cut.index(300) as u64).unwrap();
                    drop(writer);
                }
            }
            drop(file);
            let finished = finish(&path).unwrap();
            prop_assert!(matches!(finished, Finished::Now { .. } | Finished::Already), "{finished:?}");
            let (found, damage) = read(&path, Filter::default());
            prop_assert_eq!(damage, Vec::new());
            prop_assert!(found.len() >= safe.events as usize, "{} of {}", found.len(), safe.events);
            let expected: Vec<_> = written.iter().take(found.len()).map(|record| record.bytes().clone()).collect();
            prop_assert_eq!(&found, &expected);
            let passing = written.iter().take(found.len()).filter(|record| filter.matches(record));
            let passing: Vec<_> = passing.map(|record| record.bytes().clone()).collect();
            prop_assert_eq!(read(&path, filter.clone()), (passing, Vec::new()));
        }
    }
}
