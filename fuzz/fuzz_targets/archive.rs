//! Archives: whatever the bytes are, reading ends, parts cover the file, and completing it changes no event before the damage.
//!
//! Input: a byte that says by its last bit whether the file has the name of a compressed one, and the file.

#![no_main]

use event::Filter;
use libfuzzer_sys::fuzz_target;
use store::archive::{Archive, Finished, finish};

/// In memory, where there is such a folder.
fn path(compressed: bool) -> std::path::PathBuf {
    let folder = std::path::Path::new("/dev/shm");
    let folder = if folder.is_dir() { folder.to_owned() } else { std::env::temp_dir() };
    let suffix = if compressed { "bin.zst" } else { "bin" };
    folder.join(format!("fuzz-{}.20260910-120000-000.{suffix}", std::process::id()))
}

fn events(archive: &Archive) -> Vec<Vec<u8>> {
    archive.records(Filter::default()).filter_map(Result::ok).map(|record| record.bytes().to_vec()).collect()
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    let path = path(kind & 1 == 1);
    std::fs::write(&path, data).unwrap();
    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.parts().iter().map(|part| part.size).sum::<u64>(), data.len() as u64);
    let before = events(&archive);
    archive.records(Filter { peers: vec![7], ..Filter::default() }).for_each(drop);
    if let Finished::Now { .. } = finish(&path).unwrap() {
        let after = events(&Archive::open(&path).unwrap());
        assert!(before.starts_with(&after));
    }
    std::fs::remove_file(&path).unwrap();
});
