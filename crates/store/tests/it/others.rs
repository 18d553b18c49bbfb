//! Files of other programs are read, and ours are read by others.

use std::io::Write;
use std::process::Command;

use store::archive::{Fault, Form};

use super::*;

/// The content of an archive, as other programs have it.
fn content(records: &[Record]) -> Vec<u8> {
    let mut content = vec![6, 0x08, 0xc0, 0xd0, 0xa0, 0xd5, 0x06];
    for record in records {
        let mut length = record.bytes().len();
        while length > 0x7f {
            content.push(length as u8 | 0x80);
            length >>= 7;
        }
        content.push(length as u8);
        content.extend_from_slice(record.bytes());
    }
    content
}

fn file(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// One frame without size and checksum, with the large window of high levels, as the original archiver writes it.
fn one_frame(content: &[u8], level: i32) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), level).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn zstd_reads_every_file_of_ours() {
    let directory = directory();
    let records = many(2000);
    for level in [1, 9, 22] {
        let path = write(&Options { level, frame_bytes: Some(50_000), ..options(directory.path()) }, &records);
        let output = Command::new("zstd").args(["-dc", "--"]).arg(&path).output();
        let Ok(output) = output else {
            println!("SKIPPED: there is no program zstd");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let header_length = output.stdout[0] as usize + 1;
        assert_eq!(output.stdout[header_length..], content(&records)[7..], "level {level}");
        let tested = Command::new("zstd").args(["-t", "--"]).arg(&path).output().unwrap();
        assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
    }
}

#[test]
fn python_reads_every_file_of_ours() {
    let directory = directory();
    let records = many(500);
    let path = write(&options(directory.path()), &records);
    let script = "import sys, zstandard\n\
        with open(sys.argv[1], 'rb') as f:\n  \
        sys.stdout.buffer.write(zstandard.ZstdDecompressor().stream_reader(f, read_across_frames=True).read())";
    let output = Command::new("python3").args(["-c", script]).arg(&path).output();
    match output {
        Ok(output) if output.status.success() => {
            let header_length = output.stdout[0] as usize + 1;
            assert_eq!(output.stdout[header_length..], content(&records)[7..]);
        }
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("ModuleNotFoundError") => {
            println!("SKIPPED: Python has no module zstandard");
        }
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => println!("SKIPPED: there is no Python: {error}"),
    }
}

#[test]
fn files_of_the_original_are_read() {
    let directory = directory();
    let records = many(3000);
    let content = content(&records);
    let raw = file(directory.path(), "archive.20260910-120000-000.bin", &content);
    assert_eq!(read(&raw, Filter::default()), (bytes(&records), Vec::new()));
    assert_eq!(Archive::open(&raw).unwrap().form(), Form::Raw);
    for level in [3, 22] {
        let whole = one_frame(&content, level);
        let path = file(directory.path(), "archive.20260910-120000-000.bin.zst", &whole);
        assert_eq!(read(&path, Filter::default()), (bytes(&records), Vec::new()), "level {level}");
        let archive = Archive::open(&path).unwrap();
        assert!(archive.header().is_some() && archive.index().is_none() && !archive.has_table());
        // Its writer was killed.
        let path = file(directory.path(), "archive.20260910-120000-000.bin.zst", &whole[..whole.len() / 2]);
        let (events, damage) = read(&path, Filter::default());
        assert!(level == 22 || events.len() > 100, "{}", events.len());
        assert_eq!(events[..], bytes(&records)[..events.len()]);
        assert_eq!(damage.iter().map(|damage| damage.fault).collect::<Vec<_>>(), [Fault::Cut]);
    }
}

#[test]
fn frames_that_end_within_records_are_read() {
    let directory = directory();
    let records = many(300);
    let frames: Vec<u8> = content(&records).chunks(777).flat_map(|part| one_frame(part, 3)).collect();
    let path = file(directory.path(), "a.bin.zst", &frames);
    assert_eq!(read(&path, Filter::default()), (bytes(&records), Vec::new()));
    // One file behind the other, as cat makes it.
    let whole = one_frame(&content(&records), 3);
    let path = file(directory.path(), "a.bin.zst", &[whole.clone(), whole].concat());
    assert_eq!(read(&path, Filter::default()).0.len(), 600);
}

#[test]
fn a_header_of_before_2026_is_known() {
    let directory = directory();
    let records = many(30);
    let former = [b"PA\x01\0\0\0\0\0\0\0\0\0\0\0\0\0", &content(&records)[7..]].concat();
    for (name, bytes_of_file) in [("a.bin", former.clone()), ("a.bin.zst", one_frame(&former, 3))] {
        let path = file(directory.path(), name, &bytes_of_file);
        let archive = Archive::open(&path).unwrap();
        assert!(archive.has_former_header() && archive.header().is_none());
        assert_eq!(read(&path, Filter::default()), (bytes(&records), Vec::new()));
    }
}

#[test]
fn what_watch_prints_is_read() {
    let directory = directory();
    let records = many(30);
    let path = file(directory.path(), "events", &content(&records)[7..]);
    assert_eq!(read(&path, Filter::default()), (bytes(&records), Vec::new()));
    assert_eq!(Archive::open(&path).unwrap().header(), None);
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    let directory = directory();
    let text = file(directory.path(), "notes.txt", "this is no archive, but some text\n".repeat(1000).as_bytes());
    let (events, damage) = read(&text, Filter::default());
    assert!(events.is_empty() && !damage.is_empty() && damage.len() <= 16, "{damage:?}");
    assert!(Archive::open(directory.path()).is_err());
    let empty = file(directory.path(), "a.bin", b"");
    assert_eq!(read(&empty, Filter::default()), (Vec::new(), Vec::new()));
}
