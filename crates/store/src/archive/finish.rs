//! Completes the file of a writer that was killed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use event::Filter;

use super::error::ArchiveError;
use super::layout::{Form, Part, PartKind};
use super::mend;
use super::output::append_tables;
use super::read::Archive;
use super::seek_table::Entry;
use super::summary::Summary;

/// What became of a file that was to be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// It was complete.
    Already,
    /// It is complete now.
    Now {
        /// Bytes that were removed from its end: of a frame, a record or a table that was not.
        removed: u64,
        /// Events in it.
        events: u64,
    },
    /// There is no whole frame in it: it was left as it is.
    Empty,
    /// It is damaged before its end, or not of ours: it was left as it is.
    Damaged,
}

/// Completes a file that its writer could not: ends its last frame behind the last event in it that was safe, removes what comes after that, and
/// adds index and table of frames. Takes as long as reading all of it.
///
/// # Errors
/// The file is being written, or cannot be read or written.
pub fn finish(path: &Path) -> Result<Finished, ArchiveError> {
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(ArchiveError::io("open", path))?;
    lock(&file, path)?;
    let mut archive = Archive::open(path)?;
    if archive.form() == Form::Raw {
        return finish_raw(&archive, &file, path);
    }
    if archive.has_table() {
        return Ok(Finished::Already);
    }
    let size = archive.size();
    let open = archive.header().and_then(|_| open_frame(&archive));
    let ended = open.map(|offset| mend::end_frame(&mut file, offset)).transpose();
    let ended = ended.map_err(ArchiveError::io("write", path))?.flatten();
    if ended.is_some() {
        archive = Archive::open(path)?;
    }
    let frames = match whole_frames(archive.parts()) {
        Some(frames) if archive.header().is_some() => frames,
        _ if archive.parts().iter().all(|part| part.kind == PartKind::Cut) => return Ok(Finished::Empty),
        _ => return Ok(Finished::Damaged),
    };
    let Some(end) = frames.last().map(|part| part.offset + part.size) else { return Ok(Finished::Empty) };
    let Some((summary, entries)) = summarize(&archive, &file, frames).map_err(ArchiveError::io("read", path))? else {
        return Ok(Finished::Damaged);
    };
    let events = summary.index().frames.iter().map(|frame| frame.events).sum();
    let written = file
        .set_len(end)
        .and_then(|()| file.seek(SeekFrom::Start(end)))
        .and_then(|_| append_tables(&mut file, end, summary.index(), &entries));
    written.map_err(ArchiveError::io("write", path))?;
    Ok(Finished::Now { removed: size.saturating_sub(ended.unwrap_or(end)), events })
}

/// Locks a file. A process that is just being started by the one that wrote it may still have the lock for a moment.
fn lock(file: &File, path: &Path) -> Result<(), ArchiveError> {
    for _ in 0..10 {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(error)) => return Err(ArchiveError::io("lock", path)(error)),
        }
    }
    Err(ArchiveError::InUse { path: path.to_owned() })
}

/// Where the frame begins that the writer was killed in: the last whole one, if the disk has something else than its end, or what comes after it.
fn open_frame(archive: &Archive) -> Option<u64> {
    let whole = whole_frames(archive.parts())?;
    let is_broken = |part: &&Part| archive.records_of(part).any(|record| record.is_err());
    let open = whole.last().filter(is_broken).or_else(|| archive.parts().get(whole.len()))?;
    Some(open.offset)
}

/// The frames that a file begins with; none if there are frames after these.
fn whole_frames(parts: &[Part]) -> Option<&[Part]> {
    let is_frame = |part: &Part| part.kind == PartKind::Frame;
    let whole = parts.iter().take_while(|part| is_frame(part)).count();
    let (frames, rest) = parts.split_at_checked(whole)?;
    let ours = !frames.is_empty() && !rest.iter().any(is_frame);
    ours.then_some(frames)
}

/// Reads frames and counts what is in them; none if one is damaged.
fn summarize(archive: &Archive, file: &File, frames: &[Part]) -> std::io::Result<Option<(Summary, Vec<Entry>)>> {
    let (mut summary, mut entries) = (Summary::default(), Vec::with_capacity(frames.len()));
    for part in frames {
        let mut records = archive.records_of(part);
        for record in records.by_ref() {
            let Ok(record) = record else { return Ok(None) };
            let length = record.bytes().len();
            summary.add(&record, (length + prost::length_delimiter_len(length)) as u64);
        }
        if entries.is_empty() && summary.pending() > 0 {
            return Ok(None); // ours begin with a frame that has the header alone
        }
        let content = records.content_read();
        let mut checksum = [0; 4];
        file.read_exact_at(&mut checksum, (part.offset + part.size).saturating_sub(4))?;
        summary.end_frame(part.offset, part.size, content);
        let (Ok(compressed), Ok(content)) = (u32::try_from(part.size), u32::try_from(content)) else {
            return Ok(None);
        };
        entries.push(Entry { compressed, content, checksum: Some(u32::from_le_bytes(checksum)) });
    }
    Ok(Some((summary, entries)))
}

/// Removes a record that is not whole from the end.
fn finish_raw(archive: &Archive, file: &File, path: &Path) -> Result<Finished, ArchiveError> {
    let mut events = 0;
    for record in archive.records(Filter::default()) {
        match record {
            Ok(_) => events += 1,
            Err(damage) if damage.offset + damage.bytes == archive.size() && archive.header().is_some() => {
                file.set_len(damage.offset).and_then(|()| file.sync_all()).map_err(ArchiveError::io("write", path))?;
                return Ok(Finished::Now { removed: damage.bytes, events });
            }
            Err(_) => return Ok(Finished::Damaged),
        }
    }
    Ok(if archive.header().is_some() { Finished::Already } else { Finished::Empty })
}
