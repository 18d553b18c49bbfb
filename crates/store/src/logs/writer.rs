//! Writes the lines of a day.

use std::fs::{File, OpenOptions};
use std::hash::Hasher;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use twox_hash::XxHash64;
use zstd::bulk::Compressor;

use super::file::{Content, FrameAt, frames};
use super::frame::{ALL, Facts, Frame, Frames, ONE, in_file};
use super::line::{LineFacts, MAX_LINE};
use super::name::LogFile;
use crate::archive::compress::{compress, compressor};
use crate::archive::frame::{Block, Walker};
use crate::archive::seek_table::{self, EMPTY_CHECKSUM, Entry};
use crate::archive::{ArchiveError, PartKind};

/// How long a frame is written at most: what is not indexed yet is always read.
const MAX_FRAME_AGE: Duration = Duration::from_secs(600);
/// The last block of a frame, without content.
const LAST_BLOCK: [u8; 3] = [1, 0, 0];
/// Names that are tried, a millisecond apart, where there are files already.
const MAX_TRIES: u64 = 1000;

/// How files are written.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The level of zstd's compression, from 1 on.
    pub level: i32,
    /// Bytes of text after which a frame is completed.
    pub frame_bytes: usize,
    /// How long lines are kept in memory at most.
    pub sync_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { level: 3, frame_bytes: 4 << 20, sync_every: Duration::from_secs(5) }
    }
}

/// A file that is being written, and locked meanwhile. Dropping it leaves it as a crash would.
pub struct Writer {
    options: Options,
    file: File,
    path: PathBuf,
    begun_ms: u64,
    /// Bytes of the file that are safe.
    size: u64,
    entries: Vec<Entry>,
    frames: Vec<Frame>,
    compressor: Compressor<'static>,
    /// Lines that are not compressed yet.
    content: Vec<u8>,
    /// What is compressed and not written yet.
    compressed: Vec<u8>,
    /// When the first line came that is not safe.
    begun: Option<Instant>,
    open: Open,
    /// The time of the last line.
    last_ns: u64,
}

/// The frame that is not complete.
struct Open {
    /// Its bytes that were made.
    size: u64,
    facts: Facts,
    hasher: XxHash64,
    /// When its first line came.
    begun: Option<Instant>,
    /// The compressor has ended it, and what is known of it is behind it.
    ended: bool,
}

impl Open {
    fn after(before_ns: u64, gap: bool) -> Self {
        Self { size: 0, facts: Facts::after(before_ns, gap), hasher: XxHash64::with_seed(0), begun: None, ended: false }
    }
}

