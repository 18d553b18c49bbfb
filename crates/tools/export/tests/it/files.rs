//! Which files there are, whatever happens.

use std::fs;
use std::path::{Path, PathBuf};

use event::filter::Kinds;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{P2p, PingDuration};
use event::{Body, Filter, Kind, Record};
use export::{Exported, Exporter, TABLES};
use store::archive::{Archive, Options, Writer};

use super::read::{micros, parts, rows, rows_of};

const DAY_NS: u64 = 86_400_000_000_000;
/// 2026-11-28T12:00:00Z
const NOON: u64 = 1_795_867_200_000_000_000;

fn ping(sequence: u64, time_ns: u64) -> Record {
    let p2p_event = Some(P2pEvent::PingDuration(PingDuration { duration: sequence }));
    Record::new("alice".into(), 7, sequence, time_ns, Body::P2pExtractor(P2p { p2p_event }))
}

/// An archive of pings at these times.
fn archive(folder: &Path, level: i32, times: impl IntoIterator<Item = u64>) -> PathBuf {
    let options = Options { level, frame_bytes: Some(4096), ..Options::new(folder) };
    let mut writer = Writer::create(&options, NOON).unwrap();
    for (number, time) in times.into_iter().enumerate() {
        writer.append(&ping(number as u64 + 1, time)).unwrap();
    }
    let path = writer.path().to_owned();
    writer.finish().unwrap();
    path
}

fn export(archive: &Path, to: &Path, filter: Filter) -> Exported {
    Exporter::new(to, TABLES, filter).export(&Archive::open(archive).unwrap()).unwrap()
}

#[test]
fn an_export_that_is_repeated_replaces_what_it_gave() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("export");
    let file = archive(folder.path(), 3, (0..1000).map(|n| NOON + n));
    let count = |table| rows(&to, table).len();
    for _ in 0..2 {
        export(&file, &to, Filter::default());
        assert_eq!((parts(&to, "p2p").len(), count("p2p"), count("events")), (1, 1000, 1000));
    }
    let part = parts(&to, "p2p").remove(0);
    assert!(
        part.to_str().unwrap().contains("/table=p2p/date=2026-11-28/part-archive.20261128-120000-000-"),
        "{part:?}"
    );

    // The same archive elsewhere, and compressed differently, is the same; another one of the same name is not.
    let elsewhere = tempfile::tempdir().unwrap();
    export(&archive(elsewhere.path(), 9, (0..1000).map(|n| NOON + n)), &to, Filter::default());
    assert_eq!(parts(&to, "p2p"), [part]);
    let of_other = tempfile::tempdir().unwrap();
    let other = archive(of_other.path(), 3, (0..10).map(|n| NOON + 5 + n));
    export(&other, &to, Filter::default());
    assert_eq!((parts(&to, "p2p").len(), count("p2p")), (2, 1010));

    // What an export that was killed left behind goes; what others put there stays.
    let left = parts(&to, "p2p").remove(0);
    let name = left.file_stem().unwrap().to_str().unwrap();
    let (mine, foreign) = (left.with_file_name(format!(".{name}.x1y2z3.tmp")), left.with_file_name("other.parquet"));
    fs::write(&mine, "").unwrap();
    fs::write(&foreign, "").unwrap();
    export(&file, &to, Filter::default());
    export(&other, &to, Filter::default());
    assert!(!mine.exists() && foreign.exists());
    fs::remove_file(foreign).unwrap();

    // With a filter, too: what does not pass is not there any more.
    let filter = Filter { kinds: vec![Kinds::One(Kind::Status)], ..Filter::default() };
    export(&file, &to, filter);
    assert_eq!((parts(&to, "p2p").len(), count("p2p")), (1, 10));
}

#[test]
fn each_date_has_files_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("export");
    // More dates than files are written at a time, and all of them twice.
    let days = 100_u64;
    let file = archive(folder.path(), 3, (0..2).flat_map(|n| (0..days).map(move |day| NOON + day * DAY_NS + n)));
    // So that the second round comes after the first: none of the events waits for an earlier one.
    let exported = export(&file, &to, Filter::default());
    assert_eq!(exported.events, 2 * days);
    assert_eq!(rows(&to, "p2p").len(), 2 * days as usize);
    for part in parts(&to, "p2p") {
        let date = part.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        for row in rows_of(&part) {
            let time = event::time::rfc3339(micros(&row) as u64 * 1000);
            assert_eq!(date, format!("date={}", time.split('T').next().unwrap()));
        }
    }
}

#[test]
fn rows_are_in_the_order_of_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("export");
    // As four nodes write, each in its order, some seconds apart.
    let times = (0..5000_u64).map(|n| NOON + n / 4 * 1_000_000 + (n % 4) * 700_000_000);
    export(&archive(folder.path(), 3, times), &to, Filter::default());
    for table in ["p2p", "events"] {
        let times: Vec<i64> = rows(&to, table).iter().map(micros).collect();
        assert!(times.is_sorted() && times.len() == 5000, "{table}");
    }
}

#[test]
fn what_can_be_read_of_a_damaged_archive_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("export");
    let file = archive(folder.path(), 3, (0..5000).map(|n| NOON + n));
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&file, &bytes).unwrap();
    let exported = export(&file, &to, Filter::default());
    assert_eq!((exported.damaged, exported.damage.len()), (1, 1));
    let lost = exported.damage[0].events.unwrap();
    assert!(lost > 0 && exported.events == 5000 - lost, "{exported:?}");
    assert_eq!(rows(&to, "p2p").len() as u64, exported.events);

    // Nothing of a file can be read: there is nothing to write.
    fs::write(&file, b"no archive").unwrap();
    assert_eq!(export(&file, &to, Filter::default()).events, 0);
}

#[test]
fn nothing_is_replaced_by_an_export_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("export");
    let file = archive(folder.path(), 3, (0..100).map(|n| NOON + n));
    export(&file, &to, Filter::default());
    let before = parts(&to, "p2p");
    fs::remove_dir_all(to.join("table=events")).unwrap();
    fs::write(to.join("table=events"), "in the way").unwrap();
    let failed = Exporter::new(&to, TABLES, Filter::default()).export(&Archive::open(&file).unwrap());
    assert!(failed.unwrap_err().to_string().contains("cannot create"));
    assert_eq!((parts(&to, "p2p"), rows(&to, "p2p").len()), (before, 100));
}
