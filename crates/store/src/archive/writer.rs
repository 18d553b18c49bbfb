//! Writes an archive file.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use event::Record;
use prost::Message;
use zstd::bulk::Compressor;

use super::compress::{compress, compressor};
use super::content::{self, Header, MAX_RECORD};
use super::error::ArchiveError;
use super::index::Index;
use super::output::Output;
use super::seek_table::Entry;
use super::summary::Summary;

/// Bytes of content of a frame, unless something else is asked for.
const FRAME_BYTES: usize = 8 << 20;
/// The same for those who pay for smaller files by time, and the level from which on that is so.
const LARGE_FRAME_BYTES: usize = 16 << 20;
const LARGE_FRAME_LEVEL: i32 = 10;
/// How long a frame is written at most, so that the index of a quiet node's file tells times apart.
const MAX_FRAME_AGE: Duration = Duration::from_secs(600);

/// How files are written.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where. It must be there.
    pub directory: PathBuf,
    /// What their names begin with.
    pub base: String,
    /// The level of zstd's compression; 0 for none.
    pub level: i32,
    /// Bytes of content after which a frame is completed. None for what suits the level: 8 MiB, or 16 MiB from level 10 on.
    pub frame_bytes: Option<usize>,
    /// How long events are kept in memory at most: what a crash takes.
    pub sync_every: Duration,
    /// What [`Header::low_data`] says.
    pub low_data: bool,
    /// What [`Header::selection`] says.
    pub selection: Option<String>,
}

impl Options {
    /// Files in this directory, with what is good for most.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            base: "archive".to_owned(),
            level: 3,
            frame_bytes: None,
            sync_every: Duration::from_secs(5),
            low_data: false,
            selection: None,
        }
    }

    /// Bytes of content after which a frame is completed.
    pub fn frame_bytes(&self) -> usize {
        self.frame_bytes.unwrap_or_else(|| frame_bytes(self.level)).clamp(1, MAX_RECORD)
    }

    /// The first record of a file that is begun at this time.
    pub(crate) fn header(&self, begun_ns: u64) -> Header {
        let low_data = self.low_data.then_some(true);
        Header { created: begun_ns / 1_000_000_000, low_data, selection: self.selection.clone() }
    }
}

/// Bytes of content of a frame that suit a level.
pub(crate) fn frame_bytes(level: i32) -> usize {
    if level < LARGE_FRAME_LEVEL { FRAME_BYTES } else { LARGE_FRAME_BYTES }
}

/// What of a file is safe, whatever happens to this process and to the power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// Bytes of the file.
    pub bytes: u64,
    /// Events, which are the first that were appended.
    pub events: u64,
}

/// A file that is being written. Dropping it leaves it as a crash would.
pub struct Writer {
    output: Output,
    frame_bytes: usize,
    sync_every: Duration,
    /// None if there is no compression.
    compressor: Option<Compressor<'static>>,
    /// Content that is not compressed yet.
    content: Vec<u8>,
    /// What is compressed and not written yet.
    compressed: Vec<u8>,
    /// When the first event came that is not safe.
    begun: Option<Instant>,
    frame: Open,
    summary: Summary,
    /// Events that are safe, and those that are not.
    events: u64,
    pending: u64,
    /// Bytes of content in the frames that are complete, and those that are safe.
    completed: u64,
    content_bytes: u64,
    created: Instant,
}

/// The frame that is not complete.
#[derive(Default)]
struct Open {
    /// Its bytes in the file, and those of its content that were compressed.
    size: u64,
    content: u64,
    /// When its first event came.
    begun: Option<Instant>,
    /// The compressor has ended it.
    ended: bool,
}

impl Writer {
    /// Begins a file, named by this time (nanoseconds since the UNIX epoch), that nobody but its owner can read. Its header is durable.
    ///
    /// # Errors
    /// It cannot be created or written.
    pub fn create(options: &Options, now_ns: u64) -> Result<Self, ArchiveError> {
        let output = Output::create(options, now_ns)?;
        let frame_bytes = options.frame_bytes();
        let compressor = (options.level != 0).then(|| compressor(options.level, frame_bytes)).transpose();
        let compressor = compressor.map_err(ArchiveError::io("compress", output.path()))?;
        let mut writer = Self {
            output,
            frame_bytes,
            sync_every: options.sync_every,
            compressor,
            content: Vec::new(),
            compressed: Vec::new(),
            begun: None,
            frame: Open::default(),
            summary: Summary::default(),
            events: 0,
            pending: 0,
            completed: 0,
            content_bytes: 0,
            created: Instant::now(),
        };
        content::put_record(&mut writer.content, &options.header(now_ns).encode_to_vec());
        if let Err(error) = writer.end_frame().and_then(|()| writer.output.sync_directory()) {
            // Without a header it would be of no use.
            let _ = std::fs::remove_file(writer.path());
            return Err(error);
        }
        Ok(writer)
    }

