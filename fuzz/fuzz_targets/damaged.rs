//! Archives of which a part is not as it was written: reading ends, takes little memory, and gives all events of the other parts.
//!
//! Input: a byte that says what is damaged, and how: bytes of the file that are others (two bytes where, one byte what, and so on), the index, the
//! table of frames, or the content of a frame.

#![no_main]

mod memory;

use std::path::PathBuf;
use std::sync::LazyLock;

use event::{Body, Filter, Kind, Record};
use libfuzzer_sys::fuzz_target;
use store::archive::{Archive, Options, Writer, finish};

/// Reading takes a frame of up to 24 MiB and what is made of it.
const MEMORY: usize = 200 << 20;

/// An archive, and where each frame with events is.
struct Whole {
    file: Vec<u8>,
    events: Vec<Vec<u8>>,
    /// Offset, size and number of events.
    frames: Vec<(usize, usize, usize)>,
}

static WHOLE: LazyLock<Whole> = LazyLock::new(|| {
    let folder = folder("whole");
    std::fs::create_dir_all(&folder).unwrap();
    let options = Options { frame_bytes: Some(600), base: "whole".to_owned(), ..Options::new(&folder) };
    let mut writer = Writer::create(&options, 1_789_041_600_000_000_000).unwrap();
    let mut events = Vec::new();
    for sequence in 1..60 {
        let log = event::pb::log_extractor::Log { log_timestamp: sequence, ..Default::default() };
        let record = Record::new("alice".into(), 7, sequence, sequence * 1_000_000, Body::LogExtractor(log));
        events.push(record.bytes().to_vec());
        writer.append(&record).unwrap();
    }
    let path = writer.path().to_owned();
    writer.finish().unwrap();
    let archive = Archive::open(&*path).unwrap();
    let frames = &archive.index().unwrap().frames;
    let frames =
        frames.iter().map(|frame| (frame.offset as usize, frame.size as usize, frame.events as usize)).collect();
    let file = std::fs::read(&path).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    Whole { file, events, frames }
});

/// In memory, where there is such a folder.
fn folder(name: &str) -> PathBuf {
    let folder = std::path::Path::new("/dev/shm");
    let folder = if folder.is_dir() { folder.to_owned() } else { std::env::temp_dir() };
    folder.join(format!("fuzz-{name}-{}", std::process::id()))
}

/// A skippable frame with this content.
fn skippable(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[0x50 | kind, 0x2a, 0x4d, 0x18], &(content.len() as u32).to_le_bytes()[..], content].concat()
}

/// A table of frames of these sizes, which are all that is in the file.
fn table(sizes: &[usize]) -> Vec<u8> {
    let mut content = Vec::new();
    for size in sizes {
        content.extend_from_slice(&[&(*size as u32).to_le_bytes()[..], &[0; 8]].concat());
    }
    content.extend_from_slice(&(sizes.len() as u32).to_le_bytes());
    content.extend_from_slice(&[0x80, 0xb1, 0xea, 0x92, 0x8f]);
    skippable(0xe, &content)
}

/// The file, and how many of the first events it must have; those behind may be missing.
fn damage(how: u8, data: &[u8]) -> (Vec<u8>, Vec<&'static [u8]>) {
    let Whole { file, events, frames } = &*WHOLE;
    let (begin, end) = (frames[0].0, frames.last().map_or(0, |(offset, size, _)| offset + size));
    let all = || events.iter().map(Vec::as_slice).collect();
    match how % 4 {
        0 => {
            let (mut file, mut hit) = (file.clone(), vec![false; frames.len()]);
            for edit in data.chunks_exact(3) {
                let at = begin + usize::from(u16::from_le_bytes([edit[0], edit[1]])) % (end - begin);
                file[at] = edit[2];
                let of = frames.iter().position(|(offset, size, _)| (*offset..offset + size).contains(&at));
                hit[of.unwrap()] = true;
            }
            let (mut left, mut before) = (Vec::new(), 0);
            for ((_, _, count), hit) in frames.iter().zip(hit) {
                if !hit {
                    left.extend(events[before..before + count].iter().map(Vec::as_slice));
                }
                before += count;
            }
            (file, left)
        }
        1 => {
            let index = [b"po-index".as_slice(), &zstd::bulk::compress(data, 1).unwrap()].concat();
            let index = skippable(0xd, &index);
            let sizes: Vec<usize> = [begin].into_iter().chain(frames.iter().map(|frame| frame.1)).collect();
            let table = table(&[&sizes[..], &[index.len()]].concat());
            ([&file[..end], &index, &table].concat(), all())
        }
        2 => ([&file[..end], &skippable(0xe, data)].concat(), all()),
        _ => ([&file[..end], &zstd::bulk::compress(data, 1).unwrap()].concat(), all()),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else { return };
    let (file, expected) = damage(*how, data);
    let folder = folder("damaged");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("fuzz.20260910-120000-000.bin.zst");
    std::fs::write(&path, &file).unwrap();
    let (sizes, found) = memory::at_most(MEMORY, || {
        let archive = Archive::open(&*path).unwrap();
        let filter = Filter { kinds: vec![event::filter::Kinds::One(Kind::Message)], ..Filter::default() };
        archive.records(filter).for_each(drop);
        let found: Vec<_> = archive.records(Filter::default()).flatten().map(|event| event.bytes().clone()).collect();
        (archive.parts().iter().map(|part| part.size).sum::<u64>(), found)
    });
    assert_eq!(sizes, file.len() as u64);
    let mut found = found.iter();
    assert!(expected.iter().all(|event| found.any(|found| *found == *event)));
    memory::at_most(MEMORY, || finish(&path)).unwrap();
});
