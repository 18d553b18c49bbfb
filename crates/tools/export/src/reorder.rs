//! Events by time. Those of a file nearly are: several extractors, or nodes, have written it.

use std::collections::VecDeque;

use event::Record;

/// Events that wait at most for earlier ones.
pub(crate) const MAX_EVENTS: usize = 4096;
/// Bytes that they take at most, encoded.
const MAX_BYTES: usize = 8 << 20;

/// Events that wait for earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Reorder {
    waiting: VecDeque<Box<Record>>,
    bytes: usize,
}

impl Reorder {
    /// Takes an event.
    pub fn push(&mut self, record: Record) {
        let time = record.envelope().time_ns;
        self.bytes += record.bytes().len();
        // Mostly it is the latest.
        let is_latest = self.waiting.back().is_none_or(|last| last.envelope().time_ns <= time);
        let at = if is_latest {
            self.waiting.len()
        } else {
            self.waiting.partition_point(|waiting| waiting.envelope().time_ns <= time)
        };
        self.waiting.insert(at, Box::new(record));
    }

    /// The earliest event, if it has waited for long enough, or all must go.
    pub fn pop(&mut self, all: bool) -> Option<Box<Record>> {
        if !all && self.waiting.len() <= MAX_EVENTS && self.bytes <= MAX_BYTES {
            return None;
        }
        let record = self.waiting.pop_front()?;
        self.bytes -= record.bytes().len();
        Some(record)
    }
}