    /// Appends an event. Makes it and those before it safe if the frame is large enough, or they have waited for long enough.
    ///
    /// # Errors
    /// They cannot be written: they are kept in memory. Do not append more until [`Self::sync`] could write them.
    pub fn append(&mut self, record: &Record) -> Result<(), ArchiveError> {
        self.append_as(record, record.bytes())
    }

    /// Puts a statement of what was left out before the next event. It becomes safe with that, and is none of the events that are counted here.
    pub fn state(&mut self, selection: &Record) {
        self.put_content(selection, selection.bytes());
    }

    fn put_content(&mut self, record: &Record, bytes: &[u8]) {
        let before = self.content.len();
        content::put_record(&mut self.content, bytes);
        self.summary.add(record, (self.content.len() - before) as u64);
    }

    /// Appends an event in this encoded form.
    ///
    /// # Errors
    /// As for [`Self::append`].
    pub fn append_as(&mut self, record: &Record, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.put_content(record, bytes);
        self.pending += 1;
        let begun = *self.begun.get_or_insert_with(Instant::now);
        self.frame.begun.get_or_insert(begun);
        if self.frame.content as usize + self.content.len() >= self.frame_bytes {
            return self.end_frame();
        }
        if begun.elapsed() >= self.sync_every { self.sync() } else { Ok(()) }
    }

    /// When what is not safe must be, by the options; none if there is nothing.
    pub fn due(&self) -> Option<Instant> {
        self.begun.map(|begun| begun + self.sync_every)
    }

    /// Makes all events safe: writes them to the file, and waits until the disk has them. The frame goes on, unless it is old, so that what comes
    /// later can be compressed by what came before. Does nothing if all are safe.
    ///
    /// # Errors
    /// They cannot be written. They are kept in memory, and the file is as it was before: this may be tried again.
    pub fn sync(&mut self) -> Result<(), ArchiveError> {
        let is_old = self.frame.begun.is_some_and(|begun| begun.elapsed() >= MAX_FRAME_AGE);
        let end = is_old || self.compressor.is_none();
        if self.content.is_empty() && self.compressed.is_empty() { Ok(()) } else { self.put(end) }
    }

    /// The same, and completes the frame.
    ///
    /// # Errors
    /// As for [`Self::sync`].
    pub fn end_frame(&mut self) -> Result<(), ArchiveError> {
        let is_empty = self.content.is_empty() && self.compressed.is_empty() && self.frame.size == 0;
        if is_empty { Ok(()) } else { self.put(true) }
    }

    fn put(&mut self, end: bool) -> Result<(), ArchiveError> {
        let new = self.content.len() as u64;
        let written = match &mut self.compressor {
            None => self.content.as_slice(),
            // This was compressed already, and could not be written.
            Some(_) if self.frame.ended => self.compressed.as_slice(),
            Some(compressor) => {
                compress(compressor, &self.content, &mut self.compressed, end)
                    .map_err(ArchiveError::io("compress", self.output.path()))?;
                self.frame.content += new;
                self.content.clear();
                self.compressed.as_slice()
            }
        };
        self.frame.ended |= end;
        self.output.append(written, true)?;
        let size = written.len() as u64;
        let checksum = Entry::checksum_of(written);
        self.events += std::mem::take(&mut self.pending);
        self.begun = None;
        self.frame.size += size;
        if self.compressor.is_none() {
            self.frame.content += new;
        }
        self.content_bytes = self.completed + self.frame.content;
        self.content.clear();
        self.compressed.clear();
        if self.content.capacity().max(self.compressed.capacity()) > 2 * self.frame_bytes {
            // After a very large event.
            (self.content, self.compressed) = Default::default();
        }
        if self.frame.ended {
            let Open { size, content, .. } = std::mem::take(&mut self.frame);
            self.completed += content;
            self.summary.end_frame(self.output.size() - size, size, content);
            self.output.end_frame(Entry { compressed: size as u32, content: content as u32, checksum });
        }
        Ok(())
    }

    /// What is safe.
    pub fn durable(&self) -> Durable {
        Durable { bytes: self.output.size(), events: self.events }
    }

    /// Events that were appended and are not safe yet.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.output.path()
    }

    /// How long it is being written.
    pub fn age(&self) -> Duration {
        self.created.elapsed()
    }

    /// Bytes of content that are safe.
    pub fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// What is in the complete frames.
    pub fn index(&self) -> &Index {
        self.summary.index()
    }

    /// Completes the file: its last frame, the index, and the table of frames. Returns its size in bytes.
    ///
    /// # Errors
    /// Something cannot be written. What was safe still is, and [`super::finish()`] can complete the file later.
    pub fn finish(mut self) -> Result<u64, ArchiveError> {
        self.end_frame()?;
        if self.compressor.is_none() { Ok(self.output.size()) } else { self.output.finish(self.summary.index()) }
    }
}
