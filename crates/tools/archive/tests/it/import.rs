//! Archives of debug.log files, and of other programs' archives.

use std::io::Write;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};

use archive::{ImportOptions, Imported, Info, Progress, import};
use decode::log::{Decoder, Splitter, Tail, lines_after};
use event::pb::event::Event;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{CompactBlockReconstructedLog, Log, SawNewHeaderLog};
use event::{Body, Kind};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use prost::Message;
use store::archive::{put_header, put_record};

use super::*;

/// A log of one line, compressed by xz, and that line.
const XZ: &[u8] = include_bytes!("../../../../extractors/log/tests/it/cases/debug.log.1.xz");
const XZ_LINE: &str = "2025-01-01T00:00:00Z [net] socket closed, disconnecting peer=9\n";

/// 2026-06-23T16:19:00Z in microseconds.
const START: u64 = 1_782_231_540_000_000;

fn options(paths: &[PathBuf], to: &Path) -> ImportOptions {
    ImportOptions {
        paths: paths.to_vec(),
        node: None,
        default_node: "host".to_owned(),
        to: to.to_owned(),
        level: 1,
        threads: NonZero::new(3),
        batch: 20_000,
    }
}

fn run(options: &ImportOptions) -> Imported {
    import(options, &Progress::default(), &AtomicBool::new(false)).unwrap()
}

/// A line of a node with thread names, so many times ten milliseconds after the start.
fn line(number: u64) -> String {
    let time = event::time::rfc3339_micros((START + number * 10_000) * 1000);
    match number % 5 {
        0 => format!("{time} [msghand] [net] received: inv (37 bytes) peer={}\n", number % 9),
        1 => format!("{time} [net] [net] connection from 198.51.100.{}:8333 accepted\n", number % 99),
        2 => format!(
            "{time} [msghand] UpdateTip: new best={number:064x} height=5 version=0x2a000000 log2_work=9.8 tx=9 date='2026-06-23T16:19:13Z' progress=0.9 cache=2.6MiB(2txo)\n"
        ),
        3 => format!("{time} [scheduler] something that nobody knows\nand more of it\n"),
        _ => format!("{time} [net] socket closed, disconnecting peer={}\n", number % 9),
    }
}

