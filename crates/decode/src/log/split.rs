//! Where entries begin and end in the bytes of a log file.

use std::num::NonZero;
use std::ops::Deref;

use super::foreign;
use super::prefix::Stamp;
use super::time::Clock;

/// An entry that is longer than this is cut, so that a reader needs no more memory: what follows is an entry of its own.
pub const MAX_ENTRY_BYTES: usize = 1024 * 1024;

/// The node writes five line ends when it starts (`BCLog::Logger::StartLogging`).
const LINE_ENDS_AT_START: u8 = 5;

/// An entry of a log, with the line ends within it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// The time that it begins with, in microseconds since the UNIX epoch, where that was read already: a [`Splitter`] finds entries by it. None
    /// lets the decoder look for it.
    pub time_us: Option<NonZero<u64>>,
}

impl Deref for Entry<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

impl<'a, B: AsRef<[u8]> + ?Sized> From<&'a B> for Entry<'a> {
    /// An entry whose time was not looked for.
    fn from(bytes: &'a B) -> Self {
        Self { bytes: bytes.as_ref(), time_us: None }
    }
}

/// Which entries at the end of a piece of the file are complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// More of the file is known to follow: only those after which another one begins.
    Follows,
    /// This is all there is at the moment: those that end with a line end. The node writes an entry at once,
    /// so that more lines are not to be expected.
    Waits,
    /// Nothing will follow: all of them.
    Ends,
}

/// Splits a log file into entries, piece by piece.
///
/// An entry begins with a line that has the node's time at its beginning, or behind what another program put there;
/// lines without it belong to the entry before, unless that has something before its time: then each is an entry. In a file, or in the part since the node's last start, where no line
/// has a time (-logtimestamps=0), each line is an entry. Empty lines between entries belong to none.
#[derive(Debug, Default)]
pub struct Splitter {
    /// A line since the node's start had the node's time.
    stamped: bool,
    /// The last line with the node's time had something before it. Lines without a time between such lines come from
    /// other programs.
    prefixed: bool,
    /// Line ends since the last other byte.
    line_ends: u8,
    clock: Clock,
}

impl Splitter {
    /// The entries in the next piece of the file, which begins with what the last call left over
    /// (see [`Entries::consumed`]).
    pub fn entries<'s, 'a>(&'s mut self, piece: &'a [u8], tail: Tail) -> Entries<'s, 'a> {
        Entries { splitter: self, piece, tail, entry: None, time_us: None, line: 0 }
    }
}

/// The entries of a piece of a file, with the line ends within them, but without empty lines around them.
#[derive(Debug)]
pub struct Entries<'s, 'a> {
    splitter: &'s mut Splitter,
    piece: &'a [u8],
    tail: Tail,
    /// Where the entry begins that is not complete yet.
    entry: Option<usize>,
    /// The time that it begins with.
    time_us: Option<NonZero<u64>>,
    /// Where the next line begins.
    line: usize,
}

impl<'a> Entries<'_, 'a> {
    /// The bytes of the piece that are dealt with: those of the entries that were returned and the empty lines around
    /// them. The next piece must begin with the byte after them. At most [`MAX_ENTRY_BYTES`] are left over at the end.
    pub fn consumed(&self) -> usize {
        self.entry.unwrap_or(self.line)
    }

    /// Ends the entry that is not complete, where there is one, at the current line.
    fn close(&mut self) -> Option<Entry<'a>> {
        let bytes = self.piece.get(self.entry.take()?..self.line)?;
        Some(Entry { bytes, time_us: self.time_us.take() })
    }

    /// Takes the line that begins at `self.line`. Returns the entry before, if it ends there.
    fn take_line(&mut self, line: &[u8]) -> Option<Entry<'a>> {
        let mut done = None;
        if line.iter().all(|byte| matches!(byte, b'\n' | b'\r')) {
            self.splitter.line_ends = self.splitter.line_ends.saturating_add(1);
            if self.splitter.line_ends == LINE_ENDS_AT_START {
                self.splitter.stamped = false;
                done = self.close();
            }
        } else {
            self.splitter.line_ends = u8::from(line.ends_with(b"\n"));
            let at_start = Stamp::at_start(&mut self.splitter.clock, line);
            let time_us = at_start.as_ref().and_then(|stamp| NonZero::new(stamp.time_us));
            let stamp = at_start.or_else(|| foreign::stamp(&mut self.splitter.clock, line));
            let begins = stamp.is_some() || self.splitter.prefixed || !self.splitter.stamped || self.entry.is_none();
            if let Some(stamp) = stamp {
                self.splitter.stamped = true;
                self.splitter.prefixed = !stamp.before.is_empty();
            }
            if begins {
                done = self.close();
                (self.entry, self.time_us) = (Some(self.line), time_us);
            }
        }
        self.line += line.len();
        done
    }
}

impl<'a> Iterator for Entries<'_, 'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let rest = self.piece.get(self.line..).unwrap_or_default();
            let room = MAX_ENTRY_BYTES - (self.line - self.entry.unwrap_or(self.line));
            let line = match memchr::memchr(b'\n', rest.get(..room).unwrap_or(rest)) {
                Some(end) => rest.get(..=end)?,
                // The entry is too long: it ends here, and so does this line.
                None if rest.len() >= room => {
                    self.entry.get_or_insert(self.line);
                    self.line += room;
                    self.splitter.line_ends = 0;
                    return self.close();
                }
                None if self.tail == Tail::Ends && !rest.is_empty() => rest,
                // What this line is shows when it is complete.
                None if self.tail == Tail::Follows => return None,
                None => return self.close(),
            };
            if let Some(entry) = self.take_line(line) {
                return Some(entry);
            }
        }
    }
}
