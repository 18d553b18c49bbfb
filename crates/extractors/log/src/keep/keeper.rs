//! From the bytes of a log to files.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use bus::Publisher;
use decode::log::Tail;
use event::pb::observer::node_state::State;
use event::time::now_ns;
use memchr::memrchr;
use store::archive::ArchiveError;
use store::logs::{LineFacts, Writer};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::KeepOptions;
use super::position::Position;
use super::retention::{of_node, retain};
use super::upload::Notice;
use crate::feed::CHUNK;
use crate::file::{Identity, SEEN, remember};
use crate::resume::Resume;
use crate::sink::Sink;

/// Pause before a file that could not be written is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// How often is looked for files that are too old, and whether the day is over.
const LOOK: Duration = Duration::from_secs(60);
/// So long after the end of a day, nothing is expected of it any more.
const LATE_NS: u64 = 600 * 1_000_000_000;
const DAY_NS: u64 = 86_400 * 1_000_000_000;
/// A line that is longer is written in pieces.
const MAX_PENDING: usize = 4 * CHUNK;

/// Takes the bytes of a log, in order, and keeps the lines in them.
pub(crate) struct Keeper {
    publisher: Publisher,
    options: KeepOptions,
    completed: Notice,
    stop: CancellationToken,
    writer: Option<Writer>,
    /// What was read. The bytes `start..end` of it are not kept yet.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    times: LineFacts,
    /// The time of the last line, in nanoseconds since the UNIX epoch; 0 if there is none.
    last_ns: u64,
    /// Lines may be missing before the next one.
    gap: bool,
    /// The file that is read, and where what was read of it ends.
    reached: Option<(Identity, u64)>,
    /// The last bytes that were kept of it.
    seen: Vec<u8>,
    position: PathBuf,
    /// What was last written there.
    saved: Position,
    looked: Instant,
}

impl Keeper {
    /// Completes what an earlier process has left, and finds out where it was in the log.
    pub fn open(
        publisher: Publisher,
        options: KeepOptions,
        completed: Notice,
        stop: CancellationToken,
    ) -> Result<(Self, Option<Resume>), String> {
        let (directory, node) = (options.directory.clone(), publisher.node().to_owned());
        let make = fs::create_dir_all(&directory);
        make.map_err(|error| {
            format!("cannot make {}: {error}; choose another place with --logs-directory", directory.display())
        })?;
        let path = Position::path(&directory, &node);
        let known = Position::read(&path);
        let there = of_node(&directory, &node);
        let mut keeper = Self {
            publisher,
            completed,
            stop,
            writer: None,
            bytes: vec![0; CHUNK],
            start: 0,
            end: 0,
            times: LineFacts::default(),
            last_ns: 0,
            gap: known.is_none() && !there.is_empty(),
            reached: None,
            seen: Vec::new(),
            position: path,
            saved: Position::default(),
            looked: Instant::now(),
            options,
        };
        let mut is_found = false;
        for file in &there {
            let path = file.place.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let current = known.as_ref().filter(|known| known.file.as_deref() == name && name.is_some());
            match Writer::resume(keeper.options.files, path, current.map(|known| known.bytes)) {
                // It was completed right before the end.
                Ok(None) if current.is_some() => is_found = true,
                Ok(None) => {}
                Ok(Some(writer)) if current.is_some() => {
                    info!("node {node}: goes on with {}", path.display());
                    keeper.last_ns = writer.last_ns();
                    keeper.writer = Some(writer);
                    is_found = true;
                }
                Ok(Some(writer)) => {
                    keeper.last_ns = keeper.last_ns.max(writer.last_ns());
                    writer.finish().map_err(|error| error.to_string())?;
                    info!("node {node}: completed {}", path.display());
                }
                Err(error @ ArchiveError::InUse { .. }) => {
                    return Err(format!("{error}; keep the log of a node by one process, or in another place"));
                }
                Err(error) => warn!("node {node}: {error}: left as it is"),
            }
        }
        keeper.gap |= known.as_ref().is_some_and(|known| known.file.is_some()) && !is_found;
        retain(&keeper.options, &node, keeper.current());
        keeper.completed.give();
        let place = known.as_ref().and_then(|known| known.log.clone());
        keeper.saved = known.unwrap_or_default();
        Ok((keeper, place))
    }

