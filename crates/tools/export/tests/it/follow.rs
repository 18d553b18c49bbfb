//! A folder is exported hour by hour while it grows, each event once; here, and into a real S3-compatible store.

use std::fs;
use std::path::Path;
use std::time::Duration;

use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{P2p, PingDuration};
use event::{Body, Filter, Record};
use export::{Exporter, Follower, TABLES, Target};
use parquet::record::Field;
use store::archive::{Options, Writer};
use store::remote::Client;
use testbed::S3Server;

use super::read::{field, parts, rows};

const HOUR_NS: u64 = 3_600_000_000_000;
const MINUTE_NS: u64 = HOUR_NS / 60;
/// 2026-11-28T12:00:00Z
const NOON: u64 = 1_795_867_200_000_000_000;
/// When everything is over.
const LATER: u64 = NOON + 100 * HOUR_NS;

/// An archive that is being written.
struct Growing {
    writer: Writer,
    sequence: u64,
}

impl Growing {
    fn begin(folder: &Path, base: &str, created_ns: u64, level: i32) -> Self {
        let options = Options {
            base: base.to_owned(),
            level,
            // A frame for each event: hours begin with frames.
            frame_bytes: Some(1),
            sync_every: Duration::from_secs(3600),
            ..Options::new(folder)
        };
        Self { writer: Writer::create(&options, created_ns).unwrap(), sequence: 0 }
    }

    /// Events at these minutes after noon.
    fn write(&mut self, minutes: impl IntoIterator<Item = u64>) {
        for minute in minutes {
            self.sequence += 1;
            let p2p_event = Some(P2pEvent::PingDuration(PingDuration { duration: self.sequence }));
            let body = Body::P2pExtractor(P2p { p2p_event });
            let record = Record::new("alice".into(), 7, self.sequence, NOON + minute * MINUTE_NS, body);
            self.writer.append(&record).unwrap();
        }
        self.writer.end_frame().unwrap();
    }
}

fn follower(target: impl Into<Target>, folder: &Path) -> Follower {
    Follower::new(Exporter::new(target, TABLES, Filter::default()), folder).unwrap()
}

/// Exports all hours that are over: how many minutes after noon each began, and its events.
fn all(follower: &mut Follower, now_ns: u64) -> Vec<(u64, u64)> {
    let next = || follower.next(now_ns).unwrap();
    std::iter::from_fn(next).map(|hour| ((hour.hour * HOUR_NS - NOON) / MINUTE_NS, hour.exported.events)).collect()
}

fn sequences(to: &Path, table: &str) -> Vec<i64> {
    let sequence = |row: &parquet::record::Row| match field(row, "sequence") {
        Field::Long(sequence) => *sequence,
        other => panic!("{other}"),
    };
    let mut sequences: Vec<i64> = rows(to, table).iter().map(sequence).collect();
    sequences.sort_unstable();
    sequences
}

#[test]
fn each_hour_is_exported_once_when_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let (archives, to) = (folder.path().join("archive"), folder.path().join("export"));
    fs::create_dir(&archives).unwrap();
    let mut growing = Growing::begin(&archives, "archive", NOON, 3);
    let mut following = follower(&to, &archives);
    assert_eq!(all(&mut following, NOON), []);
    growing.write(0..50);
    assert_eq!(all(&mut following, NOON + 55 * MINUTE_NS), []);
    growing.write(50..150);
    assert_eq!(all(&mut following, LATER), [(0, 60), (60, 60)]);
    assert_eq!(all(&mut following, LATER), []);
    assert!(Follower::new(Exporter::new(&to, TABLES, Filter::default()), &archives).is_err(), "it is followed already");
    drop(following);

    // Another process goes on. What is late is not left out, and nothing is there twice.
    growing.write([20, 150]);
    growing.write([30, 80]);
    growing.write(180..200);
    let mut following = follower(&to, &archives);
    assert_eq!(all(&mut following, LATER), [(120, 34)]);
    assert_eq!(sequences(&to, "p2p"), Vec::from_iter(1..=154));
    let names = parts(&to, "p2p").into_iter().map(|part| part.file_stem().unwrap().to_string_lossy().into_owned());
    let hours: Vec<String> = names.map(|name| name.rsplit('-').next().unwrap().to_owned()).collect();
    assert_eq!(hours, ["2026112812", "2026112813", "2026112814"]);

    // The archive is completed, and the next one begins in the same hour: that hour is over for both, or for none.
    growing.writer.finish().unwrap();
    let mut growing = Growing::begin(&archives, "archive", NOON + 200 * MINUTE_NS, 3);
    growing.sequence = 174;
    assert_eq!(all(&mut following, LATER), []);
    growing.write(200..241);
    assert_eq!(all(&mut following, LATER), [(180, 20), (180, 40)]);
    // One that is not completed is over when there is another one.
    drop(growing);
    let mut growing = Growing::begin(&archives, "archive", NOON + 250 * MINUTE_NS, 3);
    growing.sequence = 215;
    growing.write([250, 320]);
    assert_eq!(all(&mut following, LATER), [(240, 1), (240, 1)]);
    for table in ["p2p", "events"] {
        assert_eq!(sequences(&to, table), Vec::from_iter(1..=216), "{table}");
    }
    assert_eq!(all(&mut follower_after(following, &to, &archives), LATER), []);

    // What an export of the whole made is replaced, and replaces the hours.
    growing.writer.finish().unwrap();
    let exporter = Exporter::new(&to, TABLES, Filter::default());
    for path in store::archive::files([&archives]).unwrap() {
        exporter.export(&store::archive::Archive::open(path).unwrap()).unwrap();
    }
    assert_eq!((parts(&to, "p2p").len(), sequences(&to, "p2p")), (3, Vec::from_iter(1..=217)));
    fs::remove_file(to.join("follow.json")).unwrap();
    all(&mut follower(&to, &archives), LATER);
    assert_eq!(sequences(&to, "p2p"), Vec::from_iter(1..=217));
}

