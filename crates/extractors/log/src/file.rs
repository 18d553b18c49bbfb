//! A regular file that somebody appends to, and now and then truncates.

use std::fmt::{self, Display, Formatter};
use std::fs::{File, Metadata};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, Instant};

use memchr::{memmem, memrchr};

use crate::sink::Sink;

/// How many bytes before the place that was reached are remembered, to see whether the file is still the same. Enough
/// to be unlike any other place in a log.
pub(crate) const SEEN: usize = 256;

/// How far back the beginning of the last line is looked for, in bytes.
const MAX_PARTIAL: u64 = 64 * 1024;

/// How far back the node's last start is looked for, in bytes: what it logs within the seconds since then.
const MAX_SINCE_START: u64 = 1024 * 1024;

/// What the node writes when it starts (`BCLog::Logger::StartLogging`).
const NODE_START: &[u8] = b"\n\n\n\n\n";

/// A log above this size is shortened by the node when it starts: `-shrinkdebugfile`, on unless there are debug categories.
const SHRUNK_FROM: u64 = 11_000_000;

/// What the node leaves of it (`RECENT_DEBUG_HISTORY_SIZE`): the end, which becomes the beginning.
pub(crate) const SHRUNK_TO: u64 = 10_000_000;

/// How long the node may take for that.
const SHRINKING: Duration = Duration::from_secs(1);

/// Device and inode.
pub(crate) type Identity = (u64, u64);

/// What a file is, whatever its name.
pub(crate) fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// Where to begin in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// With its first byte.
    Start,
    /// After what it has. A line that is being written is new.
    End,
    /// Where the node started last, if that was a short while ago.
    NodeStart,
    /// With this byte.
    Byte(u64),
}

impl Display for From {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("its start"),
            Self::End => f.write_str("its end"),
            Self::NodeStart => f.write_str("the start of the node"),
            Self::Byte(offset) => write!(f, "byte {offset}"),
        }
    }
}

/// A file that is followed.
pub(crate) struct Followed {
    file: File,
    id: Identity,
    /// Where the next byte is read.
    offset: u64,
    /// The bytes before that.
    seen: Vec<u8>,
    /// Since when the file is no longer the one that was read.
    cut: Option<Instant>,
}

/// The outcome of reading.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// As much as there was room for.
    More,
    /// Something.
    Some,
    /// Nothing: this is the end at the moment.
    Nothing,
    /// What was read before is no longer there: the file was truncated, and perhaps written to again.
    Cut,
}

/// What to do about a truncated file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mended {
    /// Wait: the node may be shortening it.
    NotYet,
    /// Read on: the node has shortened it, and nothing is lost.
    Shortened,
    /// Read on, which is from its start.
    Restarted,
}

impl Followed {
    pub(crate) fn new(file: File, from: From) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let size = metadata.len();
        let offset = match from {
            From::Start => 0,
            From::Byte(offset) => offset.min(size),
            From::End => last_line(&file, size)?,
            From::NodeStart => match node_start(&file, size)? {
                Some(start) => start,
                None => last_line(&file, size)?,
            },
        };
        let (seen, _) = before(&file, offset, SEEN as u64)?;
        Ok(Self { file, id: identity(&metadata), offset, seen, cut: None })
    }

    pub(crate) fn id(&self) -> Identity {
        self.id
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// The last bytes before that, as far as they are remembered.
    pub(crate) fn seen(&self) -> &[u8] {
        &self.seen
    }

    /// Where the next byte is read.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads a chunk. What was read last is read again with it: that shows when the file was truncated, even if it
    /// has grown again since.
    pub(crate) fn read(&mut self, feed: &mut impl Sink) -> io::Result<Read> {
        let mut again = [0; SEEN];
        let known = self.seen.len();
        let again = again.get_mut(..known).unwrap_or_default();
        let room = feed.room();
        let wanted = known + room.len();
        let mut pieces = [IoSliceMut::new(again), IoSliceMut::new(room)];
        let at = self.offset - known as u64;
        let got = rustix::io::retry_on_intr(|| rustix::io::preadv(&self.file, &mut pieces, at))?;
        let Some(new) = got.checked_sub(known).filter(|_| *again == *self.seen) else {
            self.cut.get_or_insert_with(Instant::now);
            return Ok(Read::Cut);
        };
        if new == 0 {
            return Ok(Read::Nothing);
        }
        remember(&mut self.seen, room.get(..new).unwrap_or_default());
        self.offset += new as u64;
        feed.filled(new);
        Ok(if got == wanted { Read::More } else { Read::Some })
    }

    /// Finds out where to read on after [`Read::Cut`].
    pub(crate) fn mend(&mut self) -> io::Result<Mended> {
        let size = self.file.metadata()?.len();
        let may_shrink = self.offset >= SHRUNK_FROM && self.cut.is_some_and(|since| since.elapsed() < SHRINKING);
        if may_shrink && size < SHRUNK_TO {
            return Ok(Mended::NotYet);
        }
        let place = if self.offset >= SHRUNK_FROM && size >= SHRUNK_TO { self.find_place()? } else { None };
        self.cut = None;
        self.offset = place.unwrap_or(0);
        if place.is_some() {
            return Ok(Mended::Shortened);
        }
        self.seen.clear();
        Ok(Mended::Restarted)
    }

    /// Where in a file that the node has shortened the place is that was reached: at the end of what it left, as a rule.
    fn find_place(&self) -> io::Result<Option<u64>> {
        let mut end = SHRUNK_TO;
        loop {
            let (piece, start) = before(&self.file, end, MAX_SINCE_START)?;
            if let Some(at) = memmem::rfind(&piece, &self.seen) {
                return Ok(Some(start + (at + self.seen.len()) as u64));
            }
            if start == 0 {
                return Ok(None);
            }
            end = start + self.seen.len() as u64;
        }
    }
}

/// Keeps the last [`SEEN`] bytes of `seen` and `new`.
pub(crate) fn remember(seen: &mut Vec<u8>, new: &[u8]) {
    let new = new.get(new.len().saturating_sub(SEEN)..).unwrap_or(new);
    let old = seen.len().min(SEEN - new.len());
    seen.drain(..seen.len() - old);
    seen.extend_from_slice(new);
}

/// Up to `max` bytes before `end`, and where they begin.
pub(crate) fn before(file: &File, end: u64, max: u64) -> io::Result<(Vec<u8>, u64)> {
    let start = end.saturating_sub(max);
    let mut bytes = vec![0; usize::try_from(end - start).unwrap_or_default()];
    file.read_exact_at(&mut bytes, start)?;
    Ok((bytes, start))
}

/// Where the line begins that is not complete; the end of the file if there is none.
fn last_line(file: &File, size: u64) -> io::Result<u64> {
    let (bytes, start) = before(file, size, MAX_PARTIAL)?;
    Ok(match memrchr(b'\n', &bytes) {
        Some(at) => start + at as u64 + 1,
        None if start == 0 => 0,
        None => size,
    })
}

fn node_start(file: &File, size: u64) -> io::Result<Option<u64>> {
    let (bytes, start) = before(file, size, MAX_SINCE_START)?;
    let found = memmem::rfind(&bytes, NODE_START).map(|at| start + at as u64);
    Ok(found.or((start == 0).then_some(0)))
}
