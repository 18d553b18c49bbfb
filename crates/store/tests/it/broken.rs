//! Files that are cut or damaged.

use store::archive::{Fault, Finished, PartKind, finish};

use super::*;

/// A file with its frames: where each is, and how many events come before it.
fn frames(path: &Path) -> Vec<(std::ops::Range<u64>, usize, usize)> {
    let archive = Archive::open(path).unwrap();
    let mut before = 0;
    let frames = archive.index().unwrap().frames.iter().map(|frame| {
        let events = frame.events as usize;
        before += events;
        (frame.offset..frame.offset + frame.size, before - events, events)
    });
    frames.collect()
}

#[test]
fn a_file_that_is_cut_anywhere_gives_all_whole_frames_and_can_be_completed() {
    let directory = directory();
    let records = bytes(&many(60));
    let path = write(&options(directory.path()), &many(60));
    let whole = std::fs::read(&path).unwrap();
    let frames = frames(&path);
    assert!(frames.len() > 3);
    let header_end = frames[0].0.start;
    let cut_file = directory.path().join("cut.20260910-120000-000.bin.zst");
    for length in 0..whole.len() {
        std::fs::write(&cut_file, &whole[..length]).unwrap();
        let expected: usize =
            frames.iter().filter(|(range, ..)| range.end <= length as u64).map(|(_, _, events)| events).sum();
        let (events, damage) = read(&cut_file, Filter::default());
        assert_eq!(events[..expected], records[..expected], "{length}");
        assert_eq!(events[..], records[..events.len()], "{length}: what is read beyond the whole frames is right, too");
        let is_frame_cut = frames.iter().any(|(range, ..)| range.start < length as u64 && (length as u64) < range.end);
        let faults: Vec<_> = damage.iter().map(|damage| damage.fault).collect();
        if is_frame_cut || (length > 0 && (length as u64) < header_end) {
            assert_eq!(faults, [Fault::Cut], "{length}");
        } else {
            assert_eq!(faults, [], "{length}");
        }
        let finished = finish(&cut_file).unwrap();
        if (length as u64) < header_end {
            assert!(matches!(finished, Finished::Empty | Finished::Damaged), "{length}: {finished:?}");
            assert_eq!(std::fs::read(&cut_file).unwrap(), &whole[..length], "it is left as it is");
            continue;
        }
        assert!(
            matches!(finished, Finished::Now { events, .. } if events == expected as u64),
            "{length}: {finished:?}"
        );
        assert_eq!(read(&cut_file, Filter::default()), (records[..expected].to_vec(), Vec::new()), "{length}");
        let archive = Archive::open(&cut_file).unwrap();
        assert!(archive.has_table() && archive.header().is_some());
        assert_eq!(archive.index().unwrap().frames.iter().map(|frame| frame.events).sum::<u64>(), expected as u64);
        if length as u64 >= frames.last().unwrap().0.end {
            assert_eq!(std::fs::read(&cut_file).unwrap(), whole, "{length}: the same as its writer would have made");
        }
    }
}

#[test]
fn a_file_that_is_damaged_anywhere_gives_all_other_frames_and_says_what_is_missing() {
    let directory = directory();
    let records = bytes(&many(40));
    let path = write(&Options { frame_bytes: Some(1000), ..options(directory.path()) }, &many(40));
    let whole = std::fs::read(&path).unwrap();
    let frames = frames(&path);
    let end = frames.last().unwrap().0.end as usize;
    let damaged_file = directory.path().join("damaged.20260910-120000-000.bin.zst");
    // Complete, and as a writer that was killed leaves it.
    for length in [whole.len(), end] {
        for position in 0..length {
            for mask in [0x01, 0x80] {
                let mut damaged = whole[..length].to_vec();
                damaged[position] ^= mask;
                std::fs::write(&damaged_file, &damaged).unwrap();
                let (events, damage) = read(&damaged_file, Filter::default());
                let hit = frames.iter().find(|(range, ..)| range.contains(&(position as u64)));
                let context = format!("byte {position} of {length} ^ {mask:#x}");
                let Some((range, before, missing)) = hit else {
                    // The header's frame, the index or the table.
                    assert!(events == records, "{context}");
                    continue;
                };
                // Bits that mean nothing to zstd may be flipped without harm.
                if events == records {
                    continue;
                }
                let expected = [&records[..*before], &records[before + missing..]].concat();
                if damage.iter().any(|damage| damage.fault == Fault::Cut) {
                    // It is taken for one that goes on behind the end of the file: the last one.
                    assert_eq!(range.end as usize, end, "{context}");
                    assert_eq!(events[..*before], records[..*before], "{context}");
                    continue;
                }
                assert!(events == expected, "{context}: {} of {}", events.len(), expected.len());
                assert!(!damage.is_empty(), "{context}");
                let at = |offset: u64| range.contains(&offset);
                assert!(damage.iter().all(|damage| at(damage.offset)), "{context}: {damage:?}");
                if length == whole.len() {
                    assert_eq!(damage.iter().map(|damage| damage.events).collect::<Vec<_>>(), [Some(*missing as u64)]);
                }
            }
        }
    }
}

