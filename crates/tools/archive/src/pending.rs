//! Events of a stream on their way to the disk. The stream learns when they are there; nothing of them is given up.

use std::collections::VecDeque;
use std::sync::Arc;

use bus::Checkpoint;
use event::Record;

use crate::known::Known;

/// What is not safe yet of a stream.
pub(crate) struct Pending {
    /// What a process before this one has written.
    pub known: Known,
    /// In their order: first those that the writer has, then those that it is still to get.
    events: VecDeque<Arc<Record>>,
    /// How many of them the writer has.
    written: usize,
    /// Events so far, and how many of them are safe.
    count: u64,
    safe: u64,
    /// Checkpoints, each with the number of events before it.
    checkpoints: VecDeque<(u64, Checkpoint)>,
}

impl Pending {
    /// Nothing came yet.
    pub fn new(known: Known) -> Self {
        Self { known, events: VecDeque::new(), written: 0, count: 0, safe: 0, checkpoints: VecDeque::new() }
    }

    /// An event is to be written.
    pub fn push(&mut self, record: Arc<Record>) {
        self.count += 1;
        self.events.push_back(record);
    }

    /// All events so far are to be safe before this is confirmed.
    pub fn push_checkpoint(&mut self, checkpoint: Checkpoint) {
        self.checkpoints.push_back((self.count, checkpoint));
        self.confirm();
    }

    /// The next event for the writer.
    pub fn next(&mut self) -> Option<Arc<Record>> {
        let next = self.events.get(self.written).cloned()?;
        self.written += 1;
        Some(next)
    }

    /// The writer is gone, with what it had that was not safe.
    pub fn take_back(&mut self) {
        self.written = 0;
    }

    /// So many more events are safe, the first ones.
    pub fn are_safe(&mut self, events: u64) {
        let written = self.written.min(usize::try_from(events).unwrap_or(usize::MAX));
        self.events.drain(..written);
        self.written -= written;
        self.safe += events;
        self.confirm();
    }

    fn confirm(&mut self) {
        let mut last = None;
        while self.checkpoints.front().is_some_and(|(events, _)| *events <= self.safe) {
            last = self.checkpoints.pop_front();
        }
        if let Some((_, checkpoint)) = last {
            checkpoint.confirm();
        }
    }

    /// Events that are not safe.
    pub fn len(&self) -> usize {
        self.events.len()
    }
}
