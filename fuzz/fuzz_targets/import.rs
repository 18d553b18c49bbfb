//! What `archive import` reads, plain or compressed: reading ends within little memory, and what is written is complete.
//!
//! Input: a byte that says what the file is called and whether it is compressed first, and the file.

#![no_main]

mod memory;

use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use archive::{ImportOptions, Progress, import};
use libfuzzer_sys::fuzz_target;
use store::archive::Archive;

/// What import takes at most, without the window of zstd, which is in C.
const MEMORY: usize = 120 << 20;

const NAMES: [&str; 6] = [
    "debug.log",
    "debug.log.gz",
    "debug.log.zst",
    "debug.log.xz",
    "debug.20260910-120000-000.bin",
    "debug.20260910-120000-000.bin.zst",
];

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else { return };
    let folder = Path::new("/dev/shm");
    let folder = if folder.is_dir() { folder.to_owned() } else { std::env::temp_dir() };
    let folder = folder.join(format!("fuzz-import-{}", std::process::id()));
    let (from, to) = (folder.join("alice"), folder.join("to"));
    std::fs::create_dir_all(&from).unwrap();
    std::fs::create_dir_all(&to).unwrap();
    let packed = if how & 0x80 == 0 { data.to_vec() } else { zstd::bulk::compress(data, 1).unwrap() };
    std::fs::write(from.join(NAMES[usize::from(how & 0x7f) % NAMES.len()]), packed).unwrap();
    let options = ImportOptions {
        paths: vec![from],
        node: None,
        default_node: "host".to_owned(),
        to,
        level: 1,
        threads: NonZero::new(1),
        batch: 300,
    };
    let imported = memory::at_most(MEMORY, || import(&options, &Progress::default(), &AtomicBool::new(false))).unwrap();
    let events: u64 = imported.nodes.values().sum();
    let mut read = 0;
    for file in &imported.files {
        let archive = Archive::open(file.clone()).unwrap();
        assert!(archive.has_table() && archive.index().is_some());
        for record in archive.records(event::Filter::default()) {
            read += u64::from(record.is_ok());
        }
    }
    assert_eq!(read, events);
    std::fs::remove_dir_all(folder).unwrap();
});