/// A file whose frames hold several pieces that were made safe one after another, and what was safe when: bytes and events.
fn pieces(directory: &Path, records: &[Record]) -> (Writer, Vec<(u64, usize)>) {
    let mut writer = Writer::create(&Options { frame_bytes: Some(3000), ..options(directory) }, NOW).unwrap();
    let mut safe = vec![(writer.durable().bytes, 0)];
    for (number, record) in records.iter().enumerate() {
        writer.append(record).unwrap();
        if number % 5 == 4 {
            writer.sync().unwrap();
        }
        if writer.durable().bytes > safe.last().unwrap().0 {
            safe.push((writer.durable().bytes, writer.durable().events as usize));
        }
    }
    (writer, safe)
}

#[test]
fn what_was_safe_of_a_frame_is_kept_when_its_writer_is_killed() {
    let directory = directory();
    let events = many(64);
    let records = bytes(&events);
    let (writer, safe) = pieces(directory.path(), &events);
    assert!(!writer.index().frames.is_empty() && safe.len() > 12, "{safe:?}");
    let whole = std::fs::read(writer.path()).unwrap();
    let cut_file = directory.path().join("cut.20260910-120000-000.bin.zst");
    for length in safe[0].0 as usize..=whole.len() {
        for garbage in [&[][..], [[0; 7].as_slice(), &[0xff; 40]][length % 2]] {
            std::fs::write(&cut_file, [&whole[..length], garbage].concat()).unwrap();
            let (_, expected) = *safe.iter().rfind(|(bytes, _)| *bytes <= length as u64).unwrap();
            let context = format!("{length} of {}, then {garbage:?}", whole.len());
            let (before, _) = read(&cut_file, Filter::default());
            assert_eq!(before[..], records[..before.len()], "{context}");
            if garbage.is_empty() {
                assert!(before.len() >= expected, "{context}: {} of {expected}", before.len());
                let is_clean = safe.iter().any(|(bytes, _)| *bytes == length as u64);
                assert!(!is_clean || Archive::open(&cut_file).unwrap().check().is_empty(), "{context}");
            }
            let finished = finish(&cut_file).unwrap();
            assert!(
                matches!(finished, Finished::Now { events, .. } if events == expected as u64),
                "{context}: {finished:?}, not {expected}"
            );
            assert_eq!(read(&cut_file, Filter::default()), (records[..expected].to_vec(), Vec::new()), "{context}");
            assert_eq!(finish(&cut_file).unwrap(), Finished::Already, "{context}");
        }
    }
}

#[test]
fn a_frame_of_several_pieces_that_is_damaged_is_missing_and_no_other() {
    let directory = directory();
    let events = many(64);
    let records = bytes(&events);
    let (writer, _) = pieces(directory.path(), &events);
    let path = writer.path().to_owned();
    writer.finish().unwrap();
    let (whole, frames) = (std::fs::read(&path).unwrap(), frames(&path));
    for (range, before, missing) in &frames {
        for position in range.clone() {
            let mut damaged = whole.clone();
            damaged[position as usize] ^= 0x10;
            std::fs::write(&path, &damaged).unwrap();
            let (found, damage) = read(&path, Filter::default());
            if found == records {
                continue;
            }
            assert_eq!(found, [&records[..*before], &records[before + missing..]].concat(), "{position}");
            assert_eq!(damage.iter().map(|damage| damage.events).collect::<Vec<_>>(), [Some(*missing as u64)]);
        }
    }
}