impl Writer {
    /// Begins a file of a node, named by the time of its first line (nanoseconds since the UNIX epoch), that nobody but its
    /// owner can read. `before_ns` is the time of the line before, and `gap` that lines before may be missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create(
        options: Options,
        directory: &Path,
        node: &str,
        first_ns: u64,
        before_ns: u64,
        gap: bool,
    ) -> Result<Self, ArchiveError> {
        let (file, path, begun_ms) = create(directory, node, first_ns / 1_000_000)?;
        lock(&file, &path)?;
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(ArchiveError::io("write", directory))?;
        Self::at(options, file, path, begun_ms, before_ns, gap)
    }

    fn at(
        options: Options,
        file: File,
        path: PathBuf,
        begun_ms: u64,
        before_ns: u64,
        gap: bool,
    ) -> Result<Self, ArchiveError> {
        let made = compressor(options.level, options.frame_bytes).and_then(|mut made| {
            // A frame that ends with a checksum cannot be ended without reading all of it.
            made.include_checksum(false)?;
            Ok(made)
        });
        let compressor = made.map_err(ArchiveError::io("compress", &path))?;
        Ok(Self {
            options,
            file,
            path,
            begun_ms,
            size: 0,
            entries: Vec::new(),
            frames: Vec::new(),
            compressor,
            content: Vec::new(),
            compressed: Vec::new(),
            begun: None,
            open: Open::after(before_ns, gap),
            last_ns: before_ns,
        })
    }

    /// Goes on with a file whose writer was killed: ends its last frame where `safe` bytes are, or, if that is not known, where
    /// its last whole block is; what comes after that is removed. None if the file is complete already.
    ///
    /// # Errors
    /// It is being written, is damaged, or cannot be read or written.
    pub fn resume(options: Options, path: &Path, safe: Option<u64>) -> Result<Option<Self>, ArchiveError> {
        let name = path.file_name().and_then(|name| name.to_str()).and_then(LogFile::parse);
        let begun_ms = name.map(|(_, begun_ms)| begun_ms).unwrap_or_default();
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(ArchiveError::io("open", path))?;
        lock(&file, path)?;
        let mut writer = Self::at(options, file, path.to_owned(), begun_ms, 0, false)?;
        let resumed = writer.read_back(safe).map_err(ArchiveError::io("complete", path))?;
        Ok(resumed.then_some(writer))
    }

    /// Takes over what the file has. Returns false if it is complete.
    fn read_back(&mut self, safe: Option<u64>) -> io::Result<bool> {
        let length = self.file.metadata()?.len();
        let (_, complete) = frames(&self.file, length)?;
        if complete {
            return Ok(false);
        }
        let length = safe.map_or(length, |safe| safe.min(length));
        self.file.set_len(length)?;
        let (there, _) = frames(&self.file, length)?;
        for frame in there {
            let expected = self.size;
            if frame.part.offset != expected {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is damaged at byte {expected}")));
            }
            match frame.facts.clone() {
                Some(facts) => {
                    let end = frame.part.offset.saturating_add(frame.part.size);
                    self.take_frame(facts.clone(), end.saturating_add(in_file(ONE, &facts).len() as u64));
                }
                None => self.mend(&frame, length)?,
            }
        }
        self.file.set_len(self.size)?;
        self.file.seek(SeekFrom::Start(self.size))?;
        self.file.sync_all()?;
        self.open = Open::after(self.last_ns, false);
        Ok(true)
    }

    /// Ends a frame, and puts behind it what is known of it.
    fn mend(&mut self, frame: &FrameAt, length: u64) -> io::Result<()> {
        let offset = frame.part.offset;
        let mut end = offset.saturating_add(frame.part.size);
        if frame.part.kind == PartKind::Cut {
            let mut walker = Walker::new(&self.file, length);
            let Some(begin) = walker.blocks_at(offset)? else { return Ok(()) };
            end = begin;
            while let Block::Whole { end: next, last: false } = walker.block(end)? {
                end = next;
            }
            if end == begin {
                return Ok(());
            }
        }
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(end))?;
        if frame.part.kind == PartKind::Cut {
            self.file.write_all(&LAST_BLOCK)?;
            end = end.saturating_add(LAST_BLOCK.len() as u64);
        }
        let part = crate::archive::Part { offset, size: end.saturating_sub(offset), kind: PartKind::Frame };
        let (mut lines, mut line, mut last_ns) = (LineFacts::default(), Vec::new(), self.last_ns);
        let mut open = Open::after(last_ns, false);
        let mut content = Content::of(&self.file, &part)?;
        while content.next_line(&mut line, MAX_LINE)? {
            last_ns = lines.time_ns(&line).unwrap_or(last_ns);
            open.facts.add(&line, last_ns);
            open.hasher.write(&line);
        }
        drop(content);
        let checksum = open.hasher.finish() as u32;
        let facts = Frame { offset, size: part.size, checksum, ..open.facts.into_frame() };
        let bytes = in_file(ONE, &facts);
        self.file.seek(SeekFrom::Start(end))?;
        self.file.write_all(&bytes)?;
        self.take_frame(facts, end.saturating_add(bytes.len() as u64));
        self.last_ns = last_ns;
        Ok(())
    }

    /// Notes a whole frame and what is known of it, which end at `end`.
    fn take_frame(&mut self, facts: Frame, end: u64) {
        let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let (compressed, content) = (number(facts.size), number(facts.content));
        self.entries.push(Entry { compressed, content, checksum: Some(facts.checksum) });
        let behind = end.saturating_sub(facts.offset.saturating_add(facts.size));
        self.entries.push(Entry { compressed: number(behind), content: 0, checksum: Some(EMPTY_CHECKSUM) });
        self.last_ns = self.last_ns.max(facts.latest_ns);
        self.frames.push(facts);
        self.size = end;
    }

    /// Appends a line with its end, and makes it and those before it safe if the frame is large enough, or they have waited for
    /// long enough. `time_ns` is the time of the line, or of the one before it.
    ///
    /// # Errors
    /// They cannot be written: they are kept in memory. Do not append more until [`Self::sync`] could write them.
    pub fn append(&mut self, line: &[u8], time_ns: u64) -> Result<(), ArchiveError> {
        self.content.extend_from_slice(line);
        self.open.facts.add(line, time_ns);
        self.open.hasher.write(line);
        self.last_ns = time_ns;
        let begun = *self.begun.get_or_insert_with(Instant::now);
        self.open.begun.get_or_insert(begun);
        if self.open.facts.frame.content >= self.options.frame_bytes as u64 {
            return self.put(true);
        }
        if begun.elapsed() >= self.options.sync_every { self.sync() } else { Ok(()) }
    }

    /// Lines before the next one may be missing.
    ///
    /// # Errors
    /// As for [`Self::append`].
    pub fn note_gap(&mut self) -> Result<(), ArchiveError> {
        let put = if self.open.facts.frame.lines > 0 { self.put(true) } else { Ok(()) };
        self.open.facts.frame.gap = true;
        put
    }

    /// Whether lines have waited for long enough.
    pub fn is_due(&self) -> bool {
        self.begun.is_some_and(|begun| begun.elapsed() >= self.options.sync_every)
    }

    /// Makes all lines safe: writes them to the file, and waits until the disk has them. The frame goes on, unless it is old.
    ///
    /// # Errors
    /// They cannot be written. They are kept in memory, and the file is as it was before: this may be tried again.
    pub fn sync(&mut self) -> Result<(), ArchiveError> {
        if self.content.is_empty() && self.compressed.is_empty() {
            return Ok(());
        }
        let is_old = self.open.begun.is_some_and(|begun| begun.elapsed() >= MAX_FRAME_AGE);
        self.put(is_old)
    }

    fn put(&mut self, end: bool) -> Result<(), ArchiveError> {
        // What was ended already could not be written.
        if !self.open.ended {
            let before = self.compressed.len();
            compress(&mut self.compressor, &self.content, &mut self.compressed, end)
                .map_err(ArchiveError::io("compress", &self.path))?;
            self.content.clear();
            self.open.size = self.open.size.saturating_add(self.compressed.len().saturating_sub(before) as u64);
        }
        if end && !self.open.ended {
            let Open { size, facts, hasher, .. } = std::mem::replace(&mut self.open, Open::after(self.last_ns, false));
            let offset = self.end_of_frames();
            let frame = Frame { offset, size, checksum: hasher.finish() as u32, ..facts.into_frame() };
            self.compressed.extend_from_slice(&in_file(ONE, &frame));
            self.open.ended = true;
            self.frames.push(frame);
        }
        let written = self.file.write_all(&self.compressed).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            let _ = self.file.set_len(self.size);
            let _ = self.file.seek(SeekFrom::Start(self.size));
            return Err(ArchiveError::io("write", &self.path)(error));
        }
        self.size = self.size.saturating_add(self.compressed.len() as u64);
        self.compressed.clear();
        self.begun = None;
        if self.open.ended {
            self.open.ended = false;
            if let Some(frame) = self.frames.pop() {
                self.take_frame(frame, self.size);
            }
        }
        Ok(())
    }

    /// Where the frame that is not complete begins.
    fn end_of_frames(&self) -> u64 {
        self.entries.iter().map(|entry| u64::from(entry.compressed)).sum()
    }

    /// Bytes of the file that are safe, whatever happens.
    pub fn safe_bytes(&self) -> u64 {
        self.size
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The time of its first line: milliseconds since the UNIX epoch.
    pub fn begun_ms(&self) -> u64 {
        self.begun_ms
    }

    /// The time of the last line, in nanoseconds since the UNIX epoch.
    pub fn last_ns(&self) -> u64 {
        self.last_ns
    }

    /// Completes the file: its last frame, what is known of all, and the table of frames. Returns its size in bytes.
    ///
    /// # Errors
    /// Something cannot be written. What was safe still is, and [`Self::resume`] can complete the file later.
    pub fn finish(mut self) -> Result<u64, ArchiveError> {
        if self.open.facts.frame.lines > 0 || !self.compressed.is_empty() {
            self.put(true)?;
        }
        let mut tables = in_file(ALL, &Frames { frames: std::mem::take(&mut self.frames) });
        let compressed = u32::try_from(tables.len()).unwrap_or(u32::MAX);
        self.entries.push(Entry { compressed, content: 0, checksum: Some(EMPTY_CHECKSUM) });
        tables.extend_from_slice(&seek_table::encode(&self.entries));
        let written = self.file.write_all(&tables).and_then(|()| self.file.sync_all());
        written.map_err(ArchiveError::io("write", &self.path))?;
        Ok(self.size.saturating_add(tables.len() as u64))
    }
}

/// Locks a file. A process that is just being started by the one that wrote it may still have the lock for a moment.
fn lock(file: &File, path: &Path) -> Result<(), ArchiveError> {
    for _ in 0..10 {
        if file.try_lock().is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(ArchiveError::InUse { path: path.to_owned() })
}

/// Creates a file that was not there, with the next name that is free.
fn create(directory: &Path, node: &str, begun_ms: u64) -> Result<(File, PathBuf, u64), ArchiveError> {
    let taken = || ArchiveError::io("create a file in", directory)(io::ErrorKind::AlreadyExists.into());
    for begun_ms in begun_ms..begun_ms.saturating_add(MAX_TRIES) {
        let Some(name) = LogFile::name(node, begun_ms) else { break };
        let path = directory.join(name);
        match OpenOptions::new().write(true).read(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((file, path, begun_ms)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(ArchiveError::io("create", &path)(error)),
        }
    }
    Err(taken())
}
