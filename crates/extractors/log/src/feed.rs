//! From the bytes of a log to events on the bus.

use std::sync::Arc;

use bus::{Publisher, Stage};
use decode::log::{Decoder, Splitter, Tail};
use event::pb::log_extractor::Log;
use event::pb::log_extractor::log::LogEvent;
use event::{Body, time};
use tokio::runtime::Handle;

/// Bytes that are read at once.
pub(crate) const CHUNK: usize = 256 * 1024;

/// Events that are published at once. It bounds memory: short lines grow a hundredfold when they become events.
const BATCH: usize = 1024;

/// Takes the bytes of a log, in order, and publishes the entries in them.
///
/// It needs memory for a chunk, a batch, and the longest entry that the decoder takes. All that blocks is publishing,
/// where a reader of the bus wants everything.
pub(crate) struct Feed {
    outlet: Outlet,
    splitter: Splitter,
    decoder: Decoder,
    /// What was read, of which `start..end` is not dealt with.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that came in, and those of them that are counted.
    read: u64,
    counted: u64,
}

impl Feed {
    /// One that is used in a thread that may block.
    pub(crate) fn new(publisher: Publisher, runtime: Handle) -> Self {
        let stage = publisher.accounts().stage("log");
        let outlet =
            Outlet { publisher, runtime, stage, batch: Vec::with_capacity(BATCH), run_began: false, entries: 0 };
        let (splitter, decoder) = (Splitter::default(), Decoder::default());
        Self { outlet, splitter, decoder, bytes: vec![0; CHUNK], start: 0, end: 0, read: 0, counted: 0 }
    }

    /// Name of the node whose log it is.
    pub(crate) fn node(&self) -> &str {
        self.outlet.publisher.node()
    }

    /// Bytes that came in.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Entries that were published.
    pub(crate) fn entries(&self) -> u64 {
        self.outlet.entries
    }

    /// Where the next bytes go: room for [`CHUNK`] of them.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.bytes.len() - self.end < CHUNK {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let needed = self.end + CHUNK;
            if self.bytes.len() < needed {
                self.bytes.resize(needed, 0);
            }
        }
        self.bytes.get_mut(self.end..self.end + CHUNK).unwrap_or_default()
    }

    /// Takes so many bytes that were put into the room.
    pub(crate) fn filled(&mut self, bytes: usize) {
        self.end += bytes;
        self.read += bytes as u64;
    }

    /// Bytes that are not published yet.
    pub(crate) fn pending(&self) -> usize {
        self.end - self.start
    }

    /// Publishes the entries that are complete, if no more bytes are known to follow. When the last line is not, the rest of
    /// it is under way, and what entry it belongs to will show then.
    pub(crate) fn publish_complete(&mut self) {
        let whole_lines = self.content().ends_with(b"\n");
        self.publish(if whole_lines { Tail::Waits } else { Tail::Follows });
    }

    /// Publishes all there is: the file ended. Another one may follow.
    pub(crate) fn end(&mut self) {
        self.publish(Tail::Ends);
    }

    /// Publishes the entries that are complete.
    pub(crate) fn publish(&mut self, tail: Tail) {
        let now_us = time::now_ns() / 1000;
        let content = self.bytes.get(self.start..self.end).unwrap_or_default();
        let mut entries = self.splitter.entries(content, tail);
        for entry in entries.by_ref() {
            self.outlet.put(self.decoder.entry(entry, now_us));
        }
        self.start += entries.consumed();
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        self.outlet.flush();
        if self.counted < self.read {
            let publisher = &self.outlet.publisher;
            publisher.accounts().count("log_bytes", publisher.node(), (self.read - self.counted) as f64);
            self.counted = self.read;
        }
    }

    /// Begins a new run, unless the present one has no event yet.
    pub(crate) fn new_run(&mut self) {
        self.outlet.new_run();
    }

    /// Ends the run. For a publisher that is ours alone.
    pub(crate) fn end_run(&self) {
        self.outlet.runtime.block_on(self.outlet.publisher.end());
    }

    fn content(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }
}

struct Outlet {
    publisher: Publisher,
    runtime: Handle,
    stage: Arc<Stage>,
    batch: Vec<(u64, Body)>,
    /// The run has events.
    run_began: bool,
    entries: u64,
}

impl Outlet {
    fn put(&mut self, log: Log) {
        if matches!(log.log_event, Some(LogEvent::NodeStarted(_))) {
            self.new_run();
        }
        let time_ns = log.log_timestamp.saturating_mul(1000);
        self.batch.push((time_ns, Body::LogExtractor(log)));
        if self.batch.len() >= BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let events = self.batch.len() as u64;
        if events == 0 {
            return;
        }
        self.stage.add_in(events);
        self.runtime.block_on(self.publisher.publish_all(self.batch.drain(..)));
        self.stage.add_out(events);
        self.entries += events;
        self.run_began = true;
    }

    fn new_run(&mut self) {
        self.flush();
        if self.run_began {
            self.runtime.block_on(self.publisher.new_run());
            self.run_began = false;
        }
    }
}