#[test]
fn what_is_damaged_before_its_end_is_not_completed() {
    let directory = directory();
    let path = write(&options(directory.path()), &many(60));
    let frames = frames(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(frames.last().unwrap().0.end as usize);
    bytes[frames[1].0.start as usize + 30] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(finish(&path).unwrap(), Finished::Damaged);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_raw_file_that_is_cut_gives_its_whole_records() {
    let directory = directory();
    let records = many(30);
    let path = write(&Options { level: 0, ..options(directory.path()) }, &records);
    let whole = std::fs::read(&path).unwrap();
    let mut ends = vec![8];
    for record in &records {
        let length = record.bytes().len();
        ends.push(ends.last().unwrap() + length + if length < 128 { 1 } else { 2 });
    }
    ends[0] = whole.len() - (ends.last().unwrap() - 8);
    let shift = ends[0] as isize - 8;
    ends[1..].iter_mut().for_each(|end| *end = end.wrapping_add_signed(shift));
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let expected = ends[1..].iter().filter(|end| **end <= length).count();
        let (events, damage) = read(&path, Filter::default());
        assert_eq!(events, bytes(&records)[..expected], "{length}");
        assert_eq!(damage.len(), usize::from(length > 0 && !ends.contains(&length)), "{length}: {damage:?}");
        let finished = finish(&path).unwrap();
        if length >= ends[0] {
            assert!(matches!(finished, Finished::Already | Finished::Now { .. }), "{length}");
            assert_eq!(
                std::fs::metadata(&path).unwrap().len() as usize,
                *ends.iter().rfind(|e| **e <= length).unwrap()
            );
        }
    }
}

#[test]
fn bytes_of_any_kind_are_read_without_harm() {
    let directory = directory();
    let path = directory.path().join("any.20260910-120000-000.bin.zst");
    let mut random = fastrand::Rng::with_seed(7);
    let whole = std::fs::read(write(&options(directory.path()), &many(40))).unwrap();
    for round in 0..500 {
        let mut bytes = whole.clone();
        for _ in 0..random.usize(1..20) {
            match random.u8(0..4) {
                0 => bytes.truncate(random.usize(0..=bytes.len())),
                1 => {
                    let at = random.usize(0..=bytes.len());
                    bytes.splice(at..at, std::iter::repeat_with(|| fastrand::u8(..)).take(round % 50));
                }
                2 => {
                    let (from, at) = (random.usize(0..=bytes.len()), random.usize(0..=bytes.len()));
                    let part = bytes[from..].to_vec();
                    bytes.splice(at..at, part);
                }
                _ => {
                    let places = bytes.len();
                    if let Some(byte) = bytes.get_mut(random.usize(0..places.max(1))) {
                        *byte = random.u8(..);
                    }
                }
            }
            bytes.truncate(100_000);
        }
        std::fs::write(&path, &bytes).unwrap();
        let archive = Archive::open(&path).unwrap();
        let parts: u64 = archive.parts().iter().map(|part| part.size).sum();
        assert_eq!(parts, archive.size(), "parts cover the file");
        assert!(archive.parts().iter().all(|part| part.size > 0 || part.kind == PartKind::Frame));
        let _ = archive.check();
        let _ = finish(&path);
    }
}

#[test]
fn an_index_that_would_take_much_memory_is_not_used() {
    let directory = directory();
    let records = bytes(&many(20));
    let path = write(&options(directory.path()), &many(20));
    let end = frames(&path).last().unwrap().0.end as usize;
    let whole = std::fs::read(&path).unwrap();
    // Two bytes for each frame: 4 GiB of structures in a file of some kilobytes.
    let frames = zstd::bulk::compress(&[0x12, 0].repeat(16 << 20), 1).unwrap();
    let index = [b"po-index".as_slice(), &frames].concat();
    let header = [&[0x5d, 0x2a, 0x4d, 0x18], (index.len() as u32).to_le_bytes().as_slice()].concat();
    std::fs::write(&path, [&whole[..end], &header, &index].concat()).unwrap();
    assert!(Archive::open(&path).unwrap().index().is_none());
    assert_eq!(read(&path, Filter::default()), (records, Vec::new()));
}

/// Found by fuzzing: the disk has something behind what was safe that zstd takes for a block, and no record.
#[test]
fn blocks_of_zeros_behind_what_was_safe_are_no_events() {
    let directory = directory();
    let events = many(64);
    let (writer, safe) = pieces(directory.path(), &events);
    let (whole, records) = (std::fs::read(writer.path()).unwrap(), bytes(&events));
    let path = directory.path().join("cut.20260910-120000-000.bin.zst");
    for (end, expected) in safe {
        // 934 zeros, and then no block, or the last one.
        for garbage in [[0x32, 0x1d, 0, 0, 4, 0, 0x32, 0x1d], [0x32, 0x1d, 0, 0, 1, 0, 0, 0]] {
            std::fs::write(&path, [&whole[..end as usize], &garbage].concat()).unwrap();
            assert!(matches!(finish(&path).unwrap(), Finished::Now { events, .. } if events == expected as u64));
            assert_eq!(read(&path, Filter::default()), (records[..expected].to_vec(), Vec::new()));
        }
    }
}