fn follower_after(before: Follower, to: &Path, archives: &Path) -> Follower {
    drop(before);
    follower(to, archives)
}

#[test]
fn an_hour_that_was_not_finished_is_exported_again() {
    let folder = tempfile::tempdir().unwrap();
    let (archives, to) = (folder.path().join("archive"), folder.path().join("export"));
    fs::create_dir(&archives).unwrap();
    let mut growing = Growing::begin(&archives, "archive", NOON, 3);
    growing.write(0..130);
    all(&mut follower(&to, &archives), LATER);
    growing.write(130..190);
    // Nothing can be written of one table: the others are there, perhaps, and it is noted that they are not all.
    fs::rename(to.join("table=p2p"), to.join("away")).unwrap();
    fs::write(to.join("table=p2p"), "in the way").unwrap();
    let mut following = follower(&to, &archives);
    following.next(LATER).unwrap_err();
    drop(following);
    assert!(fs::read_to_string(to.join("follow.json")).unwrap().contains("under_way"));
    // Meanwhile it grows, and is completed: the bounds are the same.
    growing.write(190..300);
    growing.writer.finish().unwrap();
    fs::remove_file(to.join("table=p2p")).unwrap();
    fs::rename(to.join("away"), to.join("table=p2p")).unwrap();
    assert_eq!(all(&mut follower(&to, &archives), LATER), [(120, 60), (180, 60), (240, 60)]);
    for table in ["p2p", "events"] {
        assert_eq!(sequences(&to, table), Vec::from_iter(1..=300), "{table}");
    }
}

#[test]
fn an_hour_is_over_when_it_is_for_every_archiver() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("export");
    let (mut one, mut other) =
        (Growing::begin(folder.path(), "one", NOON, 3), Growing::begin(folder.path(), "other", NOON, 3));
    one.write(0..200);
    other.write(0..70);
    let mut following = follower(&to, folder.path());
    assert_eq!(all(&mut following, LATER), [(0, 60), (0, 60)]);
    other.write([130]);
    assert_eq!(all(&mut following, LATER), [(60, 60), (60, 10)]);
    // Without frames, all at once, when it does not grow any more.
    let mut plain = Growing::begin(folder.path(), "plain", NOON, 0);
    plain.write(0..10);
    other.write([200]);
    assert_eq!(all(&mut following, LATER), [(120, 60), (120, 1)], "that one may still grow");
    let mut next = Growing::begin(folder.path(), "plain", NOON + 1, 0);
    next.write([300]);
    assert_eq!(all(&mut following, NOON + 59 * MINUTE_NS), [], "by the clock, that hour is not over");
    assert_eq!(all(&mut following, LATER), [(0, 10)]);
    one.writer.finish().unwrap();
    other.writer.finish().unwrap();
    assert_eq!(all(&mut following, LATER), [(180, 20), (180, 1)], "so may the next");
}

#[test]
fn files_go_to_a_store_and_nothing_stays_here() {
    let (server, folder) = (S3Server::start().unwrap(), tempfile::tempdir().unwrap());
    let target = || {
        let folder = Client::new(server.account()).folder(&"s3://bucket/export".parse().unwrap()).unwrap();
        Target::store(folder).unwrap()
    };
    let mut growing = Growing::begin(folder.path(), "archive", NOON, 3);
    growing.write(0..130);
    let mut following = follower(target(), folder.path());
    assert_eq!(all(&mut following, LATER), [(0, 60), (60, 60)]);
    let views = following.write_views().unwrap();
    assert_eq!(views, Path::new("s3://bucket/export/tables.sql"));
    // As its objects are files, they can be read here.
    let to = server.path("export");
    assert_eq!(sequences(&to, "p2p"), Vec::from_iter(1..=120));
    let views = fs::read_to_string(to.join("tables.sql")).unwrap();
    assert!(views.contains("read_parquet('s3://bucket/export/table=p2p/date=*/part-*.parquet'"), "{views}");
    // With the store away, the hour waits; what is noted is in the store, too.
    growing.write(130..190);
    server.set_away(true);
    following.next(LATER).unwrap_err();
    server.set_away(false);
    drop(following);
    let mut following = follower(target(), folder.path());
    assert_eq!(all(&mut following, LATER), [(120, 60)]);
    assert_eq!(sequences(&to, "events"), Vec::from_iter(1..=180));
    // An export of the whole replaces the hours.
    growing.writer.finish().unwrap();
    let path = store::archive::files([folder.path()]).unwrap().remove(0);
    let archive = store::archive::Archive::open(path).unwrap();
    let exported = Exporter::new(target(), TABLES, Filter::default()).export(&archive).unwrap();
    assert!(exported.parts.iter().all(|part| part.path.starts_with("s3://bucket/export")), "{exported:?}");
    assert_eq!((parts(&to, "p2p").len(), sequences(&to, "p2p")), (1, Vec::from_iter(1..=190)));
}
