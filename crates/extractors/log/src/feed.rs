//! From the bytes of a log to events on the bus.

use std::sync::Arc;

use bus::counters::{Count, LOG_BYTES};
use bus::{Publisher, Stage};
use decode::log::{Decoder, Splitter, Tail, lines_after};
use event::pb::log_extractor::Log;
use event::pb::log_extractor::log::LogEvent;
use event::pb::observer::node_state::State;
use event::{Body, time};
use tokio::runtime::Handle;
use tracing::{info, warn};

use crate::sink::Sink;

/// How many bytes are read at once.
pub(crate) const CHUNK: usize = 256 * 1024;

/// How many events are published at once. It bounds memory: short lines grow a hundredfold when they become events.
const BATCH: usize = 1024;

/// After how many lines without the node's time, and none with it, that is reported.
const UNTIMED: u64 = 100;

/// Takes the bytes of a log, in order, and publishes the entries in them.
///
/// It needs memory for a chunk, a batch, and the longest entry that the decoder takes. Nothing of it blocks but publishing, where a reader of the bus
/// wants everything.
pub(crate) struct Feed {
    batches: BatchPublisher,
    splitter: Splitter,
    decoder: Decoder,
    reported: Reported,
    /// What was read. The bytes `start..end` of it are not published yet.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that came in.
    read: u64,
    /// How many of them are in `bytes_counted`.
    counted: u64,
    bytes_counted: Count,
}

impl Feed {
    /// A feed that is used in a thread that may block.
    pub(crate) fn new(publisher: Publisher, runtime: Handle) -> Self {
        let stage = publisher.accounts().stage("log");
        let bytes_counted = publisher.accounts().count(&LOG_BYTES, [publisher.node()]);
        let batch = Vec::with_capacity(BATCH);
        Self {
            batches: BatchPublisher { publisher, runtime, stage, batch, run_began: false, entries: 0 },
            splitter: Splitter::default(),
            decoder: Decoder::default(),
            reported: Reported::default(),
            bytes: vec![0; CHUNK],
            start: 0,
            end: 0,
            read: 0,
            counted: 0,
            bytes_counted,
        }
    }

    /// Bytes that came in.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Entries that were published.
    pub(crate) fn entries(&self) -> u64 {
        self.batches.entries
    }

    /// Logs what was assumed about the log, each thing once.
    fn report_guesses(&mut self, tail: Tail) {
        let (guesses, node) = (self.decoder.guesses(), self.batches.publisher.node());
        if let Some(prefix) = &guesses.foreign_prefix
            && !std::mem::replace(&mut self.reported.prefix, true)
        {
            info!(
                "node {node}: other text stands before the node's time in its log, such as {prefix:?}; it is skipped, and \
                 the node's time is taken"
            );
        }
        if guesses.old_times && !std::mem::replace(&mut self.reported.old_times, true) {
            warn!(
                "node {node}: its log has times as Bitcoin Core wrote them before v0.17; they are taken for UTC, and most \
                 entries of such a log are not known: Bitcoin Core v26 and later are supported"
            );
        }
        let enough = guesses.untimed >= UNTIMED || (tail == Tail::Ends && guesses.untimed > 0);
        if !guesses.timed && enough && !std::mem::replace(&mut self.reported.untimed, true) {
            warn!(
                "node {node}: no line of its log has the node's time, so that nothing in it is recognised; is it the log of \
                 a node, as plain text? If the node is started with -logtimestamps=0, remove that option; export a \
                 journal with `journalctl -o cat`"
            );
        }
    }

    /// Ends the run, for a publisher that nobody else has.
    pub(crate) fn end_run(&self) {
        self.batches.runtime.block_on(self.batches.publisher.end());
    }

    fn content(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }
}

impl Sink for Feed {
    fn node(&self) -> &str {
        self.batches.publisher.node()
    }

    fn node_is(&self, state: State, reason: Option<&str>) {
        self.batches.publisher.node_is(state, reason);
    }

    fn room(&mut self) -> &mut [u8] {
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

    fn filled(&mut self, bytes: usize) {
        self.end += bytes;
        self.read += bytes as u64;
    }

    fn pending(&self) -> usize {
        self.end - self.start
    }

    fn publish_complete(&mut self) {
        let whole_lines = self.content().ends_with(b"\n");
        self.publish(if whole_lines { Tail::Waits } else { Tail::Follows });
    }

    fn publish(&mut self, tail: Tail) {
        let now_us = time::now_ns() / 1000;
        let content = self.bytes.get(self.start..self.end).unwrap_or_default();
        let mut entries = self.splitter.entries(content, tail);
        for entry in entries.by_ref() {
            let log = self.decoder.entry(entry, now_us);
            let after = lines_after(entry, &log);
            self.batches.put(log);
            for line in after {
                self.batches.put(self.decoder.entry(line, now_us));
            }
        }
        self.start += entries.consumed();
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        self.batches.flush();
        if self.counted < self.read {
            self.bytes_counted.add((self.read - self.counted) as f64);
            self.counted = self.read;
        }
        self.report_guesses(tail);
    }

    fn new_run(&mut self) {
        self.batches.new_run();
    }
}

/// What was logged about a log.
#[derive(Default)]
struct Reported {
    prefix: bool,
    old_times: bool,
    untimed: bool,
}

/// Publishes entries in batches.
struct BatchPublisher {
    publisher: Publisher,
    runtime: Handle,
    stage: Arc<Stage>,
    batch: Vec<(u64, Body)>,
    /// The present run has events.
    run_began: bool,
    entries: u64,
}

impl BatchPublisher {
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
