//! What is counted of events on their way to files.

use std::sync::Arc;

use bus::counters::{ARCHIVE_BYTES, ARCHIVE_FULL, Count};
use bus::{Bus, Reason, Stage};
use store::archive::{Durable, Writer};

/// The counts of an archiver.
pub(crate) struct Counts {
    pub stage: Arc<Stage>,
    file_bytes: Count,
    content_bytes: Count,
    full: Count,
    /// What of the file that is being written was counted, with the bytes of its content.
    counted: (Durable, u64),
}

impl Counts {
    /// The counts of this bus.
    pub fn new(bus: &Bus) -> Self {
        let bytes = |of| bus.accounts().count(&ARCHIVE_BYTES, [of]);
        Self {
            stage: bus.accounts().stage("archive-file"),
            file_bytes: bytes("file"),
            content_bytes: bytes("content"),
            full: bus.accounts().count(&ARCHIVE_FULL, []),
            counted: Default::default(),
        }
    }

    /// Another file is being written: nothing of it is counted.
    pub fn begin_file(&mut self) {
        self.counted = Default::default();
    }

    /// Counts what became durable of the file that is being written. Returns how many events did.
    pub fn add_durable(&mut self, writer: &Writer) -> u64 {
        let (durable, content) = (writer.durable(), writer.content_bytes());
        let (before, content_before) = std::mem::replace(&mut self.counted, (durable, content));
        let events = durable.events.saturating_sub(before.events);
        self.stage.add_out(events);
        self.file_bytes.add(durable.bytes.saturating_sub(before.bytes) as f64);
        self.content_bytes.add(content.saturating_sub(content_before) as f64);
        events
    }

    /// Whether nothing can be written, because the disk is full.
    pub fn set_full(&self, is_full: bool) {
        self.full.set(if is_full { 1.0 } else { 0.0 });
    }

    /// Events that are not kept.
    pub fn add_lost(&self, events: u64, reason: Reason) {
        self.stage.add_dropped(reason, events);
    }
}
