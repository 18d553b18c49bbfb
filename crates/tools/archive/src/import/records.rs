//! The events of an archive, in batches.

use std::path::Path;

use event::{Filter, Record};
use store::archive::{Archive, Records};

/// Bytes and events of a batch.
const BATCH: usize = 1 << 20;
const MAX_EVENTS: usize = 8192;
/// Bytes of memory that a record takes at most, for each byte of it.
const MEMORY: u64 = 4;
/// Bytes of memory that reading an archive of ours takes: a frame, compressed and not, and a record.
const READING: u64 = 24 << 20;
/// Places that cannot be read, which are named; the others are counted.
const MAX_DAMAGE: usize = 10;

/// Reads the events of an archive.
pub(super) struct RecordReader {
    records: Records,
    /// One in so many bytes and events of a batch.
    share: usize,
    damage: Vec<String>,
    damaged: u64,
    size: u64,
}

/// Bytes of memory that reading an archive takes, by what its file begins with.
pub(super) fn memory(start: &[u8]) -> u64 {
    READING + logfile::zstd_window(start).unwrap_or_default().min(128 << 20)
}

impl RecordReader {
    /// Opens an archive to read it in batches of this part of what they usually are.
    ///
    /// # Errors
    /// The file can't be opened, or is no archive.
    pub(super) fn open(path: &Path, share: usize) -> Result<(Self, bool, Option<String>), String> {
        let archive = Archive::open(path).map_err(|error| error.to_string())?;
        let header = archive.header();
        if header.is_none() && !archive.has_former_header() {
            return Err("it is no archive: it has no header; correct the path".to_owned());
        }
        let low_data = header.is_some_and(|header| header.low_data == Some(true));
        let selection = header.and_then(|header| header.selection.clone());
        let (records, size) = (archive.records(Filter::default()), archive.size());
        Ok((Self { records, share, damage: Vec::new(), damaged: 0, size }, low_data, selection))
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The next events; none at the end.
    ///
    /// # Errors
    /// What of the file can't be read, after everything else.
    pub(super) fn next(&mut self) -> Result<Option<(Vec<Record>, u64)>, String> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for record in self.records.by_ref() {
            match record {
                Ok(record) => {
                    bytes += record.bytes().len();
                    batch.push(record);
                    if bytes >= BATCH / self.share || batch.len() >= MAX_EVENTS / self.share {
                        break;
                    }
                }
                Err(damage) => {
                    self.damaged += 1;
                    if self.damage.len() < MAX_DAMAGE {
                        self.damage.push(damage.to_string());
                    }
                }
            }
        }
        if !batch.is_empty() {
            let memory = bytes as u64 * MEMORY + batch.len() as u64 * 1024;
            return Ok(Some((batch, memory)));
        }
        if self.damage.is_empty() {
            return Ok(None);
        }
        let more = self.damaged - self.damage.len() as u64;
        let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
        Err(format!("not all of it can be read: {}{rest}", self.damage.join("; ")))
    }
}
