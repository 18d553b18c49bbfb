//! The file that a writer makes: frames that are there as a whole, and the tables behind them.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::ArchiveError;
use super::index::Index;
use super::name::FileName;
use super::seek_table::{self, Entry};
use super::writer::Options;

/// Names that are tried, a millisecond apart, where there are files already.
const MAX_TRIES: u64 = 10_000;

/// A file that is being written, and locked meanwhile.
pub(crate) struct Output {
    file: File,
    path: PathBuf,
    size: u64,
    entries: Vec<Entry>,
}

impl Output {
    /// Creates a file, named by this time (nanoseconds since the UNIX epoch), that nobody but its owner can read.
    pub fn create(options: &Options, now_ns: u64) -> Result<Self, ArchiveError> {
        let (file, path) = create(options, now_ns / 1_000_000)?;
        file.try_lock().map_err(|_| ArchiveError::InUse { path: path.clone() })?;
        Ok(Self { file, path, size: 0, entries: Vec::new() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends bytes, and waits until the disk has them if that is wanted. After an error, the file is as it was before.
    pub fn append(&mut self, bytes: &[u8], sync: bool) -> Result<(), ArchiveError> {
        let written = self.file.write_all(bytes).and_then(|()| if sync { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            self.take_back();
            return Err(ArchiveError::io("write", &self.path)(error));
        }
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// A frame has been appended as a whole.
    pub fn end_frame(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Appends index and table of frames, and waits until the disk has all. Returns the size of the file.
    pub fn finish(mut self, index: &Index) -> Result<u64, ArchiveError> {
        let size = append_tables(&mut self.file, self.size, index, &self.entries);
        size.map_err(|error| {
            self.take_back();
            ArchiveError::io("write", &self.path)(error)
        })
    }

    /// Waits until the disk has all of a file without tables. Returns its size.
    pub fn finish_raw(self) -> Result<u64, ArchiveError> {
        self.file.sync_all().map_err(ArchiveError::io("write", &self.path))?;
        Ok(self.size)
    }

    /// Makes the name of a new file durable.
    pub fn sync_directory(&self) -> Result<(), ArchiveError> {
        let Some(directory) = self.path.parent() else { return Ok(()) };
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(ArchiveError::io("write", directory))
    }

    /// Removes what was written of what could not be written to its end.
    fn take_back(&mut self) {
        // If even this fails, a reader finds a frame that is cut, and so does who completes the file.
        let _ = self.file.set_len(self.size);
        let _ = self.file.seek(SeekFrom::Start(self.size));
    }
}

/// Writes index and table of frames to the end of a file, and waits until the disk has them. Returns the size of the file.
pub(crate) fn append_tables(file: &mut File, end: u64, index: &Index, entries: &[Entry]) -> io::Result<u64> {
    let mut tables = index.in_file()?;
    let index_entry = Entry {
        compressed: u32::try_from(tables.len()).map_err(|_| io::Error::other("the index is too large"))?,
        content: 0,
        checksum: Some(seek_table::EMPTY_CHECKSUM),
    };
    let entries: Vec<Entry> = entries.iter().copied().chain([index_entry]).collect();
    tables.extend_from_slice(&seek_table::encode(&entries));
    file.write_all(&tables)?;
    file.sync_all()?;
    Ok(end + tables.len() as u64)
}

/// Creates a file that was not there, with the next name that is free.
fn create(options: &Options, now_ms: u64) -> Result<(File, PathBuf), ArchiveError> {
    let mut last = None;
    for created_ms in now_ms..now_ms.saturating_add(MAX_TRIES) {
        let name = FileName { base: options.base.clone(), created_ms, compressed: options.level != 0 };
        let name = name.text().unwrap_or_else(|_| format!("{}.{created_ms}.bin", options.base));
        let path = options.directory.join(name);
        match OpenOptions::new().write(true).read(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = Some((path, error)),
            Err(error) => return Err(ArchiveError::io("create", &path)(error)),
        }
    }
    let (path, error) = last.unwrap_or_else(|| (options.directory.clone(), io::ErrorKind::AlreadyExists.into()));
    Err(ArchiveError::io("create", &path)(error))
}
