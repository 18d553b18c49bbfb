//! Logs that no node wrote.

use std::io::Write;

use extractor_log::Options;

use crate::{append, follow, text, write};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn an_endless_line_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("debug.log");
    let mut file = append(&path);
    let mut observed = follow("endless", &path, Options::default()).await;
    for _ in 0..64 {
        file.write_all(&vec![b'x'; MIB]).unwrap();
    }
    file.write_all(b"\n").unwrap();
    write(&mut file, 0..1);
    let mut bytes = 0;
    while bytes < 64 * MIB as u64 {
        let (_, entry) = observed.next().await;
        assert!(entry.log_line_bytes <= MIB as u64 && text(&entry).len() <= MIB, "{}", entry.log_line_bytes);
        bytes += entry.log_line_bytes;
    }
    assert_eq!(bytes, 64 * MIB as u64);
    observed.expect(0..1).await;
    observed.stop().await;
}

#[tokio::test]
async fn garbage_gives_events_and_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("debug.log");
    let mut file = append(&path);
    write(&mut file, 0..1);
    let from_start = Options { from_start: true, ..Options::default() };
    let mut observed = follow("garbage", &path, from_start).await;
    observed.expect(0..1).await;
    // Any bytes, with line ends and times in places.
    let mut state = 1u64;
    let mut garbage = Vec::new();
    while garbage.len() < 3 * MIB {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match state >> 59 {
            0 => garbage.extend_from_slice(b"\n2026-06-23T16:19:13Z"),
            1 => garbage.extend_from_slice(b"\n\0[net] "),
            _ => garbage.extend_from_slice(&state.to_le_bytes()),
        }
    }
    for piece in garbage.chunks(100_003) {
        file.write_all(piece).unwrap();
    }
    file.write_all(b"\n").unwrap();
    write(&mut file, 1..2);
    let (mut entries, mut bytes) = (0, 0);
    loop {
        let (_, entry) = observed.next().await;
        if entry.log_line_bytes < 100 && text(&entry) == "number 1" {
            break;
        }
        entries += 1;
        bytes += entry.log_line_bytes;
    }
    // Nothing is left out but line ends between entries.
    assert!(entries > 500 && bytes > garbage.len() as u64 * 99 / 100, "{entries} {bytes}");
    observed.stop().await;
}

#[tokio::test]
async fn what_is_no_file_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let observed = crate::observe("folder", extractor_log::Source::File(folder.path().to_owned()), Options::default());
    let logged =
        || testbed::log::lines(&["WARN", "node folder: cannot read", "neither a file nor a FIFO", "once"]).len();
    testbed::eventually("it is logged", crate::PATIENCE, || async { (logged() == 1).then_some(()) }).await.unwrap();
    observed.stop().await;
}

#[tokio::test]
async fn a_packed_log_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("debug.log.1.xz");
    std::fs::write(&path, include_bytes!("cases/debug.log.1.xz")).unwrap();
    let observed = crate::observe("packed", extractor_log::Source::File(path), Options::default());
    let logged = || testbed::log::lines(&["WARN", "node packed: cannot read", "it is xz data", "--once", "once"]).len();
    testbed::eventually("it is logged", crate::PATIENCE, || async { (logged() == 1).then_some(()) }).await.unwrap();
    observed.stop().await;
}
