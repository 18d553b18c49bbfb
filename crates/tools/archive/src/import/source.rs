//! A file that is being read: its batches are taken one after another, worked on at the same time, and written in their order.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use event::Record;
use store::archive::Options;

use super::budget::{Budget, Permit};
use super::decoded::Carry;
use super::log::{Entries, LogReader};
use super::numbering::Numbering;
use super::output::Output;
use super::plan::{Content, Planned};
use super::records::RecordReader;
use super::totals::FileTotals;
use super::turns::Turns;

/// A file that is being read.
pub(super) struct Source {
    pub file: Planned,
    /// Bytes of a batch of a log.
    batch: usize,
    /// Batches are this part of what they usually are.
    share: usize,
    intake: Mutex<Intake>,
    pub places: Turns<Places>,
    pub result: Turns<Written>,
}

/// What the places of events follow from, batch by batch.
pub(super) struct Places {
    pub numbering: Numbering,
    pub carry: Carry,
}

/// What became of the file so far.
pub(super) struct Written {
    pub output: Output,
    pub totals: FileTotals,
    /// Something could not be written.
    pub failed: bool,
}

/// Where batches come from.
struct Intake {
    /// None before it is opened, and when it has ended.
    reader: Option<Reader>,
    /// The memory that the reader takes.
    memory: Option<Permit>,
    batches: u64,
    ended: bool,
}

enum Reader {
    Log(LogReader),
    Archive(Box<RecordReader>),
}

/// A part of a file.
pub(super) struct Batch {
    pub number: u64,
    pub content: Part,
    _memory: Option<Permit>,
}

pub(super) enum Part {
    Entries(Entries),
    Records(Vec<Record>),
    /// There is no other; why, if that is not that the file has ended.
    End(Result<(), String>),
}

impl Source {
    pub(super) fn new(file: Planned, batch: usize, options: Options, memory: Permit) -> Self {
        let time_us = if let Content::Log { time_us } = file.content { time_us } else { 0 };
        let numbering = Numbering::new(file.run);
        // What else is in memory then stays small.
        let share = if file.takes_much() { 4 } else { 1 };
        Self {
            batch: batch / share,
            share,
            intake: Mutex::new(Intake { reader: None, memory: Some(memory), batches: 0, ended: false }),
            places: Turns::new(Places { numbering, carry: Carry { has_thread_names: false, time_us } }),
            result: Turns::new(Written { output: Output::new(options), totals: FileTotals::default(), failed: false }),
            file,
        }
    }

    /// The next batch, if no other thread is getting one, or after waiting for that; none if the last was handed out.
    pub(super) fn next(&self, wait: bool, budget: &Arc<Budget>, stop: &AtomicBool, read: &Arc<AtomicU64>) -> Next {
        let mut intake = match self.intake.try_lock() {
            Ok(intake) => intake,
            Err(_) if wait => self.intake.lock().unwrap_or_else(PoisonError::into_inner),
            Err(_) => return Next::Busy,
        };
        if intake.ended {
            return Next::Ended;
        }
        let (content, bytes) = self.part(&mut intake, stop, read).unwrap_or_else(|error| (Part::End(Err(error)), 0));
        if let Part::End(_) = &content {
            (intake.reader, intake.memory, intake.ended) = (None, None, true);
        }
        let number = intake.batches;
        intake.batches += 1;
        // Batches before this one need nothing of what is held here to be finished.
        let memory = (bytes > 0).then(|| budget.batch(bytes));
        Next::Batch(Batch { number, content, _memory: memory })
    }

    /// Lets no thread wait for a batch before its own, since one will never be done.
    pub(super) fn abandon(&self) {
        self.places.abandon();
        self.result.abandon();
    }

    /// The next part of the file, and the memory that it takes.
    fn part(&self, intake: &mut Intake, stop: &AtomicBool, read: &Arc<AtomicU64>) -> Result<(Part, u64), String> {
        let reader = match &mut intake.reader {
            Some(reader) => reader,
            none => none.insert(self.open(read)?),
        };
        let part = match reader {
            Reader::Log(log) => log.next(stop)?.map(|entries| {
                let memory = entries.memory();
                (Part::Entries(entries), memory)
            }),
            Reader::Archive(_) if stop.load(Ordering::Relaxed) => None,
            Reader::Archive(archive) => {
                let next = archive.next();
                if !matches!(next, Ok(Some(_))) {
                    read.fetch_add(archive.size(), Ordering::Relaxed);
                }
                next?.map(|(records, memory)| (Part::Records(records), memory))
            }
        };
        Ok(part.unwrap_or((Part::End(Ok(())), 0)))
    }

    fn open(&self, read: &Arc<AtomicU64>) -> Result<Reader, String> {
        let path = &self.file.path;
        Ok(match self.file.content {
            Content::Log { .. } => Reader::Log(LogReader::open(path, self.batch, Arc::clone(read))?),
            Content::Archive => {
                let (records, low_data, selection) = RecordReader::open(path, self.share)?;
                // No batch is there yet, so no turn is taken.
                self.result.between(|written| written.output.describe(low_data, selection));
                Reader::Archive(Box::new(records))
            }
        })
    }
}

/// What asking for a batch gave.
pub(super) enum Next {
    Batch(Batch),
    /// Another thread is getting one.
    Busy,
    /// All were handed out.
    Ended,
}

/// Lets the other threads end when this one panics, instead of waiting for what it will never do.
pub(super) struct Abandon<'a> {
    pub source: &'a Source,
    pub stop: &'a AtomicBool,
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.stop.store(true, Ordering::Relaxed);
            self.source.abandon();
        }
    }
}
