//! Files of a writer that was killed: whatever the disk has behind what was safe, completing such a file loses none of it.
//!
//! Input: what of the file is there: the number of a place where everything before was safe, how many bytes behind it, and what else is there.

#![no_main]

mod memory;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use event::{Body, Filter, Record};
use libfuzzer_sys::fuzz_target;
use store::archive::{Archive, Options, Writer, finish};

/// Completing takes what reading does.
const MEMORY: usize = 200 << 20;

/// A file that was not completed.
struct Unfinished {
    file: Vec<u8>,
    events: Vec<Vec<u8>>,
    /// Bytes and events that were safe, one time after another.
    safe: Vec<(usize, usize)>,
}

static UNFINISHED: LazyLock<Unfinished> = LazyLock::new(|| {
    let folder = folder("unfinished");
    std::fs::create_dir_all(&folder).unwrap();
    let options = Options { frame_bytes: Some(600), ..Options::new(&folder) };
    let mut writer = Writer::create(&options, 1_789_041_600_000_000_000).unwrap();
    let (mut events, mut safe) = (Vec::new(), Vec::new());
    for sequence in 1..60 {
        let log = event::pb::log_extractor::Log { log_timestamp: sequence, ..Default::default() };
        let record = Record::new("alice".into(), 7, sequence, sequence * 1_000_000, Body::LogExtractor(log));
        events.push(record.bytes().to_vec());
        writer.append(&record).unwrap();
        if sequence % 4 == 0 {
            writer.sync().unwrap();
            let durable = writer.durable();
            safe.push((durable.bytes as usize, durable.events as usize));
        }
    }
    let file = std::fs::read(writer.path()).unwrap();
    drop(writer);
    std::fs::remove_dir_all(folder).unwrap();
    Unfinished { file, events, safe }
});

/// In memory, where there is such a folder.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new("/dev/shm");
    let folder = if folder.is_dir() { folder.to_owned() } else { std::env::temp_dir() };
    folder.join(format!("fuzz-{name}-{}", std::process::id()))
}

fn events(path: &Path) -> Vec<Vec<u8>> {
    let archive = Archive::open(path).unwrap();
    archive.records(Filter::default()).flatten().map(|record| record.bytes().to_vec()).collect()
}

fuzz_target!(|data: &[u8]| {
    let Unfinished { file, events: all, safe } = &*UNFINISHED;
    let [place, more, other @ ..] = data else { return };
    // What looks like another frame is no end of a file: then nothing is changed.
    if other.windows(3).any(|bytes| bytes == [0xb5, 0x2f, 0xfd] || bytes == [0x2a, 0x4d, 0x18]) {
        return;
    }
    let (bytes, count) = safe[usize::from(*place) % safe.len()];
    let end = (bytes + usize::from(*more)).min(file.len());
    let folder = folder("mend");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("fuzz.20260910-120000-000.bin.zst");
    std::fs::write(&path, [&file[..end], other].concat()).unwrap();
    memory::at_most(MEMORY, || finish(&path)).unwrap();
    let found = memory::at_most(MEMORY, || events(&path));
    assert!(found.starts_with(&all[..count]), "{} of {count} events", found.len());
    memory::at_most(MEMORY, || finish(&path)).unwrap();
    assert_eq!(events(&path), found);
});
