//! Kept logs: what is written is found again, also after a crash at any place.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use event::time::parse_rfc3339;
use store::archive::ArchiveError;
use store::logs::{Found, LineFacts, Options, Query, Writer, files, search};

const SMALL: Options = Options { level: 3, frame_bytes: 4096, sync_every: Duration::from_secs(3600) };

/// A line a second, of ten peers; each hundredth has no time of its own.
fn lines(count: u64) -> Vec<String> {
    let line = |i: u64| {
        let (peer, minute, second) = (i / 37 % 10, i / 60 % 60, i % 60);
        match i % 100 {
            99 => format!("  and more of it, {i}\n"),
            _ => format!(
                "2026-11-30T10:{minute:02}:{second:02}Z [net] received: ping ({i} bytes) peer={peer}, peeraddr=203.0.113.{peer}:50000\n"
            ),
        }
    };
    (0..count).map(line).collect()
}

fn write(writer: &mut Writer, lines: &[String]) {
    let mut times = LineFacts::default();
    for line in lines {
        let time = times.time_ns(line.as_bytes()).unwrap_or(writer.last_ns());
        writer.append(line.as_bytes(), time).unwrap();
    }
}

fn create(directory: &Path) -> Writer {
    let first = parse_rfc3339("2026-11-30T10:00:00Z").unwrap();
    Writer::create(SMALL, directory, "alice", first, 0, false).unwrap()
}

fn find(directory: &Path, query: &Query) -> (String, Found) {
    let mut text = String::new();
    let found = search(&files(directory).unwrap(), query, &|| true, &mut |line| {
        text += std::str::from_utf8(line.line).unwrap();
        ControlFlow::Continue(())
    });
    assert_eq!(found.damaged, [""; 0]);
    (text, found)
}

fn all(directory: &Path) -> String {
    find(directory, &Query::default()).0
}

#[test]
fn lines_are_found_and_few_parts_are_read() {
    let dir = super::directory();
    let lines = lines(3000);
    let mut writer = create(dir.path());
    write(&mut writer, &lines);
    writer.sync().unwrap();
    let of = |keep: &dyn Fn(&str) -> bool| lines.iter().filter(|line| keep(line)).cloned().collect::<String>();
    for complete in [false, true] {
        if complete {
            let path = writer.path().to_owned();
            writer.finish().unwrap();
            let plain = zstd::decode_all(fs::File::open(&path).unwrap()).unwrap();
            assert!(plain == lines.concat().as_bytes(), "any zstd reads it");
            assert!(Writer::resume(SMALL, &path, None).unwrap().is_none());
            assert!(files(dir.path()).unwrap()[0].is_complete());
            writer = create(dir.path());
        }
        assert!(all(dir.path()) == lines.concat());
        let (text, found) = find(dir.path(), &Query { peers: vec![3], ..Query::default() });
        assert_eq!(text, of(&|line| line.contains("peer=3,")));
        assert!(found.frames > 50 && found.read < found.frames / 2, "{found:?}");
        let (text, found) =
            find(dir.path(), &Query { addrs: vec!["203.0.113.4".parse().unwrap()], ..Query::default() });
        assert_eq!(text, of(&|line| line.contains("203.0.113.4:")));
        assert!(found.read < found.frames / 2, "{found:?}");
        let at = |time: &str| parse_rfc3339(&format!("2026-11-30T{time}Z"));
        let query = Query { since_ns: at("10:20:30"), until_ns: at("10:21:44"), ..Query::default() };
        let (text, found) = find(dir.path(), &query);
        assert_eq!(text, lines[1230..=1304].concat(), "a line without a time has that of the line before");
        assert!(found.read <= 5, "{found:?}");
        let query = Query { texts: vec!["(1234 bytes)".to_owned(), "peer=".to_owned()], ..query };
        assert_eq!(find(dir.path(), &query).0, lines[1234]);
        let nobody = Query { nodes: vec!["bob".to_owned()], ..Query::default() };
        assert_eq!(find(dir.path(), &nobody).1.frames, 0);
    }
}

/// Whatever a crash leaves of a file, what was safe is there, and what follows is appended to it.
#[test]
fn a_crash_takes_only_what_was_not_safe() {
    let dir = super::directory();
    let lines = lines(400);
    let mut writer = create(dir.path());
    let mut safe = vec![(writer.safe_bytes(), 0)];
    for (index, part) in lines.chunks(40).enumerate() {
        write(&mut writer, part);
        writer.sync().unwrap();
        safe.push((writer.safe_bytes(), (index + 1) * 40));
    }
    let path = writer.path().to_owned();
    drop(writer);
    let bytes = fs::read(&path).unwrap();
    for cut in (0..=bytes.len()).step_by(7).chain([bytes.len()]) {
        fs::write(&path, &bytes[..cut]).unwrap();
        let (known, count) = *safe.iter().rfind(|(bytes, _)| *bytes <= cut as u64).unwrap();
        let mut writer = Writer::resume(SMALL, &path, Some(known)).unwrap().unwrap();
        write(&mut writer, &lines[count..]);
        writer.finish().unwrap();
        assert!(all(dir.path()) == lines.concat(), "{cut}");
    }
    // Where it is not known what was safe, all whole blocks stay.
    for cut in (0..=bytes.len()).step_by(13) {
        fs::write(&path, &bytes[..cut]).unwrap();
        let (_, count) = *safe.iter().rfind(|(bytes, _)| *bytes <= cut as u64).unwrap();
        Writer::resume(SMALL, &path, None).unwrap().unwrap().finish().unwrap();
        let kept = all(dir.path());
        assert!(lines.concat().starts_with(&kept) && kept.len() >= lines[..count].concat().len(), "{cut}");
    }
    let _writer = Writer::create(SMALL, dir.path(), "bob", 0, 0, false).unwrap();
    let bobs = files(dir.path()).unwrap().pop().unwrap();
    assert!(matches!(Writer::resume(SMALL, bobs.place.path(), None), Err(ArchiveError::InUse { .. })));
}

#[test]
fn a_gap_is_reported_in_its_time() {
    let dir = super::directory();
    let lines = lines(100);
    let mut writer = create(dir.path());
    write(&mut writer, &lines[..50]);
    writer.note_gap().unwrap();
    write(&mut writer, &lines[60..]);
    writer.finish().unwrap();
    let at = |time: &str| parse_rfc3339(&format!("2026-11-30T{time}Z"));
    let (_, found) = find(dir.path(), &Query::default());
    assert_eq!(found.gaps.len(), 1);
    assert_eq!((Some(found.gaps[0].since_ns), Some(found.gaps[0].until_ns)), (at("10:00:49"), at("10:01:00")));
    assert_eq!(find(dir.path(), &Query { until_ns: at("10:00:40"), ..Query::default() }).1.gaps, []);
}
