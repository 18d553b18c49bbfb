//! The bytes of a log, in batches of whole entries, which other threads decode.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use decode::log::{Decoder, Entry, Splitter, Tail};
use logfile::{SAMPLE, UTF8_MARK, Unpacked, refusal};

/// Lines of a batch, but for what its last entry has more: the shortest grow a hundredfold when they become events.
const MAX_LINES: u64 = 8192;
/// Bytes of an entry whose lines are counted: one may have very many.
const LONG: usize = 4096;
/// Bytes at the start that are looked at before anything is taken.
const BEGINNING: usize = 64 << 10;
/// Lines at the start that tell a log from others.
const FIRST_LINES: usize = 32;

/// A log before it is read.
pub(super) struct Beginning {
    /// Bytes of its first lines, which no other log has.
    pub first_lines: Vec<u8>,
    /// Time of its first entry, in microseconds since the UNIX epoch.
    pub time_us: u64,
    /// Bytes of memory that unpacking it takes.
    pub memory: u64,
}

impl Beginning {
    /// Looks at a file. None if it is empty.
    ///
    /// # Errors
    /// Why it is no log, or can't be read.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, String> {
        let mut unpacked = open(path, Arc::default())?;
        let mut start = Vec::with_capacity(BEGINNING);
        loop {
            let read = unpacked.by_ref().take(BEGINNING as u64).read_to_end(&mut start);
            if let Some(refusal) = refusal(start.get(..SAMPLE).unwrap_or(&start)) {
                return Err(refusal);
            }
            read.map_err(|error| unpacked.explain(&error))?;
            // Where a log that is written to was truncated, it begins with a hole.
            if start.len() < BEGINNING || start.iter().any(|byte| *byte != 0) {
                break;
            }
            start.clear();
        }
        if start.is_empty() {
            return Ok(None);
        }
        let start = start.strip_prefix(UTF8_MARK).unwrap_or(&start);
        let mut decoder = Decoder::default();
        let mut splitter = Splitter::default();
        let times = splitter.entries(start, Tail::Ends).map(|entry| decoder.entry(entry, 0).log_timestamp);
        let Some(time_us) = times.into_iter().find(|time| *time > 0) else {
            return Err(format!("no line in its first {BEGINNING} bytes has the node's time; is it a node's log?"));
        };
        let end = memchr::memchr_iter(b'\n', start).nth(FIRST_LINES - 1).unwrap_or(start.len());
        let first_lines = start.get(..end).unwrap_or(start).to_vec();
        Ok(Some(Self { first_lines, time_us, memory: unpacked.memory() }))
    }
}

fn open(path: &Path, read: Arc<AtomicU64>) -> Result<Unpacked, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    Unpacked::new(Counted { file, read }).map_err(|error| error.to_string())
}

/// A file whose bytes are counted as they are read.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(room)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Some entries, in the order of the file.
pub(super) struct Entries {
    bytes: Vec<u8>,
    places: Vec<Place>,
    /// Ends of lines in them, and of empty lines around them.
    pub lines: u64,
}

/// Where an entry is among the bytes of several.
struct Place {
    start: u32,
    end: u32,
    /// The time that it begins with, as [`Entry`] has it.
    time_us: Option<NonZero<u64>>,
}

impl Entries {
    /// The entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.places.iter().filter_map(|Place { start, end, time_us }| {
            let bytes = self.bytes.get(*start as usize..*end as usize)?;
            Some(Entry { bytes, time_us: *time_us })
        })
    }

    /// Bytes of the log, with empty lines between entries.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Bytes of memory that they take at most, with what becomes of them.
    pub(super) fn memory(&self) -> u64 {
        self.bytes() * 6 + self.lines * 256
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Reads a log, and finds its entries.
pub(super) struct LogReader {
    unpacked: Unpacked,
    /// Bytes of a batch, but for what its last entry has more.
    batch: usize,
    splitter: Splitter,
    /// What was read and is in no batch yet.
    rest: Vec<u8>,
    ends: Option<Result<(), String>>,
}

impl LogReader {
    /// # Errors
    /// The file can't be opened.
    pub(super) fn open(path: &Path, batch: usize, read: Arc<AtomicU64>) -> Result<Self, String> {
        let mut unpacked = open(path, read)?;
        let mut rest = Vec::new();
        let started = unpacked.by_ref().take(UTF8_MARK.len() as u64).read_to_end(&mut rest);
        let ends = started.err().map(|error| Err(unpacked.explain(&error)));
        if rest == UTF8_MARK {
            rest.clear();
        }
        Ok(Self { unpacked, batch: batch.max(1), splitter: Splitter::default(), rest, ends })
    }

    /// The next entries; none at the end.
    ///
    /// # Errors
    /// The rest can't be read. All entries before were returned.
    pub(super) fn next(&mut self, stop: &AtomicBool) -> Result<Option<Entries>, String> {
        loop {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let mut bytes = std::mem::take(&mut self.rest);
            if self.ends.is_none() {
                let wanted = self.batch.saturating_sub(bytes.len()).max(self.batch.div_ceil(4));
                bytes.reserve_exact(wanted);
                match self.unpacked.by_ref().take(wanted as u64).read_to_end(&mut bytes) {
                    Ok(read) if read < wanted => self.ends = Some(Ok(())),
                    Ok(_) => {}
                    Err(error) => self.ends = Some(Err(self.unpacked.explain(&error))),
                }
            }
            let tail = match &self.ends {
                None => Tail::Follows,
                Some(Ok(())) => Tail::Ends,
                // What is cut may be complete in another copy of the file.
                Some(Err(_)) => Tail::Waits,
            };
            let mut places = Vec::with_capacity(bytes.len() / 64);
            let (mut lines, base) = (0, bytes.as_ptr().addr());
            let mut entries = self.splitter.entries(&bytes, tail);
            for entry in entries.by_ref() {
                let start = entry.as_ptr().addr() - base;
                let end = start + entry.len();
                places.push(Place { start: start as u32, end: end as u32, time_us: entry.time_us });
                // Only what is long can have so many that it matters.
                lines += if entry.len() < LONG { 1 } else { count_lines(&entry) };
                if lines >= MAX_LINES {
                    break;
                }
            }
            let used = entries.consumed();
            self.rest = bytes.get(used..).unwrap_or_default().to_vec();
            bytes.truncate(used);
            let lines = count_lines(&bytes);
            match &self.ends {
                _ if !places.is_empty() => return Ok(Some(Entries { bytes, places, lines })),
                Some(Ok(())) => return Ok(None),
                Some(Err(error)) => return Err(error.clone()),
                None => {}
            }
        }
    }
}