    fn current(&self) -> Option<&Path> {
        self.writer.as_ref().map(Writer::path)
    }

    /// Keeps a line, with the end of it, of which `added` bytes are not in the log.
    fn line(&mut self, from: usize, to: usize, added: usize) {
        let line = self.bytes.get(from..to).unwrap_or_default();
        let time_ns = self.times.time_ns(line).unwrap_or(if self.last_ns > 0 { self.last_ns } else { now_ns() });
        let is_next_day =
            self.writer.as_ref().is_some_and(|writer| time_ns / DAY_NS > writer.begun_ms() * 1_000_000 / DAY_NS);
        if is_next_day {
            self.complete();
        }
        if self.writer.is_none() && !self.begin(time_ns) {
            return;
        }
        let Some(writer) = &mut self.writer else { return };
        let noted = if std::mem::take(&mut self.gap) { writer.note_gap() } else { Ok(()) };
        if let Err(error) = noted
            && !self.persist(error)
        {
            return;
        }
        let line = self.bytes.get(from..to).unwrap_or_default();
        let Some(writer) = &mut self.writer else { return };
        let safe = writer.safe_bytes();
        let kept = writer.append(line, time_ns);
        self.last_ns = time_ns;
        remember(&mut self.seen, line.get(..line.len().saturating_sub(added)).unwrap_or_default());
        self.start = to.saturating_sub(added);
        if let Err(error) = kept
            && !self.persist(error)
        {
            return;
        }
        if self.writer.as_ref().is_some_and(|writer| writer.safe_bytes() != safe) {
            self.save();
        }
    }

    /// Begins a file. Returns false if that could not be done before the end.
    fn begin(&mut self, first_ns: u64) -> bool {
        let mut reported = false;
        loop {
            let (files, directory) = (self.options.files, &self.options.directory);
            let node = self.publisher.node();
            match Writer::create(files, directory, node, first_ns, self.last_ns, self.gap) {
                Ok(writer) => {
                    self.gap = false;
                    self.writer = Some(writer);
                    return true;
                }
                Err(error) if self.stop.is_cancelled() => {
                    warn!("node {node}: {error}");
                    return false;
                }
                Err(error) => {
                    if !std::mem::replace(&mut reported, true) {
                        warn!("node {node}: its log is read on when it can be kept: {error}");
                    }
                    thread::sleep(RETRY);
                }
            }
        }
    }

    /// Tries until what is in memory is safe: the log waits where it is. Returns false if it is not before the end.
    fn persist(&mut self, error: ArchiveError) -> bool {
        warn!("node {}: its log is read on when it can be kept: {error}", self.publisher.node());
        let begun = Instant::now();
        while let Some(writer) = &mut self.writer
            && writer.sync().is_err()
        {
            if self.stop.is_cancelled() {
                return false;
            }
            thread::sleep(RETRY);
        }
        info!("node {}: its log is kept again, after {} s", self.publisher.node(), begun.elapsed().as_secs());
        true
    }

    /// Makes what was kept safe, if it is time. Returns false if it is time and that cannot be done before the end.
    fn sync(&mut self, now: bool) -> bool {
        let Some(writer) = self.writer.as_mut().filter(|writer| now || writer.is_due()) else { return true };
        if let Err(error) = writer.sync()
            && !self.persist(error)
        {
            return false;
        }
        self.save();
        true
    }