fn log(lines: std::ops::Range<u64>) -> String {
    lines.map(line).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes files with these paths and contents to a folder.
fn write(folder: &Path, files: &[(&str, Vec<u8>)]) {
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// The events of a log as the extractor makes them: without run, but for the number of starts before; lines without time have the time before.
fn extracted(log: &[u8], node: &str) -> Vec<(u64, Record)> {
    let (mut decoder, mut splitter, mut events) = (Decoder::default(), Splitter::default(), Vec::new());
    let (mut starts, mut sequence, mut time_us) = (0, 0, None);
    for entry in splitter.entries(log, Tail::Ends) {
        let first = decoder.entry(entry, 0);
        let after = lines_after(entry, &first);
        let mut logs = vec![first];
        logs.extend(after.map(|line| decoder.entry(line, 0)));
        for log in logs {
            if matches!(log.log_event, Some(LogEvent::NodeStarted(_))) && sequence > 0 {
                (starts, sequence) = (starts + 1, 0);
            }
            sequence += 1;
            time_us = Some(log.log_timestamp).filter(|time| *time > 0).or(time_us);
            events.push((starts, sequence, log));
        }
    }
    let first = events.iter().map(|(_, _, log)| log.log_timestamp).find(|time| *time > 0).unwrap_or_default();
    let mut last = first;
    let record = |(starts, sequence, mut log): (u64, u64, Log)| {
        last = if log.log_timestamp > 0 { log.log_timestamp } else { last };
        log.log_timestamp = last;
        (starts, Record::new(node.into(), 1 + starts, sequence, last * 1000, Body::LogExtractor(log)))
    };
    events.into_iter().map(record).collect()
}

/// Checks that a folder has all events of a log, in its order and byte for byte, but for the runs, of which there is one for each start.
fn check(found: &[Record], expected: &[(u64, Record)]) {
    assert_eq!(found.len(), expected.len());
    let mut runs = Vec::new();
    for (found, (starts, expected)) in found.iter().zip(expected) {
        let envelope = found.envelope();
        if runs.len() as u64 == *starts {
            assert!(!runs.contains(&envelope.run));
            runs.push(envelope.run);
        }
        assert_eq!(runs.last(), Some(&envelope.run));
        let Body::LogExtractor(_) = expected.body().unwrap() else { panic!("{expected:?}") };
        let same = Record::new(
            Arc::clone(&envelope.node),
            envelope.run,
            expected.envelope().sequence,
            expected.envelope().time_ns,
            expected.body().unwrap().clone(),
        );
        assert_eq!(found.bytes(), same.bytes());
        assert_eq!(found.envelope(), same.envelope());
    }
}

#[test]
fn every_form_gives_what_the_extractor_gives() {
    let (folder, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // Over a midnight, with a restart, and with what another program wrote.
    let start = "\n\n\n\n\n2026-06-24T02:00:00Z [init] Bitcoin Core version v29.0.0 (release build)\n";
    let text = [log(0..4000).as_str(), start, "bitcoind.service: started\n", &log(3_500_000..3_504_000)].concat();
    let bytes = text.as_bytes();
    let files = [
        ("plain/debug.log", bytes.to_vec()),
        ("gz/2026-06-23.log.gz", gzip(bytes)),
        ("zst/debug-2026-06-23.log.zst", zstd::encode_all(bytes, 1).unwrap()),
        ("xz/2026/debug.log.1.xz", XZ.repeat(3)),
        ("mark/.bitcoin/debug.log", [b"\xef\xbb\xbf", bytes].concat()),
    ];
    write(folder.path(), &files);
    write(folder.path(), &[("plain/empty.log", Vec::new()), ("plain/peers.dat", vec![7; 99])]);
    let imported = run(&options(&[folder.path().to_owned()], to.path()));
    assert!(imported.is_whole(), "{imported:?}");
    assert_eq!((imported.logs, imported.passed_over, imported.lines), (5, 2, 4 * (9600 + 7) + 3));
    assert_eq!(imported.nodes.keys().collect::<Vec<_>>(), ["gz", "mark", "plain", "xz", "zst"]);
    // A file for each day.
    assert_eq!(imported.files.len(), 4 * 2 + 1);
    for node in imported.nodes.keys() {
        let text = if node == "xz" { &XZ_LINE.repeat(3) } else { &text };
        let own = |path: &&PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(&format!("{node}.202"));
        let paths: Vec<_> = imported.files.iter().filter(own).collect();
        let found: Vec<Record> = paths
            .iter()
            .flat_map(|path| Archive::open(path).unwrap().records(Filter::default()).map(Result::unwrap))
            .collect();
        check(&found, &extracted(text.as_bytes(), node));
        let infos: Vec<_> = paths.iter().map(|path| Info::read(&Archive::open(path).unwrap(), false)).collect();
        assert!(infos.iter().all(|info| info.status == "complete" && info.nodes.keys().eq([node])));
        assert_eq!(infos[0].latest.as_ref().unwrap()[..10], infos[0].earliest.as_ref().unwrap()[..10]);
    }
    // By the index alone.
    let kind = Filter { kinds: vec!["node_started".parse().unwrap()], ..Filter::default() };
    let starts = imported.files.iter().flat_map(|path| Archive::open(path).unwrap().records(kind.clone())).count();
    assert_eq!(starts, 4);
}

#[test]
fn what_is_there_is_not_written_again() {
    let (folder, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(folder.path(), &[("alice/debug.log", log(0..3000).into())]);
    let options = options(&[folder.path().to_owned()], to.path());
    let first = run(&options);
    let again = run(&options);
    assert_eq!((again.events, again.known, again.files.len()), (0, first.events, 0));
    // It has grown, and what was there was rotated away.
    let text = log(0..5000);
    write(
        folder.path(),
        &[("alice/debug.log.1.gz", gzip(text.as_bytes())), ("alice/debug.log", log(5000..5100).into())],
    );
    let more = run(&options);
    assert_eq!(more.known, first.events);
    let expected = extracted(text.as_bytes(), "alice");
    let old: Vec<Record> =
        all(to.path()).into_iter().filter(|r| r.envelope().time_ns < (START + 5000 * 10_000) * 1000).collect();
    check(&old, &expected);
    assert_eq!(all(to.path()).len() as u64, first.events + more.events);
    // Nor is what two of the files have.
    let (copies, at_once) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(
        copies.path(),
        &[("alice/debug.log", log(0..5000).into()), ("alice/debug.log.gz", gzip(log(0..3000).as_bytes()))],
    );
    let options = ImportOptions { paths: vec![copies.path().to_owned()], to: at_once.path().to_owned(), ..options };
    let imported = run(&options);
    assert_eq!((imported.events, imported.known), (expected.len() as u64, first.events));
}

#[test]
fn what_is_stopped_goes_on_where_it_was() {
    let (folder, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = log(0..60_000);
    write(folder.path(), &[("debug.log", text.clone().into())]);
    let options =
        ImportOptions { node: Some("alice".to_owned()), ..options(&[folder.path().join("debug.log")], to.path()) };
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let stopped = std::thread::scope(|scope| {
        let importing = scope.spawn(|| import(&options, &progress, &stop));
        while progress.bytes().is_none_or(|(read, _)| read < 100_000) {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        importing.join().unwrap().unwrap()
    });
    assert!(stopped.stopped && !stopped.is_whole());
    for path in paths(to.path()) {
        assert_eq!(Info::read(&Archive::open(path).unwrap(), true).status, "complete");
    }
    // Another one was killed: its file is not complete.
    for path in paths(to.path()) {
        let archive = Archive::open(&path).unwrap();
        let cut = archive.parts().iter().rev().take(2).map(|part| part.size).sum::<u64>() + 3;
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(archive.size() - cut).unwrap();
    }
    let rest = run(&options);
    assert!(rest.is_whole());
    check(&all(to.path()), &extracted(text.as_bytes(), "alice"));
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_read() {
    let (folder, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let whole = gzip(log(0..20_000).as_bytes());
    let noise: Vec<u8> = (0..10_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let files = [
        ("cut/debug.log.gz", whole[..whole.len() / 2].to_vec(), "its gzip data are cut off"),
        ("noise/debug.log", noise, "it is binary data"),
        ("other/access.log", b"198.51.100.7 GET /index.html\n".repeat(100), "no line in its first"),
        ("tar/logs.log.gz", gzip(&[&[0; 257], b"ustar".as_slice(), &[0; 400]].concat()), "it is a tar archive"),
        ("cut/debug.log.xz", XZ[..XZ.len() / 2].to_vec(), "its xz data are cut off"),
        ("bad/a.20260910-120000-007.bin.zst", zstd::encode_all(&b"nothing"[..], 1).unwrap(), "it is no archive"),
    ];
    let written: Vec<_> = files.iter().map(|(name, bytes, _)| (*name, bytes.clone())).collect();
    write(folder.path(), &written);
    write(folder.path(), &[("good/debug.log", log(0..100).into())]);
    let imported = run(&options(&[folder.path().to_owned(), folder.path().join("missing")], to.path()));
    assert!(!imported.is_whole());
    assert_eq!(imported.logs, 1);
    for (name, _, reason) in &files {
        let left_out = imported.left_out.iter().find(|left_out| left_out.file.ends_with(name)).unwrap();
        assert!(left_out.reason.contains(reason), "{left_out:?}");
    }
    assert_eq!(imported.left_out.len(), files.len() + 1, "{:?}", imported.left_out);
    // Of what is cut there is what comes before, and an entry that is cut is not there.
    let expected = extracted(log(0..20_000).as_bytes(), "cut");
    let of_cut = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("cut.");
    let found: Vec<Record> = paths(to.path())
        .iter()
        .filter(|path| of_cut(path))
        .flat_map(|path| Archive::open(path).unwrap().records(Filter::default()).map(Result::unwrap))
        .collect();
    assert!((5_000..20_000).contains(&found.len()), "{}", found.len());
    check(&found, &expected[..found.len()]);
}

/// An event of a program that counts none and names no node.
fn theirs(event: LogEvent, number: u64) -> Vec<u8> {
    let body = Body::LogExtractor(Log { log_event: Some(event), ..Log::default() });
    let timestamp = START / 1000 + number;
    Event { timestamp, peer_observer_event: Some(body), ..Event::default() }.encode_to_vec()
}

#[test]
fn archives_of_other_programs_become_ours() {
    let (folder, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let header = SawNewHeaderLog { block_hash: "aa".to_owned(), block_height: 9, peer_id: 3, is_cmpctblock: true };
    let block =
        CompactBlockReconstructedLog { block_hash: "bb".to_owned(), requested_txn_bytes: 5, ..Default::default() };
    let mut content = Vec::new();
    put_header(&mut content, START / 1_000_000, true);
    put_record(&mut content, &theirs(LogEvent::SawNewHeaderLog(header), 1));
    put_record(&mut content, &theirs(LogEvent::CompactBlockReconstructedLog(block), 2));
    // Ours, with a run of its own.
    samples().iter().for_each(|sample| put_record(&mut content, sample.bytes()));
    let files = [
        ("carol/archive.20260623-161900-000.bin.zst", zstd::encode_all(&*content, 3).unwrap()),
        ("dave/archive.20260623-161900-000.bin", content),
    ];
    write(folder.path(), &files);
    let options = options(&[folder.path().to_owned()], to.path());
    let imported = run(&options);
    assert!(imported.is_whole(), "{imported:?}");
    assert_eq!(imported.archives, 2);
    for node in ["carol", "dave"] {
        let found: Vec<Record> = all(to.path())
            .into_iter()
            .filter(|record| &*record.envelope().node == node && record.envelope().run > 7)
            .collect();
        let of = |kind| found.iter().find(|record| record.envelope().kind == kind).unwrap();
        let (header, block) = (of(Kind::HeaderSeen), of(Kind::CompactBlockReconstructed));
        assert_eq!((header.envelope().sequence, block.envelope().sequence), (1, 2));
        assert_eq!(header.envelope().time_ns, (START / 1000 + 1) * 1_000_000);
        for record in [header, block] {
            let event = Event::decode(record.bytes().clone()).unwrap();
            let Some(Body::LogExtractor(log)) = event.peer_observer_event else { panic!("{record:?}") };
            assert!(matches!(log.log_event, Some(LogEvent::HeaderSeen(_) | LogEvent::CompactBlockReconstructed(_))));
        }
    }
    let archives: Vec<Archive> = paths(to.path()).iter().map(|path| Archive::open(path).unwrap()).collect();
    assert!(
        archives.iter().all(|archive| archive.index().is_some() && archive.header().unwrap().low_data == Some(true))
    );
    assert_eq!(run(&options).events, 0);
}

/// Parts of logs as programs write and mix them.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..100_000u64).prop_map(line),
        (0..100_000u64).prop_map(|number| line(number).replace("[msghand] ", "")),
        (0..100_000u64).prop_map(|number| format!("bitcoin | {}", line(number))),
        Just("another program says so\n".to_owned()),
        Just("\n".to_owned()),
        Just("\n\n\n\n\n2026-06-24T02:00:00Z Bitcoin Core version v29.0.0 (release build)\n".to_owned()),
        (1..3000usize).prop_map(|length| "x".repeat(length) + "\n"),
        Just("no end".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_log_in_any_batches_gives_what_the_extractor_gives(
        parts in prop::collection::vec(part(), 1..60),
        batch in 1..4000usize,
    ) {
        let (folder, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let text = line(0) + &parts.concat();
        write(folder.path(), &[("alice/debug.log", text.clone().into())]);
        let imported = run(&ImportOptions { batch, ..options(&[folder.path().to_owned()], to.path()) });
        prop_assert!(imported.is_whole(), "{imported:?}");
        check(&all(to.path()), &extracted(text.as_bytes(), "alice"));
    }
}