    /// Notes how far the log is kept.
    fn save(&mut self) {
        let log = self.reached.map(|(file, offset)| {
            let behind = self.end.saturating_sub(self.start) as u64;
            Resume { file, offset: offset.saturating_sub(behind), seen: hex::encode(&self.seen) }
        });
        let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let position = Position {
            file: self.current().and_then(name),
            bytes: self.writer.as_ref().map(Writer::safe_bytes).unwrap_or_default(),
            // Before anything was read, it is where it was.
            log: log.or_else(|| self.saved.log.clone()),
        };
        if position == self.saved {
            return;
        }
        match position.write(&self.position) {
            Ok(()) => self.saved = position,
            Err(error) => warn!(
                "node {}: cannot note in {} how far its log is kept: {error}",
                self.publisher.node(),
                self.position.display()
            ),
        }
    }

    /// Completes the file of a day.
    fn complete(&mut self) {
        // All that is in it is noted first: if this process ends in between, the next one knows that nothing is missing.
        if !self.sync(true) {
            return;
        }
        let Some(writer) = self.writer.take() else { return };
        let path = writer.path().to_owned();
        match writer.finish() {
            Ok(bytes) => info!("node {}: {} is complete: {bytes} bytes", self.publisher.node(), path.display()),
            Err(error) => warn!("node {}: {error}: the next start completes it", self.publisher.node()),
        }
        self.save();
        retain(&self.options, self.publisher.node(), None);
        self.completed.give();
    }

    fn look(&mut self) {
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        let end_of_day = |writer: &Writer| (writer.begun_ms() * 1_000_000 / DAY_NS + 1) * DAY_NS + LATE_NS;
        if self.writer.as_ref().is_some_and(|writer| now_ns() > end_of_day(writer)) {
            self.complete();
        } else {
            retain(&self.options, self.publisher.node(), self.current());
        }
    }
}

impl Sink for Keeper {
    fn node(&self) -> &str {
        self.publisher.node()
    }

    fn node_is(&self, state: State, reason: Option<&str>) {
        self.publisher.node_is(state, reason);
    }

    fn room(&mut self) -> &mut [u8] {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let needed = self.end + CHUNK;
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
        self.bytes.get_mut(self.end..needed).unwrap_or_default()
    }

    fn filled(&mut self, bytes: usize) {
        self.end += bytes;
    }

    fn pending(&self) -> usize {
        self.end - self.start
    }

    fn publish(&mut self, tail: Tail) {
        let content = self.bytes.get(self.start..self.end).unwrap_or_default();
        let whole = memrchr(b'\n', content).map_or(0, |at| at + 1);
        let ends: Vec<usize> = memchr::memchr_iter(b'\n', content.get(..whole).unwrap_or_default()).collect();
        let (begin, mut from) = (self.start, self.start);
        for at in ends {
            let to = begin + at + 1;
            self.line(from, to, 0);
            from = to;
            if self.stop.is_cancelled() && self.start != from {
                return;
            }
        }
        let rest = self.end - from;
        if rest > MAX_PENDING || (tail == Tail::Ends && rest > 0) {
            if tail == Tail::Ends {
                // The last line of a file has no end: the next one is not to be a part of it.
                self.bytes.truncate(self.end);
                self.bytes.push(b'\n');
                self.line(from, self.end + 1, 1);
            } else {
                self.line(from, self.end, 0);
            }
        }
        self.sync(false);
        self.look();
    }

    fn publish_complete(&mut self) {
        self.publish(Tail::Waits);
    }

    fn new_run(&mut self) {}

    fn opened(&mut self, seen: &[u8]) {
        // All of the file before is noted as kept: its place is not that of what comes.
        self.sync(true);
        self.reached = None;
        self.seen = seen.get(seen.len().saturating_sub(SEEN)..).unwrap_or_default().to_vec();
    }

    fn reached(&mut self, file: Identity, offset: u64) {
        self.reached = Some((file, offset));
    }

    fn wants_copies(&self) -> bool {
        true
    }

    fn lost(&mut self) {
        self.gap = true;
    }

    fn stop(&mut self) {
        self.sync(true);
    }
}
